// The script of a recording: World::act.
#include <algorithm>

#include "sim/controllers/eviction.hpp"
#include "sim/conformance/controllers_conformance_world.hpp"
#include "sim/engine/error.hpp"

namespace berth::controllers {

std::vector<PodId> World::chosen(const Json& action, bool needs_node, bool ready_only) {
  const std::string version = value_or<std::string>(action, "version", "");
  const std::string only = value_or<std::string>(action, "name", "");
  std::vector<std::pair<std::pair<std::string, std::int32_t>, PodId>> found;
  for (std::size_t t = 0; t < store_.template_count(); ++t) {
    store_.each_from(TemplateId(t), [&](const Pod& p) {
      const PodName& name = ledger_.name(p);
      if (!active(p) || (needs_node && p.node == kNoNode) || (ready_only && !p.status.ready)) return;
      if (!only.empty() && name.name != only) return;
      if (!version.empty() && (flavour_ == "daemonset" ? name.group : name.version) != version) return;
      found.push_back({{name.group, name.ordinal}, p.id});
    });
  }
  std::sort(found.begin(), found.end());
  const std::size_t count = value_or<std::size_t>(action, "count", found.size());
  std::vector<PodId> out;
  for (std::size_t i = 0; i < std::min(count, found.size()); ++i) out.push_back(found[i].second);
  return out;
}

void World::act(const Json& action) {
  const std::string what = action.at("do").get<std::string>();
  const auto replicas = [&action] { return action.at("replicas").get<std::int32_t>(); };
  const auto new_template = [&] {
    return template_of(scenario_.at("templates").at(action.at("version").get<std::string>()));
  };
  if (what == "deletePods") {
    for (const PodId p : chosen(action, false, false)) store_.delete_pod(p);
  } else if (what == "failPods") {
    for (const PodId p : chosen(action, true, false)) kubelet_->fail(p, 137);
  } else if (what == "unreadyPods") {
    for (const PodId p : chosen(action, true, false)) kubelet_->unready(p, action.at("seconds").get<std::int64_t>());
  } else if (what == "evictPods") {
    for (const PodId p : chosen(action, false, true)) (void)evict(store_, p);
  } else if (what == "setMinAvailable" || what == "setMaxUnavailable") {
    store_.edit<PodDisruptionBudget>(0, [&](PodDisruptionBudget& b) {
      b.spec.min_available.reset();
      b.spec.max_unavailable.reset();
      (what == "setMinAvailable" ? b.spec.min_available : b.spec.max_unavailable) = int_or_percent(action.at("value"));
    });
  } else if (what == "addNode") {
    const std::string label = value_or<std::string>(action, "value", "");
    const std::size_t equals = label.find('=');
    std::vector<std::pair<std::string, std::string>> labels;
    if (equals != std::string::npos) labels.emplace_back(label.substr(0, equals), label.substr(equals + 1));
    create_node(action.at("name").get<std::string>(), kube::StringMap(std::move(labels)));
  } else if (what == "removeNode") {
    const NodeId node = node_named(action.at("name").get<std::string>());
    store_.erase<Node>(static_cast<ObjectId>(index(node)));
    store_.each_on(node, [this](const Pod& p) { store_.remove_pod(p.id); });
  } else if (what == "taintNode" || what == "untaintNode") {
    const NodeId node = node_named(action.at("name").get<std::string>());
    const kube::Taint taint = taint_of(action.at("taint").get<std::string>());
    const bool timed = taint.effect == kube::TaintEffect::kNoExecute && flavour_ == "nodelifecycle";
    store_.edit<Node>(static_cast<ObjectId>(index(node)), [&](Node& n) {
      std::erase_if(n.spec.taints, [&taint](const NodeTaint& t) {
        return t.taint.key == taint.key && t.taint.effect == taint.effect;
      });
      if (what == "untaintNode") return;
      NodeTaint& added = n.spec.taints.emplace_back(NodeTaint{taint, std::nullopt});
      if (timed) added.added = api_time(store_.now());
    });
  } else if (what == "stopNode" || what == "resumeNode") {
    const NodeId node = node_named(action.at("name").get<std::string>());
    if (what == "stopNode") {
      kubelet_->stop_node(node);
    } else {
      kubelet_->resume_node(node);
    }
  } else if (what == "stopNodes" || what == "resumeNodes") {
    const std::string zone = action.at("zone").get<std::string>();
    std::size_t left = value_or<std::size_t>(action, "count", node_names_.size());
    const bool stop = what == "stopNodes";
    for (const auto& [name, id] : node_names_) {  // By name.
      if (store_.get<Node>(id).zone != zones_.at(zone) || kubelet_->running(NodeId{id}) != stop || left == 0) continue;
      --left;
      if (stop) {
        kubelet_->stop_node(NodeId{id});
      } else {
        kubelet_->resume_node(NodeId{id});
      }
    }
  } else if (what == "notReadyNode" || what == "readyNode") {
    kubelet_->post_ready(node_named(action.at("name").get<std::string>()), what == "readyNode");
  } else if (flavour_ == "job") {
    if (succeeded(store_.get<Job>(0))) return;
    store_.edit<Job>(0, [&](Job& j) {
      if (what == "parallelism") j.spec.parallelism = replicas();
      if (what == "suspend") j.spec.suspend = true;
      if (what == "resume") j.spec.suspend = false;
    });
  } else if (flavour_ == "cronjob") {
    store_.edit<CronJob>(0, [&](CronJob& c) {
      if (what == "suspend") c.spec.suspend = true;
      if (what == "resume") c.spec.suspend = false;
    });
  } else if (flavour_ == "daemonset" && what == "template") {
    store_.edit<DaemonSet>(0, [&](DaemonSet& s) { s.spec.pod_template = new_template(); });
  } else if (what == "deleteStatefulSet") {
    store_.erase<StatefulSet>(0);
  } else if (flavour_ == "statefulset") {
    if (store_.find<StatefulSet>(0) == nullptr) return;
    store_.edit<StatefulSet>(0, [&](StatefulSet& s) {
      if (what == "template") s.spec.pod_template = new_template();
      if (what == "scale") s.spec.replicas = replicas();
      if (what == "partition") s.spec.partition = replicas();
    });
  } else if (flavour_ == "deployment") {
    store_.edit<Deployment>(0, [&](Deployment& d) {
      if (what == "template") d.spec.pod_template = new_template();
      if (what == "scale") d.spec.replicas = replicas();
      if (what == "pause") d.spec.paused = true;
      if (what == "resume") d.spec.paused = false;
    });
  } else if (what == "scale" && set_ids_.contains(value_or<std::string>(action, "name", ""))) {
    store_.edit<ReplicaSet>(set_ids_.at(action["name"].get<std::string>()),
                            [&](ReplicaSet& s) { s.spec.replicas = replicas(); });
  } else {
    throw InputError("action \"" + what + "\" is not known; expected one of the recordings' script actions");
  }
}

}  // namespace berth::controllers
