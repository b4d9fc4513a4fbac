#include "sim/activation.hpp"

namespace berth {

Activation::Activation(Engine<Event>& engine, ClusterTraffic& traffic, const PodScaling& scaling)
    : engine_(engine), traffic_(traffic), scaling_(scaling) {
  for (std::uint32_t w = 0; w < scaling.workloads(); ++w) {
    const PodAutoscaler* autoscaler = scaling.autoscaler(w);
    if (autoscaler == nullptr || !autoscaler->wakes_on_request()) continue;
    workloads_.push_back(w);
    traffic.activate(w, scaling.namespace_name(w), scaling.labels(w), autoscaler->container_concurrency());
  }
  if (!workloads_.empty()) traffic.model().set_listener(this);
}

void Activation::follow() {
  for (const std::uint32_t w : workloads_) {
    if (const PodAutoscaler* autoscaler = scaling_.autoscaler(w)) {
      traffic_.set_in_path(w, autoscaler->activator_in_path());
    }
  }
}

void Activation::request_held(ActivatorId activator) {
  engine_.schedule(engine_.now(), kPhaseChange,
                   {traffic_.workload_of(activator), 0, EventKind::kScalingEvent, PodScaling::kRequestWaits});
}

}  // namespace berth
