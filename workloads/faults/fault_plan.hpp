// What goes wrong in a run, as a YAML document (docs/faults.md): kinds of faults, whom they strike and when. A plan
// says nothing of what follows: noticing and healing are the cluster's part.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sim/cluster/catalog.hpp"
#include "sim/engine/distribution.hpp"
#include "sim/engine/time.hpp"
#include "workloads/faults/spot_lifetimes.hpp"

namespace berth {

enum class FaultKind : std::uint8_t {
  kNodeCrash,       // The machine is off; comes back empty when it is over.
  kNodeHang,        // The kubelet stops; containers run on.
  kNodePartition,   // Nothing reaches the node or comes from it.
  kNodeReboot,      // Off and on again: containers restart, images and volumes stay.
  kZoneOutage,      // All nodes of a zone are off.
  kContainerCrash,  // A container's process exits.
  kMemoryLeak,      // A container's memory grows.
  kBadImage,        // An image cannot be found.
  kRegistryOutage,  // A registry does not answer.
  kRegistrySlow,    // A registry sends slower.
  kSpotReclaim,     // The cloud takes a spot machine back, with notice.
};
inline constexpr std::size_t kFaultKinds = 11;
std::string_view to_string(FaultKind kind);  // As in the plan: "nodeCrash" …

// Which nodes. All that is said must hold; nothing said: every node.
struct NodeTarget {
  std::string node;                    // Its name; empty: any.
  std::string zone;                    // Label topology.kubernetes.io/zone; empty: any.
  std::vector<Label> selector;         // Labels that it has.
  std::optional<std::uint32_t> count;  // So many of them, drawn; absent: all.
  std::string where;                   // In the plan, for errors.

  bool matches(const NodeSpec& node) const;  // But for the count.
};

// Which containers.
struct ContainerTarget {
  std::string namespace_name;   // Empty: any.
  std::vector<Label> selector;  // Labels of the pod.
  std::string container;        // Its name; empty: any.
  // So many of those that run when it strikes, drawn; absent: all. kContainerCrash at a time.
  std::optional<std::uint32_t> count;

  bool matches(std::string_view pod_namespace, std::span<const Label> labels, std::string_view name) const;
};

struct Fault {
  FaultKind kind{};
  std::string name;  // For reports; "KIND-NUMBER" if the plan has none.
  std::uint32_t stream =
      0;                 // Which random stream it draws from; unique. Its position in the plan if that says nothing.
  NodeTarget nodes;      // Node faults, kSpotReclaim.
  ContainerTarget pods;  // kContainerCrash, kMemoryLeak.
  std::string subject;   // kZoneOutage: zone, empty = drawn. kBadImage: image. Registry faults: host.
  // When: once at `at`, or again and again, each time after an `interval` without it (seconds); windows of kMemoryLeak,
  // kBadImage and registry faults that are not drawn go from `at` to `until`.
  std::optional<Time> at;
  Time until = kNever;
  std::optional<Distribution> interval;
  std::optional<Distribution> duration;            // Seconds; absent: forever.
  double bytes_per_second = 0;                     // kMemoryLeak.
  double factor = 1;                               // kRegistrySlow: how many times slower, > 1.
  std::int32_t exit_code = 1;                      // kContainerCrash.
  Duration notice = seconds(120);                  // kSpotReclaim.
  std::shared_ptr<const SpotLifetimes> lifetimes;  // kSpotReclaim by observed lifetimes; else by `interval`.
};

struct FaultPlan {
  std::string name;
  std::vector<Fault> faults;
};

// Reads a plan; `file` is what errors call it, `folder` is where the files that it names are looked for. Throws
// InputError with the place.
FaultPlan read_fault_plan(std::string_view text, const std::string& file, const std::filesystem::path& folder);
FaultPlan read_fault_plan(const std::filesystem::path& path);

}  // namespace berth
