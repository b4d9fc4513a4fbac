#include "workloads/images/dockerfile_lines.hpp"

#include <algorithm>
#include <cctype>

namespace berth::docker {

std::string_view trim_left(std::string_view text) {
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  return text;
}
std::string_view trim(std::string_view text) {
  text = trim_left(text);
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  return text;
}
std::string lower(std::string_view text) {
  std::string result(text);
  for (char& c : result) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return result;
}
std::string upper(std::string_view text) {
  std::string result(text);
  for (char& c : result) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  }
  return result;
}

std::string Heredoc::body() const {
  if (!strip_tabs) return content;
  std::string result;
  bool at_start = true;
  for (const char c : content) {
    if (at_start && c == '\t') continue;
    result += c;
    at_start = c == '\n';
  }
  return result;
}

void LogicalLine::append(std::string_view text, std::size_t line, std::size_t column) {
  segments_.push_back({text_.size(), line, column});
  text_ += text;
}

Place LogicalLine::place(const std::string& file, std::size_t offset) const {
  if (segments_.empty()) return {file, 0, 0};
  const auto after = std::upper_bound(segments_.begin(), segments_.end(), offset,
                                      [](std::size_t at, const Segment& s) { return at < s.offset; });
  const Segment& s = after == segments_.begin() ? *after : *std::prev(after);
  return {file, s.line, s.column + std::min(offset, text_.size()) - s.offset};
}

namespace {

// `# name = value`, as long as only such lines have come. Nullopt-like: empty name.
Directive as_directive(std::string_view line) {
  Directive result;
  if (line.empty() || line.front() != '#') return result;
  line = trim_left(line.substr(1));
  std::size_t end = 0;
  while (end < line.size() && std::isalnum(static_cast<unsigned char>(line[end]))) ++end;
  if (end == 0 || !std::isalpha(static_cast<unsigned char>(line.front()))) return result;
  const std::string name = lower(line.substr(0, end));
  line = trim_left(line.substr(end));
  if (line.empty() || line.front() != '=') return result;
  const std::string_view value = trim(line.substr(1));
  if (value.empty() || (name != "syntax" && name != "escape" && name != "check")) return result;
  result.name = name;
  result.value = value;
  return result;
}

bool is_comment(std::string_view line) {
  line = trim_left(line);
  return !line.empty() && line.front() == '#';
}

// Cuts the escape character that ends the line, with the blanks after it; false if there is none. Two of them in a row
// are a plain character.
bool cut_continuation(std::string_view& line, char escape) {
  std::string_view rest = line;
  while (!rest.empty() && (rest.back() == ' ' || rest.back() == '\t')) rest.remove_suffix(1);
  if (rest.empty() || rest.back() != escape) return false;
  rest.remove_suffix(1);
  if (!rest.empty() && rest.back() == escape) return false;
  line = rest;
  return true;
}

}  // namespace

LineReader::LineReader(std::string_view text, std::string file) : text_(text), file_(std::move(file)) {
  if (text_.starts_with("\xEF\xBB\xBF")) at_ = 3;
  // A look ahead over the first lines; next() meets them again as comments.
  std::size_t at = at_;
  for (std::size_t number = 1; at < text_.size(); ++number) {
    const std::size_t end = std::min(text_.find('\n', at), text_.size());
    Directive directive = as_directive(trim_left(text_.substr(at, end - at)));
    if (directive.name.empty()) break;
    directive.line = number;
    const auto twice = std::find_if(directives_.begin(), directives_.end(),
                                    [&](const Directive& d) { return d.name == directive.name; });
    if (twice != directives_.end()) {
      throw InputError(to_string(Place{file_, number, 1}) + ": directive \"" + directive.name +
                       "\" is there twice, first in line " + std::to_string(twice->line) + "; expected it once");
    }
    if (directive.name == "escape") {
      if (directive.value != "`" && directive.value != "\\") {
        throw InputError(to_string(Place{file_, number, 1}) + ": escape is \"" + directive.value +
                         "\"; expected ` or \\");
      }
      escape_ = directive.value.front();
    }
    directives_.push_back(std::move(directive));
    at = end + 1;
  }
}

bool LineReader::physical(std::string_view& line) {
  if (at_ >= text_.size()) return false;
  const std::size_t end = std::min(text_.find('\n', at_), text_.size());
  line = text_.substr(at_, end - at_);
  if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
  at_ = end + 1;
  ++number_;
  return true;
}

