// Who a run's pods belong to, for folds that count by workload: the journal knows pods by their rows alone.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace berth {

struct PodOwner {
  enum class Kind : std::uint8_t {
    kOther,       // Nobody, or one that neither wants a number of pods nor sees them to their end (a DaemonSet).
    kReplicated,  // A Deployment, ReplicaSet, ReplicationController or StatefulSet.
    kJob,
  };
  Kind kind = Kind::kOther;
  std::uint32_t number = 0;  // kReplicated: in PodOwners::replicated(); kJob: any number, the same for one Job.
  friend bool operator==(const PodOwner&, const PodOwner&) = default;
};

class PodOwners {
 public:
  virtual ~PodOwners() = default;
  struct Replicated {
    std::string name;           // "Deployment shop/web".
    std::int64_t replicas = 0;  // Wanted when the run begins.
  };
  virtual const std::vector<Replicated>& replicated() const = 0;
  // `row`: kPodCreated's value. O(log workloads).
  virtual PodOwner owner(std::uint32_t row) const = 0;
  static constexpr std::uint32_t kNone = 0xFFFF'FFFF;
  // What kScaled's number scales, as a number of replicated(); kNone: nothing that is there.
  virtual std::uint32_t scaled(std::uint16_t number) const = 0;
};

}  // namespace berth
