#include "workloads/kube_json_parts.hpp"

#include <nlohmann/json.hpp>

namespace berth::kube {
namespace parts {

void metadata(Fields& object, std::string& name, std::string* namespace_name, StringMap* labels) {
  object.ignore({"apiVersion", "kind"});
  object.get("metadata", [&](const Reader& r) {
    Fields f(r);
    f.text("name", name);
    if (namespace_name != nullptr && !f.text("namespace", *namespace_name)) *namespace_name = "default";
    if (labels != nullptr) f.map("labels", *labels);
    f.ignore_rest();  // Who made the object and when.
  });
}

Requirement requirement(const Reader& r) {
  static constexpr Word<SelectorOperator> kOperators[] = {
      {"In", SelectorOperator::kIn},         {"NotIn", SelectorOperator::kNotIn},
      {"Exists", SelectorOperator::kExists}, {"DoesNotExist", SelectorOperator::kDoesNotExist},
      {"Gt", SelectorOperator::kGt},         {"Lt", SelectorOperator::kLt}};
  Requirement out;
  Fields f(r);
  f.text("key", out.key);
  if (!f.get("operator", [&](const Reader& o) { out.op = choice(o, kOperators); })) {
    r.fail("lacks \"operator\"; expected In, NotIn, Exists, DoesNotExist, Gt or Lt");
  }
  f.get("values", [&](const Reader& v) { out.values = v.texts(); });
  return out;
}

void add_match_labels(const StringMap& labels, std::vector<Requirement>& out) {
  for (const auto& [key, value] : labels) out.push_back({key, SelectorOperator::kIn, {value}});
}

LabelSelector label_selector(const Reader& r) {
  LabelSelector out = LabelSelector::everything();
  Fields f(r);
  f.get("matchLabels", [&](const Reader& v) { add_match_labels(v.string_map(), out.requirements); });
  f.get("matchExpressions",
        [&](const Reader& v) { v.each([&](const Reader& item) { out.requirements.push_back(requirement(item)); }); });
  return out;
}

void node_selector_terms(const Reader& r, std::vector<NodeSelectorTerm>& out) {
  Fields f(r);
  f.list("nodeSelectorTerms", out);
}

void requests_and_limits(const Reader& r, ResourceList& requests, ResourceList& limits) {
  Fields f(r);
  f.get("requests", [&](const Reader& v) { requests = v.resources(); });
  f.get("limits", [&](const Reader& v) { limits = v.resources(); });
  f.ignore({"claims"});
}

}  // namespace parts

void decode(const Reader& value, NodeSelectorTerm& out) {
  Fields f(value);
  f.get("matchExpressions", [&](const Reader& v) {
    v.each([&](const Reader& item) { out.match_expressions.push_back(parts::requirement(item)); });
  });
  f.get("matchFields", [&](const Reader& v) {
    v.each([&](const Reader& item) { out.match_fields.push_back(parts::requirement(item)); });
  });
}

void decode(const Reader& value, PreferredSchedulingTerm& out) {
  Fields f(value);
  f.integer("weight", out.weight, 0, 100);
  f.get("preference", [&](const Reader& v) { decode(v, out.preference); });
}

}  // namespace berth::kube
