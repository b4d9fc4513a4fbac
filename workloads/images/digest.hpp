// SHA-256 as images use it: layers, configs and cache keys are named by it. Source: FIPS 180-4.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace berth {

// Streamed: O(size) time, O(1) memory.
class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(const Sha256&) = delete;
  Sha256& operator=(const Sha256&) = delete;

  Sha256& bytes(std::string_view data);
  // The text with its length before it, so that ("ab", "c") and ("a", "bc") differ.
  Sha256& field(std::string_view text);
  Sha256& number(std::int64_t value);
  // "sha256:" and 64 lower-case hexadecimal digits. Once, last.
  std::string digest();

 private:
  struct Context;
  std::unique_ptr<Context> context_;
};

std::string sha256_digest(std::string_view text);  // Of the text alone.

}  // namespace berth
