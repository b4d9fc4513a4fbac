// The names that the recordings give to pods. Private to the controller recordings.
#pragma once

#include <map>
#include <string>
#include <unordered_map>
#include <utility>

#include "sim/controllers/store.hpp"
#include "sim/conformance/controllers_fake_kubelet.hpp"

namespace berth::controllers {

// Names pods as the recordings do, and counts those that have come and gone.
class PodLedger final : public Watcher {
 public:
  enum class Rule : std::uint8_t { kBatches, kNamed, kJob, kStatefulSet, kDaemonSet };
  PodLedger(Store& store, Rule rule);

  void pod_changed(const Pod& pod, const Pod& before, Change change) override;
  void object_changed(ObjectKind kind, ObjectId id, Change change) override;
  const PodName& name(const Pod& pod) const { return names_.at(pod.uid); }
  void name_next(const std::string& name) { next_name_ = name; }  // Of a pod that the scenario itself creates.

  struct Count {
    std::int32_t created = 0;
    std::int32_t gone = 0;
  };
  const std::map<std::string, Count>& counts() const { return counts_; }  // By group.
  const std::map<std::string, Count>& version_counts() const { return versions_; }
  bool take_changed() { return std::exchange(changed_, false); }

 private:
  PodName make_name(const Pod& pod);

  Store& store_;
  Rule rule_;
  std::string next_name_;
  std::unordered_map<std::uint64_t, PodName> names_;  // By uid; looked up, never walked.
  std::map<std::string, Count> counts_;
  std::map<std::string, Count> versions_;
  std::map<std::string, std::pair<std::int32_t, Time>> batches_;  // Version → batches so far, time of the last.
  bool changed_ = true;
};

}  // namespace berth::controllers
