#include "sim/conformance/controllers_conformance_ledger.hpp"

namespace berth::controllers {

PodLedger::PodLedger(Store& store, Rule rule) : store_(store), rule_(rule) {
  store.watch(this);
}

void PodLedger::object_changed(ObjectKind, ObjectId, Change) {
  changed_ = true;
}

PodName PodLedger::make_name(const Pod& pod) {
  PodName name;
  if (pod.pod_template != kNoTemplate) {
    const std::string* version = store_.pod_template(pod.pod_template).labels.find("version");
    if (version != nullptr) name.version = *version;
  }
  switch (rule_) {
    case Rule::kBatches: {
      auto& [batches, last] = batches_[name.version];
      if (batches == 0 || last != pod.created) {
        ++batches;
        last = pod.created;
      }
      name.turn = static_cast<std::size_t>(batches - 1);
      name.group = numbered(name.version + "#", batches - 1);
      break;
    }
    case Rule::kNamed:
      name.group = name.version;
      break;
    case Rule::kJob:
      name.group = pod.ordinal < 0 ? "p" : numbered("i", pod.ordinal);
      break;
    case Rule::kStatefulSet:
      name.group = "db";
      name.turn = static_cast<std::size_t>(pod.ordinal);
      break;
    case Rule::kDaemonSet:
      name.group = store_.get<Node>(static_cast<ObjectId>(index(pod.wanted))).name;
      break;
  }
  name.ordinal = rule_ == Rule::kStatefulSet ? pod.ordinal : counts_[name.group].created;
  name.name = next_name_.empty() ? numbered(name.group + "-", name.ordinal) : std::exchange(next_name_, "");
  return name;
}

void PodLedger::pod_changed(const Pod& pod, const Pod&, Change change) {
  changed_ = true;
  if (change == Change::kAdded) {
    const PodName& name = names_[pod.uid] = make_name(pod);
    ++counts_[name.group].created;
    ++versions_[name.version].created;
  } else if (change == Change::kDeleted) {
    const PodName& name = names_.at(pod.uid);
    ++counts_[name.group].gone;
    ++versions_[name.version].gone;
  }
}

}  // namespace berth::controllers
