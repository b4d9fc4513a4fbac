// Activators in a run: one before each workload whose autoscaler wakes on requests and whose pods a Service leads to.
// The autoscaler says when it is in the path, and is told when a request finds nobody to go to.
#pragma once

#include <cstdint>
#include <vector>

#include "sim/cluster/event.hpp"
#include "sim/cluster_traffic.hpp"
#include "sim/engine/engine.hpp"
#include "sim/pod_scaling.hpp"

namespace berth {

class Activation final : public ActivatorListener {
 public:
  // All must outlive this; before the first pod.
  Activation(Engine<Event>& engine, ClusterTraffic& traffic, const PodScaling& scaling);

  // After autoscalers have looked. O(workloads that wake).
  void follow();
  // As an event of this instant: the model is in the middle of something.
  void request_held(ActivatorId activator) override;

 private:
  Engine<Event>& engine_;
  ClusterTraffic& traffic_;
  const PodScaling& scaling_;
  std::vector<std::uint32_t> workloads_;
};

}  // namespace berth
