// The parser of the table's language; the table itself is in api_types.cpp.
#include "workloads/manifest/api_schema.hpp"

#include <algorithm>
#include <limits>

#include "sim/engine/error.hpp"
#include "workloads/manifest/api_types.hpp"

namespace berth::manifest {
namespace {

constexpr std::int64_t kMaxInt32 = std::numeric_limits<std::int32_t>::max();
constexpr std::int64_t kMinInt32 = std::numeric_limits<std::int32_t>::min();
constexpr std::int64_t kMaxInt64 = std::numeric_limits<std::int64_t>::max();

std::vector<std::string_view> split(std::string_view text, std::string_view separators) {
  std::vector<std::string_view> words;
  for (std::size_t at = 0; (at = text.find_first_not_of(separators, at)) != std::string_view::npos;) {
    const std::size_t end = std::min(text.find_first_of(separators, at), text.size());
    words.push_back(text.substr(at, end - at));
    at = end;
  }
  return words;
}

ApiValue simple(ApiValue::Kind kind, std::int64_t min = 0, std::int64_t max = 0) {
  ApiValue value;
  value.kind = kind;
  value.min = min;
  value.max = max;
  return value;
}

}  // namespace

const ApiField* ApiType::find(std::string_view field) const {
  for (const ApiField& f : fields) {
    if (f.name == field) return &f;
  }
  return nullptr;
}

ApiValue ApiSchema::parse_value(std::string_view text) const {
  using Kind = ApiValue::Kind;
  if (text == "str") return simple(Kind::kString);
  if (text == "int") return simple(Kind::kInt, kMinInt32, kMaxInt32);
  if (text == "uint") return simple(Kind::kInt, 0, kMaxInt32);
  if (text == "pint") return simple(Kind::kInt, 1, kMaxInt32);
  if (text == "ulong") return simple(Kind::kInt, 0, kMaxInt64 / 1'000'000'000);  // Seconds that fit a Duration.
  if (text == "slong") return simple(Kind::kInt, -kMaxInt64 / 1'000'000'000, kMaxInt64 / 1'000'000'000);
  if (text == "long") return simple(Kind::kInt, 0, kMaxInt64);
  if (text == "port") return simple(Kind::kInt, 1, 65535);
  if (text == "port0") return simple(Kind::kInt, 0, 65535);
  if (text == "weight") return simple(Kind::kInt, 1, 100);
  if (text == "byte") return simple(Kind::kInt, 0, 255);
  if (text == "bool") return simple(Kind::kBool);
  if (text == "qty") return simple(Kind::kQuantity);
  if (text == "intstr") return simple(Kind::kIntOrString);
  if (text == "time") return simple(Kind::kTime);
  if (text == "strs") return simple(Kind::kStrings);
  if (text == "qtys") return simple(Kind::kQuantities);
  if (text == "any") return simple(Kind::kAny);
  if (text.front() == '[' || text.front() == '{') {
    ApiValue value = simple(text.front() == '[' ? Kind::kList : Kind::kMap);
    value.item = std::make_shared<const ApiValue>(parse_value(text.substr(1, text.size() - 2)));
    return value;
  }
  if (text.find('|') != std::string_view::npos) {
    ApiValue value = simple(Kind::kWord);
    for (const std::string_view word : split(text, "|")) value.words.emplace_back(word);
    return value;
  }
  const auto type = types_.find(text);
  BERTH_CHECK(type != types_.end());  // A slip in the table: types stand before their use.
  ApiValue value = simple(Kind::kObject);
  value.type = &type->second;
  return value;
}

ApiSchema::ApiSchema() {
  for (const std::string_view line : split(api_types(), "\n")) {
    const std::vector<std::string_view> words = split(line, " ");
    if (words.empty()) continue;
    // "Name = field:type …", "Name += field:type …" or "kind apiVersion Kind flags type".
    if (words[0] == "kind") {
      BERTH_CHECK(words.size() == 5);
      ApiKind kind{std::string(words[1]), std::string(words[2])};
      kind.namespaced = words[3].find('n') != std::string_view::npos;
      if (words[3].find('-') != std::string_view::npos) kind.use = ApiKind::Use::kNotModelled;
      if (words[4] != "any") {
        const auto type = types_.find(words[4]);
        BERTH_CHECK(type != types_.end());
        kind.type = &type->second;
      }
      kinds_.push_back(std::move(kind));
      continue;
    }
    BERTH_CHECK(words.size() >= 2 && (words[1] == "=" || words[1] == "+="));
    std::vector<ApiField> fields;
    for (std::size_t i = 2; i < words.size(); ++i) {
      std::string_view word = words[i];
      ApiField field;
      if (word.front() == '-') field.use = ApiField::Use::kNotModelled;
      if (word.front() == '~') field.use = ApiField::Use::kBookkeeping;
      if (word.front() == '-' || word.front() == '~') word.remove_prefix(1);
      if (word.back() == '!') {
        field.required = true;
        word.remove_suffix(1);
      }
      const std::size_t colon = word.find(':');
      field.name = word.substr(0, colon);
      if (colon != std::string_view::npos) field.value = parse_value(word.substr(colon + 1));
      fields.push_back(std::move(field));
    }
    ApiType& type = types_[std::string(words[0])];
    type.name = words[0];
    for (ApiField& field : fields) type.fields.push_back(std::move(field));
  }
}

const ApiSchema& ApiSchema::get() {
  static const ApiSchema kSchema;
  return kSchema;
}

const ApiKind* ApiSchema::find(std::string_view api_version, std::string_view kind) const {
  for (const ApiKind& k : kinds_) {
    if (k.api_version == api_version && k.kind == kind) return &k;
  }
  return nullptr;
}

std::string ApiSchema::refusal(std::string_view api_version, std::string_view kind) const {
  struct Removed {
    std::string_view api_version;
    std::string_view kind;  // Empty: all.
    std::string_view why;
  };
  // Source: the deprecated API migration guide of Kubernetes.
  static constexpr Removed kRemoved[] = {
      {"extensions/v1beta1", "Deployment", "was removed in Kubernetes 1.16; expected apps/v1"},
      {"extensions/v1beta1", "DaemonSet", "was removed in Kubernetes 1.16; expected apps/v1"},
      {"extensions/v1beta1", "ReplicaSet", "was removed in Kubernetes 1.16; expected apps/v1"},
      {"extensions/v1beta1", "NetworkPolicy", "was removed in Kubernetes 1.16; expected networking.k8s.io/v1"},
      {"extensions/v1beta1", "PodSecurityPolicy", "was removed in Kubernetes 1.25; expected Pod Security Admission"},
      {"extensions/v1beta1", "Ingress", "was removed in Kubernetes 1.22; expected networking.k8s.io/v1"},
      {"extensions/v1beta1", "", "was removed in Kubernetes 1.22; expected a current API version"},
      {"apps/v1beta1", "", "was removed in Kubernetes 1.16; expected apps/v1"},
      {"apps/v1beta2", "", "was removed in Kubernetes 1.16; expected apps/v1"},
      {"batch/v1beta1", "", "was removed in Kubernetes 1.25; expected batch/v1"},
      {"batch/v2alpha1", "", "was removed in Kubernetes 1.21; expected batch/v1"},
      {"policy/v1beta1", "PodSecurityPolicy", "was removed in Kubernetes 1.25; expected Pod Security Admission"},
      {"policy/v1beta1", "", "was removed in Kubernetes 1.25; expected policy/v1"},
      {"autoscaling/v2beta1", "", "was removed in Kubernetes 1.25; expected autoscaling/v2"},
      {"autoscaling/v2beta2", "", "was removed in Kubernetes 1.26; expected autoscaling/v2"},
      {"storage.k8s.io/v1beta1", "StorageClass", "was removed in Kubernetes 1.22; expected storage.k8s.io/v1"},
      {"storage.k8s.io/v1beta1", "CSIDriver", "was removed in Kubernetes 1.22; expected storage.k8s.io/v1"},
      {"storage.k8s.io/v1beta1", "CSINode", "was removed in Kubernetes 1.22; expected storage.k8s.io/v1"},
      {"storage.k8s.io/v1beta1", "VolumeAttachment", "was removed in Kubernetes 1.22; expected storage.k8s.io/v1"},
      {"storage.k8s.io/v1beta1", "CSIStorageCapacity", "was removed in Kubernetes 1.27; expected storage.k8s.io/v1"},
      {"scheduling.k8s.io/v1beta1", "PriorityClass", "was removed in Kubernetes 1.22; expected scheduling.k8s.io/v1"},
      {"scheduling.k8s.io/v1alpha1", "PriorityClass", "was removed in Kubernetes 1.17; expected scheduling.k8s.io/v1"},
      {"node.k8s.io/v1beta1", "", "was removed in Kubernetes 1.25; expected node.k8s.io/v1"},
      {"node.k8s.io/v1alpha1", "", "was removed in Kubernetes 1.22; expected node.k8s.io/v1"},
      {"discovery.k8s.io/v1beta1", "", "was removed in Kubernetes 1.25; expected discovery.k8s.io/v1"},
      {"networking.k8s.io/v1beta1", "Ingress", "was removed in Kubernetes 1.22; expected networking.k8s.io/v1"},
      {"networking.k8s.io/v1beta1", "IngressClass", "was removed in Kubernetes 1.22; expected networking.k8s.io/v1"},
      {"rbac.authorization.k8s.io/v1beta1", "",
       "was removed in Kubernetes 1.22; expected rbac.authorization.k8s.io/v1"},
      {"rbac.authorization.k8s.io/v1alpha1", "",
       "was removed in Kubernetes 1.23; expected rbac.authorization.k8s.io/v1"},
      {"apiextensions.k8s.io/v1beta1", "", "was removed in Kubernetes 1.22; expected apiextensions.k8s.io/v1"},
      {"apiregistration.k8s.io/v1beta1", "", "was removed in Kubernetes 1.22; expected apiregistration.k8s.io/v1"},
      {"admissionregistration.k8s.io/v1alpha1", "InitializerConfiguration",
       "was removed in Kubernetes 1.14; expected a MutatingWebhookConfiguration"},
      {"settings.k8s.io/v1alpha1", "", "was removed in Kubernetes 1.20; expected no PodPreset"},
  };
  for (const Removed& removed : kRemoved) {
    if (removed.api_version == api_version && (removed.kind.empty() || removed.kind == kind)) {
      return std::string(removed.why);
    }
  }
  return {};
}

bool ApiSchema::builtin_group(std::string_view api_version) const {
  const std::string_view group = api_version.substr(0, api_version.find('/'));
  if (api_version.find('/') == std::string_view::npos) return true;  // The core group is a bare version.
  static constexpr std::string_view kGroups[] = {
      "apps",           "autoscaling",       "batch",           "extensions", "policy", "node.k8s.io",
      "storage.k8s.io", "scheduling.k8s.io", "discovery.k8s.io"};
  return std::find(std::begin(kGroups), std::end(kGroups), group) != std::end(kGroups);
}

std::string ApiSchema::home_of(std::string_view kind) const {
  for (const ApiKind& k : kinds_) {
    if (k.kind == kind) return k.api_version;
  }
  return {};
}

bool ApiSchema::plays_no_part(std::string_view kind) const {
  if (kind == "PodSecurityPolicy" || kind == "InitializerConfiguration") return true;  // Gone without a successor.
  bool known = false;
  for (const ApiKind& k : kinds_) {
    if (k.kind != kind) continue;
    if (k.use == ApiKind::Use::kModelled) return false;
    known = true;
  }
  return known;
}

std::vector<std::string> ApiSchema::kinds() const {
  std::vector<std::string> names;
  for (const ApiKind& kind : kinds_) names.push_back(kind.kind);
  return names;
}

}  // namespace berth::manifest
