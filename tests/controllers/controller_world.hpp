// A store, a work queue and a clock that goes on: what every test of a controller needs.
#pragma once

#include <string>
#include <utility>

#include "sim/controllers/store.hpp"
#include "sim/controllers/work_queue.hpp"

namespace berth::test {

struct ControllerWorld {
  controllers::Store store;
  controllers::WorkQueue work;

  // Handles everything that is ready, and every delay that is over by then.
  void run_until(Time end) {
    settle();
    for (Time next = work.next_time(); next <= end; next = work.next_time()) go_to(next);
    go_to(end);
  }
  void go_to(Time now) {
    store.set_now(now);
    work.advance(now);
    settle();
  }
  void settle() {
    while (work.run_one()) {
    }
  }

  TemplateId pod_template(const std::string& content) {
    controllers::PodTemplate t;
    t.content = content;
    t.labels = kube::StringMap({{"app", content}});
    t.containers = {"app"};
    return store.intern(t);
  }
  NodeId node(const std::string& name) {
    controllers::Node n;
    n.name = name;
    controllers::NodeCondition& ready = n.condition(controllers::NodeConditionType::kReady);
    ready = {true, controllers::ConditionStatus::kTrue, controllers::NodeReason::kKubeletReady, {}, {}};
    return NodeId{store.create(n)};
  }
  // Bound (to no node in particular), running and Ready since now.
  void make_ready(PodId pod) {
    if (store.pod(pod).node == kNoNode) store.bind(pod, NodeId{1000});
    controllers::PodStatus status = store.pod(pod).status;
    status.phase = controllers::Phase::kRunning;
    status.ready = true;
    status.ready_since = controllers::api_time(store.now());
    store.set_status(pod, status);
  }
  void make_all_ready(controllers::Owner owner) {
    store.each_owned(owner, [this](const controllers::Pod& p) {
      if (controllers::active(p) && !p.status.ready) make_ready(p.id);
    });
  }
};

constexpr Time at(std::int64_t s) {
  return {s * 1'000'000'000};
}

}  // namespace berth::test
