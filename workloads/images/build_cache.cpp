#include "workloads/images/build_cache.hpp"

#include "workloads/images/digest.hpp"

namespace berth::docker {
namespace {

// Keys and digests say nothing to a reader; other values do.
bool readable(const std::string& value) {
  return value.size() <= 40 && value.find("sha256:") == std::string::npos && value.find('\n') == std::string::npos;
}

}  // namespace

std::string cache_key(const std::vector<Ingredient>& ingredients) {
  Sha256 sha;
  for (const Ingredient& i : ingredients) sha.field(i.name).field(i.value);
  return sha.digest();
}

std::vector<std::string> BuildCache::explain(const std::string& step,
                                             const std::vector<Ingredient>& ingredients) const {
  const auto it = last_.find(step);
  if (it == last_.end()) return {"not built before"};
  std::map<std::string, std::string> before;
  for (const Ingredient& i : it->second) before[i.name] = i.value;
  std::map<std::string, std::string> now;
  for (const Ingredient& i : ingredients) now[i.name] = i.value;
  std::vector<std::string> reasons;
  std::size_t count = 0;
  const auto say = [&](std::string reason) {
    if (++count <= kShown) reasons.push_back(std::move(reason));
  };
  for (const Ingredient& i : ingredients) {
    const auto old = before.find(i.name);
    if (old == before.end()) {
      say(i.name + " is new");
    } else if (old->second != i.value) {
      const bool show = readable(old->second) && readable(i.value);
      say(i.name + " changed" + (show ? ": \"" + old->second + "\" is now \"" + i.value + "\"" : ""));
    }
  }
  for (const auto& [name, value] : before) {
    if (!now.contains(name)) say(name + " is gone");
  }
  if (count > kShown) reasons.push_back("and " + std::to_string(count - kShown) + " more");
  if (count == 0) {
    reasons.push_back(it->second == ingredients ? "its record is not in the cache" : "the same in another order");
  }
  return reasons;
}

void BuildCache::remember(const std::string& step, std::vector<Ingredient> ingredients) {
  last_.insert_or_assign(step, std::move(ingredients));
}

}  // namespace berth::docker
