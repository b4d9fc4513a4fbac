#include "sim/conformance/controllers_conformance_world.hpp"

#include <algorithm>
#include <type_traits>

#include "sim/controllers/cron_job.hpp"
#include "sim/controllers/daemon_set.hpp"
#include "sim/controllers/deployment.hpp"
#include "sim/controllers/disruption.hpp"
#include "sim/controllers/job.hpp"
#include "sim/controllers/node_lifecycle.hpp"
#include "sim/controllers/replica_set.hpp"
#include "sim/controllers/stateful_set.hpp"
#include "sim/controllers/taint_eviction.hpp"
#include "sim/engine/error.hpp"

namespace berth::controllers {
namespace {

PodLedger::Rule rule_of(const std::string& flavour) {
  if (flavour == "job" || flavour == "cronjob") return PodLedger::Rule::kJob;
  if (flavour == "statefulset") return PodLedger::Rule::kStatefulSet;
  if (flavour == "daemonset") return PodLedger::Rule::kDaemonSet;
  if (flavour == "deployment" || flavour == "disruption") return PodLedger::Rule::kBatches;
  return PodLedger::Rule::kNamed;
}

FakeKubeletOptions kubelet_options(const Json& scenario) {
  const Json& k = scenario.at("kubelet");
  FakeKubeletOptions out;
  out.bind_after = k.at("bindAfter").get<std::int64_t>();
  out.run_after = k.at("runAfter").get<std::int64_t>();
  out.terminate_after = k.at("terminateAfter").get<std::int64_t>();
  if (k.contains("readyAfter")) {
    for (const auto& [version, list] : k["readyAfter"].items()) {
      out.ready_after[version] = list.get<std::vector<std::int64_t>>();
    }
  }
  if (k.contains("outcomes")) {
    out.jobs = true;
    for (const auto& [which, list] : k["outcomes"].items()) {
      for (const Json& o : list) {
        out.outcomes[which].push_back({o.at("seconds").get<std::int64_t>(), o.at("exitCode").get<std::int32_t>(),
                                       value_or(o, "disrupted", false)});
      }
    }
  }
  out.nodes_can_stop = scenario.at("flavour") == "nodelifecycle";
  out.first_free_node = static_cast<std::uint32_t>(scenario.at("objects").size() + scenario.at("script").size());
  return out;
}

}  // namespace

World::World(const Json& scenario)
    : scenario_(scenario),
      flavour_(scenario.at("flavour").get<std::string>()),
      identity_(scenario.at("identity").get<bool>()),
      exact_times_(flavour_ == "nodelifecycle"),
      end_{scenario.at("end").get<std::int64_t>() * 1'000'000'000},
      ledger_(store_, rule_of(flavour_)) {
  if (scenario.contains("settings") && scenario["settings"].contains("start")) {
    start_unix_ = unix_seconds(scenario["settings"]["start"]);
  }
  kubelet_ = std::make_unique<FakeKubelet>(store_, kubelet_options(scenario),
                                           [this](const Pod& p) -> const PodName& { return ledger_.name(p); });
  const auto add = [this]<class T>(std::type_identity<T>, auto&&... more) {
    controllers_.push_back(std::make_unique<T>(store_, work_, more...));
  };
  if (flavour_ == "deployment") {
    add(std::type_identity<DeploymentController>{});
    add(std::type_identity<ReplicaSetController>{});
  } else if (flavour_ == "replicaset") {
    add(std::type_identity<ReplicaSetController>{});
  } else if (flavour_ == "disruption") {
    add(std::type_identity<DisruptionController>{});
    store_.set_after_write([budgets = controllers_.back().get()] {
      while (budgets->run_one()) {
      }
    });
    add(std::type_identity<ReplicaSetController>{});
  } else if (flavour_ == "statefulset") {
    add(std::type_identity<StatefulSetController>{},
        value_or(scenario.at("settings"), "MaxUnavailableStatefulSet", true));
  } else if (flavour_ == "job" || flavour_ == "cronjob") {
    if (flavour_ == "cronjob") add(std::type_identity<CronJobController>{}, start_unix_);
    add(std::type_identity<JobController>{});
  } else if (flavour_ == "nodelifecycle") {
    const Json& settings = scenario.at("settings");
    NodeLifecycleOptions options;
    options.monitor_period = seconds(settings.at("nodeMonitorPeriodSeconds").get<std::int64_t>());
    options.monitor_grace_period = seconds(settings.at("nodeMonitorGracePeriodSeconds").get<std::int64_t>());
    options.startup_grace_period = seconds(settings.at("nodeStartupGracePeriodSeconds").get<std::int64_t>());
    options.eviction_rate = settings.at("nodeEvictionRate").get<float>();
    options.secondary_eviction_rate = settings.at("secondaryNodeEvictionRate").get<float>();
    options.large_cluster_threshold = settings.at("largeClusterSizeThreshold").get<std::int32_t>();
    options.unhealthy_zone_threshold = settings.at("unhealthyZoneThreshold").get<float>();
    options.first_monitor = milliseconds(50);  // "0.05 + 5k".
    add(std::type_identity<NodeLifecycleController>{}, options);
    add(std::type_identity<TaintEvictionController>{});
  } else if (flavour_ == "daemonset") {
    add(std::type_identity<DaemonSetController>{});
  } else {
    throw InputError("flavour \"" + flavour_ + "\" is not known; expected one of the controller recordings");
  }
  ObjectId sets = 0;
  for (const Json& object : scenario.at("objects")) {
    if (object.at("kind") == "ReplicaSet") set_ids_[object.at("metadata").at("name").get<std::string>()] = sets++;
  }
  for (const Json& object : scenario.at("objects")) {
    create(object);
    if (flavour_ != "replicaset") settle();
  }
  settle();
}

World::~World() = default;

Time World::next_time() {
  Time next = std::min(work_.next_time(), kubelet_->next_time());
  const Json& script = scenario_.at("script");
  if (next_action_ < script.size()) {
    next = std::min(next, Time{script[next_action_].at("t").get<std::int64_t>() * 1'000'000'000});
  }
  return std::max(next, store_.now());
}

void World::settle() {
  while (work_.run_one()) {
  }
}

// First what the controllers' own timers do, then the script, then the kubelet.
void World::instant(Time now) {
  store_.set_now(now);
  work_.advance(now);
  settle();
  const Json& script = scenario_.at("script");
  while (next_action_ < script.size() && script[next_action_].at("t").get<std::int64_t>() * 1'000'000'000 <= now.ns) {
    act(script[next_action_++]);
    settle();
  }
  while (kubelet_->run_one()) settle();
}

std::string World::version(TemplateId id) const {
  const std::string* version = store_.pod_template(id).labels.find("version");
  return version == nullptr ? "" : *version;
}

}  // namespace berth::controllers
