// What a fault plan does to machines and containers.
#include "sim/nodes.hpp"

namespace berth {

KubeletListener::Crash Nodes::crash_of(std::uint32_t owner, std::uint16_t container, std::uint32_t restarts) {
  if (fault_plan_ == nullptr) return {};
  const Placed& placed = placed_[owner];
  const PodTemplate& t = cluster_.catalog()[placed.pod_template];
  const kube::Pod& pod = t.pod->scheduling;
  const std::size_t inits = pod.init_containers.size();
  StartedContainer started;
  started.pod_namespace = pod.namespace_name;
  started.pod_labels = t.labels;
  started.name = container < inits ? pod.init_containers[container].name : pod.containers[container - inits].name;
  started.pod_ordinal = placed.ordinal;
  started.number = container;
  started.restarts = restarts;
  const ContainerCrash crash = container_crash(*fault_plan_, started, {options_.seed, options_.replication});
  return {crash.after, crash.exit_code};
}

void Nodes::crash(NodeId node) {
  if (is_down(node)) return;
  down_[index(node)] = 1;
  hung_[index(node)] = 0;  // It will start anew.
  if (traffic_ != nullptr) traffic_->node_off(node);
  kubelet_.node_down(node);
  images_.node_down(node);
  storage_.node_down(node);
  changed_ = true;
}

void Nodes::restore(NodeId node, bool keep_disk) {
  if (!is_down(node) || removed(node)) return;
  down_[index(node)] = 0;
  if (traffic_ != nullptr) traffic_->node_on(node);
  if (!keep_disk) kubelet_.lose_disk(node);
  images_.node_up(node, keep_disk);
  storage_.node_up(node);
  kubelet_.node_up(node);
  changed_ = true;
}

void Nodes::hang(NodeId node, bool hangs) {
  if (is_down(node) || hung_[index(node)] == (hangs ? 1 : 0) || removed(node)) return;  // What is off cannot hang.
  hung_[index(node)] = hangs ? 1 : 0;
  hangs ? kubelet_.hang(node) : kubelet_.resume(node);
  changed_ = true;
}

void Nodes::cut_off(NodeId node, bool cut) {
  if (cut_[index(node)] == (cut ? 1 : 0) || removed(node)) return;
  cut_[index(node)] = cut ? 1 : 0;
  if (traffic_ != nullptr) cut ? traffic_->node_off(node) : traffic_->node_on(node);
  cut ? kubelet_.disconnect(node) : kubelet_.reconnect(node);
  changed_ = true;
}

}  // namespace berth
