// A cluster of plain values for a node autoscaler to look at, and a cloud that does at once what it says: machines come
// `boot` after they were asked for (kForever: never), nodes told to go are gone `removal_time` later.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <map>
#include <string>
#include <vector>

#include "policies/node_autoscaler.hpp"
#include "policies/params.hpp"

namespace berth::test {

inline constexpr std::int64_t kGi = std::int64_t{1} << 30;

inline kube::Quantity milli_quantity(std::int64_t milli) {
  return {static_cast<kube::Quantity::Nano>(milli) * 1'000'000};
}

inline kube::Node kube_node_of(const std::string& name, std::int64_t cpu_milli, std::int64_t gib,
                               const std::string& zone = "a") {
  kube::Node node;
  node.name = name;
  node.labels.set("kubernetes.io/hostname", name);
  node.labels.set("topology.kubernetes.io/zone", zone);
  node.allocatable.set("cpu", milli_quantity(cpu_milli));
  node.allocatable.set("memory", milli_quantity(gib * kGi * 1000));
  node.allocatable.set("pods", milli_quantity(110'000));
  return node;
}

// Pods by what they are; what it makes lives as long as it does.
class PodMaker {
 public:
  // `controller`: "KIND/NAME", or "" for none; its name is the label "app", too.
  kube::Pod pod(const std::string& controller, std::int64_t cpu_milli, std::int64_t memory_bytes) {
    kube::Pod out;
    out.namespace_name = "default";
    const std::size_t slash = controller.find('/');
    if (slash != std::string::npos) {
      out.controller = kube::OwnerReference{"apps/v1", controller.substr(0, slash), controller.substr(slash + 1)};
      out.labels.set("app", controller.substr(slash + 1));
    }
    kube::Container& main = out.containers.emplace_back();
    main.requests.set("cpu", milli_quantity(cpu_milli));
    main.requests.set("memory", milli_quantity(memory_bytes * 1000));
    return out;
  }
  const kube::PodInfo* info(kube::Pod pod) { return &infos_.emplace_back(std::move(pod), classes_); }
  const kube::PodInfo* info(const std::string& controller, std::int64_t cpu_milli, std::int64_t memory_bytes) {
    return info(pod(controller, cpu_milli, memory_bytes));
  }

 private:
  kube::PodClasses classes_;
  std::deque<kube::PodInfo> infos_;
};

inline PolicySpec autoscaler_spec(const std::map<std::string, std::string>& params) {
  return {"cluster-autoscaler", params};
}

class AutoscaledWorld {
 public:
  struct Node {
    AutoscaledNode seen;
    std::vector<AutoscaledPod> pods;
    std::deque<std::vector<std::uint32_t>> budgets;
    Time gone = kNever;
  };

  PodMaker make;
  std::vector<NodeGroup> groups;
  std::deque<kube::Node> objects;
  std::vector<Node> nodes;
  std::vector<PendingInstance> instances;
  std::vector<AutoscaledPod> waiting;
  std::vector<std::int32_t> budgets;
  Duration boot = kForever;
  Duration removal_time = kForever;
  std::uint64_t changes = 1;
  Rng rng{1, 0, 0, Purpose::kTest};
  // What was decided: "TIME +GROUP:N", "TIME -NODE", "TIME -NODE(drain)", "TIME lost ID"; times in seconds.
  std::vector<std::string> log;

  std::uint32_t add_group(const std::string& name, std::int64_t cpu_milli, std::int64_t gib, std::int32_t min,
                          std::int32_t max, double price = 1) {
    NodeGroup& group = groups.emplace_back();
    group.name = name;
    group.node_template = kube_node_of(name, cpu_milli, gib);
    group.min_size = min;
    group.max_size = max;
    group.usd_per_hour = price;
    return static_cast<std::uint32_t>(groups.size() - 1);
  }
  // Its name is its id. Part of the group's target size.
  std::uint32_t add_node(std::uint32_t group, Time registered = {}) {
    const std::uint32_t id = next_id_++;
    kube::Node& object =
        objects.emplace_back(group == kNoNodeGroup ? kube_node_of("", 4'000, 16) : groups[group].node_template);
    object.name = "n" + std::to_string(id);
    object.labels.set("kubernetes.io/hostname", object.name);
    Node& node = nodes.emplace_back();
    node.seen.id = id;
    node.seen.group = group;
    node.seen.node = &object;
    node.seen.registered = registered;
    if (group != kNoNodeGroup) ++groups[group].target_size;
    touch(id);
    return id;
  }
  AutoscaledPod pod(const kube::PodInfo* info, Time created = {}) {
    AutoscaledPod out;
    out.info = info;
    out.handle = next_handle_++;
    out.created = created;
    return out;
  }
  AutoscaledPod& run(std::uint32_t node, const kube::PodInfo* info, Time created = {}) {
    Node& on = at(node);
    on.pods.push_back(pod(info, created));
    touch(node);
    return on.pods.back();
  }
  void wait(const kube::PodInfo* info, std::size_t count = 1, Time created = {}) {
    for (std::size_t i = 0; i < count; ++i) waiting.push_back(pod(info, created));
  }
  Node& at(std::uint32_t id) {
    const auto found = std::ranges::find(nodes, id, [](const Node& n) { return n.seen.id; });
    BERTH_CHECK(found != nodes.end());
    return *found;
  }
  void touch(std::uint32_t id) {
    at(id).seen.version = next_version_++;
    ++changes;
  }

  // What happens by itself up to `now`: machines register, ready at once, and nodes go.
  void advance(Time now) {
    for (std::size_t i = 0; i < instances.size();) {
      if (instances[i].requested + boot > now) {
        ++i;
        continue;
      }
      --groups[instances[i].group].target_size;  // add_node() counts it again.
      add_node(instances[i].group, instances[i].requested + boot);
      instances.erase(instances.begin() + static_cast<std::ptrdiff_t>(i));
    }
    if (std::erase_if(nodes, [now](const Node& n) { return n.gone <= now; }) > 0) ++changes;
  }
  // One loop at `now`; applies what it decides.
  NodeAutoscalerDecision loop(NodeAutoscaler& autoscaler, Time now) {
    advance(now);
    std::vector<AutoscaledNode> seen;
    for (Node& node : nodes) {
      seen.push_back(node.seen);
      seen.back().pods = node.pods;
    }
    NodeAutoscalerObservation o;
    o.now = now;
    o.groups = groups;
    o.nodes = seen;
    o.instances = instances;
    o.unschedulable = waiting;
    o.disruptions_allowed = budgets;
    o.changes = changes;
    NodeAutoscalerDecision out;
    autoscaler.observe(o, rng, out);
    const std::string at_time = text(now) + " ";
    for (const std::uint32_t id : out.lost_instances) {
      const auto lost = std::ranges::find(instances, id, &PendingInstance::id);
      --groups[lost->group].target_size;
      instances.erase(lost);
      ++changes;
      log.push_back(at_time + "lost " + std::to_string(id));
    }
    for (const auto& up : out.scale_ups) {
      groups[up.group].target_size += up.delta;
      for (std::int32_t i = 0; i < up.delta; ++i) instances.push_back({next_instance_++, up.group, now});
      ++changes;
      log.push_back(at_time + "+" + groups[up.group].name + ":" + std::to_string(up.delta));
    }
    for (const auto& removal : out.removals) {
      EXPECT_EQ(removal.act_at, now + seconds(5));
      Node& node = at(removal.node);
      node.seen.removal = removal.drain ? AutoscaledNode::Removal::kDrain : AutoscaledNode::Removal::kEmpty;
      node.gone = now + removal_time;
      --groups[node.seen.group].target_size;
      touch(removal.node);
      log.push_back(at_time + "-" + node.seen.node->name + (removal.drain ? "(drain)" : ""));
    }
    return out;
  }
  // Loops every `step` from `from` to `to`, and again at once where the last one says so.
  void loop_all(NodeAutoscaler& autoscaler, Time from, Time to, Duration step = seconds(10)) {
    for (Time now = from; now <= to; now = now + step) {
      while (loop(autoscaler, now).next_loop == now) {
      }
    }
  }
  static std::string text(Time at) {
    if (at.ns % 1'000'000'000 == 0) return std::to_string(at.ns / 1'000'000'000);
    return to_string(Duration{at.ns});
  }

 private:
  std::uint32_t next_id_ = 0;
  std::uint32_t next_handle_ = 0;
  std::uint32_t next_instance_ = 0;
  std::uint64_t next_version_ = 1;
};

inline Time at_second(std::int64_t s) {
  return Time{} + seconds(s);
}

}  // namespace berth::test
