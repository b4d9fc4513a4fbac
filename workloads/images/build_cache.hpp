// What earlier builds made, by cache key, and what went into each key, so that a miss can be explained.
// Source: BuildKit, docs/dev/solver.md: a step's key is its own definition with the keys (or the content) of its
// inputs.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

namespace berth::docker {

// One thing that a key depends on: {"variable VERSION", "1.2"}, {"file src/main.go", digest}, {"the step above", key}.
struct Ingredient {
  std::string name;
  std::string value;
  friend bool operator==(const Ingredient&, const Ingredient&) = default;
};

// Order counts. O(total length).
std::string cache_key(const std::vector<Ingredient>& ingredients);

class BuildCache {
 public:
  bool has(const std::string& key) const { return keys_.contains(key); }
  void store(const std::string& key) { keys_.insert(key); }

  // Why `ingredients` is another key than the one this step had in the build before: a line for each difference, at
  // most `kShown` of them and then their number. A step is known by its stage and place in it.
  std::vector<std::string> explain(const std::string& step, const std::vector<Ingredient>& ingredients) const;
  void remember(const std::string& step, std::vector<Ingredient> ingredients);

  static constexpr std::size_t kShown = 5;

 private:
  std::set<std::string> keys_;
  std::map<std::string, std::vector<Ingredient>> last_;
};

}  // namespace berth::docker
