// The bottom of the Dockerfile language: physical lines become logical ones. Parser directives, comments, continuation
// lines and heredoc bodies end here; what an instruction means is in dockerfile.cpp.
// Source: BuildKit, frontend/dockerfile/parser/parser.go, and the Dockerfile reference, "Format".
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "sim/engine/error.hpp"

namespace berth::docker {

struct Directive {
  std::string name;  // Lower case: "syntax", "escape" or "check".
  std::string value;
  std::size_t line = 0;
};

// <<NAME in RUN, COPY or ADD, and the lines up to NAME.
struct Heredoc {
  std::string name;         // Without quotes.
  bool expand = true;       // No quotes around the name: COPY and ADD substitute variables in the body.
  bool strip_tabs = false;  // <<-: leading tabs do not count.
  unsigned descriptor = 0;  // 3 in "3<<EOF".
  std::string content;      // As it stands in the file, line breaks included.
  std::size_t line = 0;     // Of the body's first line.

  std::string body() const;  // What the file or the shell gets: content, without leading tabs if strip_tabs.
};

// One instruction's text with its continuation lines joined, and where each part of it came from.
class LogicalLine {
 public:
  void append(std::string_view text, std::size_t line, std::size_t column);

  const std::string& text() const { return text_; }
  std::size_t line() const { return segments_.empty() ? 0 : segments_.front().line; }
  // Line and byte column (from 1) of the character at `offset`; the end of the text counts as its last line's end.
  Place place(const std::string& file, std::size_t offset) const;

 private:
  struct Segment {
    std::size_t offset;
    std::size_t line;
    std::size_t column;
  };
  std::string text_;
  std::vector<Segment> segments_;
};

struct Warning {
  Place place;
  std::string what;
};

// Reads a Dockerfile line by line.
class LineReader {
 public:
  // `text` must outlive the reader. Reads the directives at once; throws InputError for one that is there twice and for
  // an escape character that is neither ` nor \.
  LineReader(std::string_view text, std::string file);

  const std::vector<Directive>& directives() const { return directives_; }
  char escape() const { return escape_; }
  const std::string& file() const { return file_; }

  // The next instruction's line, and the comment lines right above it without their '#'. False at the end.
  bool next(LogicalLine& line, std::vector<std::string>& comments);
  // The body of a heredoc that the line just read has opened; throws InputError at `opened` if it never ends.
  void read_body(Heredoc& heredoc, const Place& opened);

  std::size_t last_line() const { return number_; }  // Of the line read last.
  std::vector<Warning>& warnings() { return warnings_; }

 private:
  bool physical(std::string_view& line);  // Without its line break. Counts number_.

  std::string_view text_;
  std::string file_;
  std::size_t at_ = 0;
  std::size_t number_ = 0;
  char escape_ = '\\';
  std::vector<Directive> directives_;
  std::vector<Warning> warnings_;
};

// The heredocs that a line opens, in order, bodies still empty: <<NAME, <<-NAME, <<"NAME", 3<<NAME at the start of a
// word, none inside quotes. offsets: where each stands in `text`, if not null.
std::vector<Heredoc> heredocs_of(std::string_view text, std::vector<std::size_t>* offsets);
// The one heredoc that `word` is, if it is one.
bool is_heredoc(std::string_view word, Heredoc* heredoc);

inline bool is_space(char c) {
  return c == ' ' || (c >= '\t' && c <= '\r');
}
std::string_view trim_left(std::string_view text);
std::string_view trim(std::string_view text);
std::string lower(std::string_view text);  // ASCII.
std::string upper(std::string_view text);

}  // namespace berth::docker