bool LineReader::next(LogicalLine& logical, std::vector<std::string>& comments) {
  logical = {};
  comments.clear();
  for (std::string_view line; physical(line);) {
    if (is_comment(line)) {
      const std::string_view comment = trim(trim_left(line).substr(1));
      if (comment.empty()) {
        comments.clear();
      } else {
        comments.emplace_back(comment);
      }
      continue;
    }
    const std::string_view begun = trim_left(line);
    const std::size_t column = 1 + static_cast<std::size_t>(begun.data() - line.data());
    std::string_view part = begun;
    bool more = cut_continuation(part, escape_);
    if (!more && part.empty()) continue;
    logical.append(part, number_, column);
    std::size_t empty_line = 0;
    while (more && physical(line)) {
      if (is_comment(line)) continue;
      if (trim(line).empty()) {
        if (empty_line == 0) empty_line = number_;
        continue;
      }
      part = line;
      more = cut_continuation(part, escape_);
      logical.append(part, number_, 1);
    }
    if (empty_line != 0) {
      Warning& warning = warnings_.emplace_back();
      warning.place.file = file_;
      warning.place.line = empty_line;
      warning.what = "empty continuation line; expected none (an error in the future)";
    }
    if (trim(logical.text()).empty()) {
      throw InputError(to_string(logical.place(file_, 0)) +
                       ": an escape character continues nothing; expected an instruction before it");
    }
    return true;
  }
  return false;
}

void LineReader::read_body(Heredoc& heredoc, const Place& opened) {
  heredoc.line = number_ + 1;
  while (at_ < text_.size()) {
    const std::size_t begin = at_;
    std::string_view line;
    physical(line);
    if (heredoc.strip_tabs) line.remove_prefix(std::min(line.find_first_not_of('\t'), line.size()));
    if (line == heredoc.name) return;
    heredoc.content += text_.substr(begin, std::min(at_, text_.size()) - begin);
  }
  throw InputError(to_string(opened) + ": heredoc \"" + heredoc.name + "\" never ends; expected a line that is just " +
                   heredoc.name);
}

std::vector<Heredoc> heredocs_of(std::string_view text, std::vector<std::size_t>* offsets) {
  std::vector<Heredoc> result;
  const auto skip_quoted = [&](std::size_t& i) {  // At the opening quote; ends behind the closing one.
    const char quote = text[i++];
    while (i < text.size() && text[i] != quote) {
      if (text[i] == '\\' && quote == '"' && i + 1 < text.size()) ++i;
      ++i;
    }
    if (i < text.size()) ++i;
  };
  for (std::size_t i = 0; i < text.size();) {
    if (is_space(text[i])) {
      ++i;
      continue;
    }
    // One word. It is a heredoc if it begins with digits and <<, or just <<; blanks may follow that.
    const std::size_t begin = i;
    std::size_t mark = i;
    while (mark < text.size() && text[mark] >= '0' && text[mark] <= '9') ++mark;
    Heredoc heredoc;
    bool possible = text.substr(mark, 2) == "<<";
    if (possible) {
      if (mark > begin && mark - begin < 6)
        heredoc.descriptor = static_cast<unsigned>(std::stoul(std::string(text.substr(begin, mark - begin))));
      i = mark + 2;
      if (i < text.size() && text[i] == '-') {
        heredoc.strip_tabs = true;
        ++i;
      }
      while (i < text.size() && is_space(text[i])) ++i;
    }
    while (i < text.size() && !is_space(text[i])) {
      const char c = text[i];
      if (c == '<' && possible) possible = false;
      if (c == '\'' || c == '"') {
        const std::size_t open = i;
        skip_quoted(i);
        heredoc.expand = false;
        const std::size_t close = i > open + 1 && text[i - 1] == c ? i - 1 : i;
        heredoc.name += text.substr(open + 1, close - open - 1);
      } else if (c == '\\' && i + 1 < text.size()) {
        heredoc.name += text[i + 1];
        i += 2;
      } else {
        heredoc.name += c;
        ++i;
      }
    }
    if (possible && !heredoc.name.empty() && heredoc.name.find('\n') == std::string::npos) {
      if (offsets != nullptr) offsets->push_back(begin);
      result.push_back(std::move(heredoc));
    }
  }
  return result;
}

bool is_heredoc(std::string_view word, Heredoc* heredoc) {
  std::vector<std::size_t> offsets;
  const std::vector<Heredoc> found = heredocs_of(word, &offsets);
  if (found.size() != 1 || offsets.front() != 0) return false;
  if (heredoc != nullptr) *heredoc = found.front();
  return true;
}

}  // namespace berth::docker
