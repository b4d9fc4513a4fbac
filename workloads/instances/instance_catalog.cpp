#include "workloads/instances/instance_catalog.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <unordered_map>

#include "sim/engine/error.hpp"
#include "workloads/csv.hpp"
#include "workloads/yaml.hpp"

namespace berth {
namespace {

constexpr std::int64_t kMib = std::int64_t{1} << 20;
constexpr std::int64_t kGib = std::int64_t{1} << 30;
constexpr std::int64_t kMaxVcpu = 100'000;
constexpr std::int64_t kMaxMemoryMb = std::int64_t{1} << 30;
constexpr double kMaxPrice = 1e6;

struct ProviderRules {
  const char* prefix;      // Of the file's name.
  const char* zone_joint;  // Between region and zone.
  std::array<const char*, 3> zones;
  std::int64_t disk_bytes;
};
const ProviderRules& rules_of(CloudProvider provider) {
  static constexpr ProviderRules kRules[] = {{"aws_", "", {"a", "b", "c"}, 20 * kGib},
                                             {"azure_", "-", {"1", "2", "3"}, 128 * kGib},
                                             {"gcp_", "-", {"a", "b", "c"}, 100 * kGib}};
  return kRules[static_cast<std::size_t>(provider)];
}

void offer(InstanceType& type, const ProviderRules& rules, const char* capacity_type, double price) {
  for (const char* zone : rules.zones) {
    type.offerings.push_back({type.region + rules.zone_joint + zone, capacity_type, price, true});
  }
}

}  // namespace

InstanceCatalog read_instance_csv(std::string file, std::string text, CloudProvider provider, const std::string& region,
                                  ImportReport& report) {
  BERTH_CHECK(provider != CloudProvider::kKwok);
  enum Column : std::size_t { kType, kVcpu, kMemory, kPrice, kGpus, kArch, kNetwork, kPods, kSharedCore, kSpotPrice };
  report = {};
  CsvReader csv(std::move(file), std::move(text), {"type", "vcpu", "mem_mb", "usd_per_hour"},
                {"gpus", "arch", "network_mbit", "max_pods", "shared_core", "spot_usd_per_hour"});
  const ProviderRules& rules = rules_of(provider);
  InstanceCatalog catalog;
  std::unordered_map<std::string, std::size_t> line_of;  // By name, for the message alone.
  std::uint64_t unpriced = 0;
  std::uint64_t too_small = 0;
  while (csv.next()) {
    ++report.rows_read;
    InstanceType type;
    type.name = csv.text(kType);
    if (type.name.empty()) csv.fail(kType, "", "the type's name");
    const auto [first, is_new] = line_of.emplace(type.name, csv.line());
    if (!is_new) csv.fail(kType, fmt::format(", as on line {}", first->second), "a name that no other type has");
    type.provider = provider;
    type.region = region;
    type.capacity = {csv.integer(kVcpu, 1, kMaxVcpu) * 1000, csv.integer(kMemory, 0, kMaxMemoryMb) * kMib,
                     rules.disk_bytes};
    if (csv.has(kArch)) type.arch = csv.text(kArch);
    if (type.arch.empty()) csv.fail(kArch, "", "an architecture (\"amd64\")");
    if (csv.has(kGpus)) {
      const std::int64_t gpus = csv.integer(kGpus, 0, 1000);
      if (gpus > 0) type.extended.emplace_back("nvidia.com/gpu", gpus);
    }
    if (csv.has(kNetwork) && !csv.empty(kNetwork)) {
      type.network_bits_per_second = csv.integer(kNetwork, 1, 100'000'000) * 1'000'000;
    }
    if (csv.has(kPods)) type.max_pods = csv.integer(kPods, 1, 100'000);
    if (csv.has(kSharedCore)) type.shared_core = csv.integer(kSharedCore, 0, 1) == 1;
    if (csv.empty(kPrice) || type.capacity.memory_bytes == 0) {
      ++(csv.empty(kPrice) ? unpriced : too_small);
      continue;
    }
    offer(type, rules, kOnDemand, csv.number(kPrice, 0, kMaxPrice));
    if (csv.has(kSpotPrice) && !csv.empty(kSpotPrice)) {
      offer(type, rules, kSpot, csv.number(kSpotPrice, 0, kMaxPrice));
    }
    catalog.types.push_back(std::move(type));
    ++report.rows_used;
  }
  if (unpriced > 0) report.skipped.push_back({"without a price", unpriced});
  if (too_small > 0) report.skipped.push_back({"with less memory than the list can say", too_small});
  if (!csv.has(kGpus)) report.notes.push_back("The list does not say which types have GPUs: none has.");
  if (!csv.has(kSpotPrice)) report.notes.push_back("The list has no spot prices: types are on demand only.");
  note_columns_not_read(csv, report);
  return catalog;
}

InstanceCatalog read_instance_catalog(const std::filesystem::path& path, ImportReport& report) {
  const std::string name = path.filename().string();
  const std::string extension = path.extension().string();
  if (extension == ".json" || extension == ".yaml" || extension == ".yml") {
    return read_karpenter_types(read_text_file(path), path.string(), report);
  }
  if (extension == ".csv") {
    for (const CloudProvider provider : {CloudProvider::kAws, CloudProvider::kAzure, CloudProvider::kGcp}) {
      const std::string_view prefix = rules_of(provider).prefix;
      if (!name.starts_with(prefix) || name.size() <= prefix.size() + extension.size()) continue;
      return read_instance_csv(path.string(), read_text_file(path), provider,
                               path.stem().string().substr(prefix.size()), report);
    }
  }
  throw InputError(
      fmt::format("{}: no instance catalogue by its name; expected aws_REGION.csv, azure_REGION.csv, "
                  "gcp_REGION.csv or a .json or .yaml file of Karpenter's instance types",
                  path.string()));
}

}  // namespace berth
