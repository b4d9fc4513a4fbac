// File patterns of COPY, ADD and .dockerignore. One component: * any characters but /, ? one of them, [a-z] [^x] a
// class, \x for x itself. In .dockerignore and --exclude also ** (any number of folders) and a leading ! (an
// exception); of the lines that match, the last one counts. Source: Go's path/filepath Match; moby/patternmatcher;
// Docker's documentation on .dockerignore.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "sim/engine/error.hpp"

namespace berth::docker {

// Go's filepath.Match over the whole of `path`: * and ? stop at /. Throws InputError at `place` for a bad pattern.
bool match_path(std::string_view pattern, std::string_view path, const Place& place);
bool has_wildcard(std::string_view path);  // * ? [ or an escape.

// Go's filepath.Clean for slashes: no empty, . or needless .. parts; "" becomes ".".
std::string clean_path(std::string_view path);
// The same below a root that .. cannot leave, without a leading slash: "/src", "../src" and "src/" are "src"; the root
// itself is "".
std::string rootless_path(std::string_view path);

// A .dockerignore, or the --exclude flags of one instruction.
class IgnoreList {
 public:
  IgnoreList() = default;
  // The text of a .dockerignore: one pattern a line, # comments, blank lines; a leading / counts for nothing.
  static IgnoreList read(std::string_view text, const std::string& file);
  // One pattern. Throws InputError for "!" alone and for a class that is not closed.
  void add(std::string_view pattern, const Place& place);

  // `path` is relative to the context's root, without . or .. parts. True if it, or a folder above it, is matched and
  // no later exception matches. O(patterns · depth · length).
  bool ignores(std::string_view path) const;
  // Whether a file below an ignored folder may still be wanted.
  bool has_exceptions() const;

 private:
  struct Pattern {
    std::string text;
    bool exception = false;
    Place place;
  };
  std::vector<Pattern> patterns_;
};

}  // namespace berth::docker
