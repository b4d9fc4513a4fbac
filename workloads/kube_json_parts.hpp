// The parts that several kinds of objects have in common, for the decoders alone.
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "sim/engine/error.hpp"
#include "workloads/kube_json.hpp"

namespace berth::kube::parts {

inline constexpr std::int64_t kMaxInt32 = std::numeric_limits<std::int32_t>::max();
inline constexpr std::int64_t kMinInt32 = std::numeric_limits<std::int32_t>::min();

template <class T>
struct Word {
  const char* text;
  T value;
};

// The value that the text stands for; anything else is refused with the choices.
template <class T, std::size_t kCount>
T choice(const Reader& r, const Word<T> (&words)[kCount]) {
  const std::string text = r.text();
  std::vector<std::string> candidates;
  for (const Word<T>& word : words) {
    if (text == word.text) return word.value;
    candidates.emplace_back(word.text);
  }
  r.fail(fmt::format("is \"{}\"; expected one of {}{}", text, fmt::join(candidates, ", "),
                     did_you_mean(text, candidates)));
}

inline constexpr Word<TaintEffect> kEffects[] = {{"NoSchedule", TaintEffect::kNoSchedule},
                                                 {"PreferNoSchedule", TaintEffect::kPreferNoSchedule},
                                                 {"NoExecute", TaintEffect::kNoExecute}};

// apiVersion, kind and metadata; the namespace is "default" where there is none.
void metadata(Fields& object, std::string& name, std::string* namespace_name = nullptr, StringMap* labels = nullptr);
Requirement requirement(const Reader& r);
void add_match_labels(const StringMap& labels, std::vector<Requirement>& out);
LabelSelector label_selector(const Reader& r);
void node_selector_terms(const Reader& r, std::vector<NodeSelectorTerm>& out);
void requests_and_limits(const Reader& r, ResourceList& requests, ResourceList& limits);

}  // namespace berth::kube::parts
