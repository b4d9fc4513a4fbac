// One scenario of the controller recordings, running: store, controllers, fake kubelet, script. Private to
// controllers_conformance.cpp.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "sim/controllers/controller.hpp"
#include "sim/conformance/controllers_conformance_json.hpp"
#include "sim/conformance/controllers_conformance_ledger.hpp"
#include "sim/conformance/controllers_fake_kubelet.hpp"

namespace berth::controllers {

// Object key ("deployment/web", "pods/v2#1") → state, as a Step line has it.
using State = std::map<std::string, Json>;

class World {
 public:
  explicit World(const Json& scenario);
  ~World();

  // Runs up to `end`, not into it; calls `changed(when, state)` at the end of each second in which anything changed
  // (node life cycle: at each such instant).
  template <class F>
  void run(F&& changed) {
    while (true) {
      const Time next = next_time();
      const bool over = next >= end_;
      if ((over || slot(next) > slot(store_.now())) && ledger_.take_changed()) changed(slot(store_.now()), state());
      if (over) return;
      instant(next);
    }
  }

 private:
  Time next_time();
  Time slot(Time t) const { return exact_times_ ? t : api_time(t); }
  void instant(Time now);
  void settle();
  void create(const Json& object);
  void create_pod(const Json& object);
  Job::Spec job_spec(const Json& spec);
  NodeId create_node(const std::string& name, kube::StringMap labels);
  void act(const Json& action);
  std::vector<PodId> chosen(const Json& action, bool needs_node, bool ready_only);
  TemplateId template_of(const Json& pod_template);
  State state() const;
  void pod_state(State& out) const;
  void node_state(State& out) const;
  void job_state(State& out) const;
  std::string job_name(const Job& job) const;
  std::string version(TemplateId id) const;
  std::int64_t second(Time t) const { return t.ns / 1'000'000'000 - (t.ns % 1'000'000'000 < 0 ? 1 : 0); }
  Json conditions(const Conditions& list, bool updates) const;
  NodeId node_named(const std::string& name) const;

  const Json& scenario_;
  std::string flavour_;
  bool identity_;
  bool exact_times_;
  Time end_;
  std::int64_t start_unix_ = 946'684'860;  // 2000-01-01T00:01:00Z unless the scenario says otherwise.
  Store store_;
  WorkQueue work_;
  PodLedger ledger_;
  std::unique_ptr<FakeKubelet> kubelet_;
  std::vector<std::unique_ptr<Controller>> controllers_;
  std::size_t next_action_ = 0;
  std::map<std::string, std::uint32_t> node_names_;
  std::map<std::string, std::uint32_t> zones_;
  std::map<std::string, ObjectId> set_ids_;     // ReplicaSets by name, for owners.
  std::map<TemplateId, std::int32_t> created_;  // Pods that the scenario itself creates.
};

}  // namespace berth::controllers
