// kube-scheduler: Kubernetes' own scheduler with its plugins, queue and preemption, as a policy:
// policies/schedulers/kube makes the decisions, and this file keeps its picture of the cluster and its queue in step
// with the simulation. GPUs are an extended resource, as device plugins offer them; which devices, models and shares
// fit is asked of the cluster by a filter of ours (DeviceFit), since kube-scheduler itself counts no more than a sum.
// A pod evicted by preemption is gone at once and waits again: there is no grace period here.
#include <algorithm>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "policies/kube_configurable.hpp"
#include "policies/registry.hpp"
#include "policies/schedulers/kube/fast_scheduler.hpp"
#include "policies/schedulers/kube/scheduling_queue.hpp"

namespace berth {
namespace {

constexpr const char* kGpuResource = "berth.dev/gpu-milli";

kube::Quantity whole(std::int64_t amount) {
  return {kube::Quantity::Nano{amount} * 1'000'000'000};
}
kube::Quantity milli(std::int64_t amount) {
  return {kube::Quantity::Nano{amount} * 1'000'000};
}

kube::StringMap labels_of(const std::vector<Label>& labels) {
  std::vector<std::pair<std::string, std::string>> items;
  for (const Label& label : labels) items.emplace_back(label.key, label.value);
  return kube::StringMap(std::move(items));
}

void set_resources(kube::ResourceList& out, const Resources& r, const std::vector<ExtendedAmount>& extended,
                   std::int64_t gpu_milli, const Catalog& catalog) {
  out.set("cpu", milli(r.cpu_milli));
  out.set("memory", whole(r.memory_bytes));
  out.set("ephemeral-storage", whole(r.ephemeral_storage_bytes));
  for (const ExtendedAmount& e : extended) out.set(catalog.extended_name(e.resource), whole(e.amount));
  if (gpu_milli > 0) out.set(kGpuResource, whole(gpu_milli));
}

// What kube-scheduler's sums do not tell: whether the GPUs that are free are the right ones, and a cordon.
class DeviceFit final : public kube::Plugin {
 public:
  DeviceFit(const Cluster& cluster, const std::vector<NodeId>& nodes, const std::vector<TemplateId>& templates)
      : Plugin("DeviceFit"), cluster_(cluster), nodes_(nodes), templates_(templates) {}
  kube::Scope scope() const override { return kube::Scope::kNode; }

  kube::Status filter(const kube::Cycle& cycle, kube::CycleState& state, const kube::NodeInfo& node) const override {
    if (admits(cycle, state, node) == kube::Code::kSuccess) return {};
    return kube::unschedulable("node(s) had no GPU that fits");
  }
  kube::Code admits(const kube::Cycle& cycle, kube::CycleState&, const kube::NodeInfo& node) const override {
    const NodeId id = nodes_[node.index];
    const PodTemplate& t = cluster_.catalog()[templates_[static_cast<std::size_t>(cycle.pod.class_id)]];
    const bool fits = t.gpu.count == 0 ? cluster_.nodes().schedulable[index(id)] != 0 : cluster_.fits(t, id);
    return fits ? kube::Code::kSuccess : kube::Code::kUnschedulable;
  }

 private:
  const Cluster& cluster_;
  const std::vector<NodeId>& nodes_;          // By node index of kube.
  const std::vector<TemplateId>& templates_;  // By pod class.
};

class KubeScheduler final : public Scheduler, public kube::Configurable, private ClusterListener {
 public:
  explicit KubeScheduler(const Params& p)
      : file_(p.text("config", "", "a KubeSchedulerConfiguration; its first profile is used")) {
    const std::int64_t percentage = p.integer(
        "percentage_of_nodes_to_score",
        {.fallback = -1, .min = -1, .max = 100, .help = "0: by cluster size; -1: what the configuration says, else 0"});
    ties_ = p.choice("ties", {"first", {"first", "random"}, "among equally good nodes"}) == "first"
                ? kube::TieRule::kFirst
                : kube::TieRule::kRandom;
    if (percentage >= 0) percentage_ = percentage;
  }

  const std::string& config_file() const override { return file_; }
  void configure(kube::SchedulerConfig config) override { config_ = std::move(config); }
  ClusterListener* listener() override { return this; }

  void prepare(const Cluster& cluster, std::span<const TemplateCount>) override {
    cluster_ = &cluster;
    kube::Objects objects;
    for (const NodeSpec& spec : cluster.node_specs()) {
      kube::Node& node = objects.nodes.emplace_back();
      node.name = spec.name;
      node.labels = labels_of(spec.labels);
      if (node.labels.find(kube::kHostnameLabel) == nullptr) node.labels.set(kube::kHostnameLabel, spec.name);
      set_resources(node.allocatable, spec.allocatable, spec.extended, std::int64_t{spec.gpu_count} * kMilliPerGpu,
                    cluster.catalog());
      node.allocatable.set("pods", whole(spec.pods));
    }
    state_ = std::make_unique<kube::ClusterState>(std::move(objects));
    nodes_.resize(state_->nodes().size());
    for (std::size_t n = 0; n < nodes_.size(); ++n) {
      const kube::NodeInfo* node = state_->find_node(cluster.node_spec(static_cast<NodeId>(n)).name);
      nodes_[node->index] = static_cast<NodeId>(n);
      index_of_.push_back(node->index);
    }
    // What was there before us.
    const PodColumns& pods = cluster.pods();
    std::vector<PodId> waiting;
    cluster.pending().in_order(waiting);
    for (std::size_t p = 0; p < pods.size(); ++p) {
      if (pods.phase[p] == PodPhase::kFree || pods.phase[p] == PodPhase::kPending) continue;
      make_room_for(static_cast<PodId>(p));
      start_s_[p] = 0;
      state_->assume(ref_of(static_cast<PodId>(p)), index_of_[index(pods.node[p])]);
    }
    arrived_.clear();
    for (const PodId pod : waiting) pod_waits(pod);

    if (percentage_) config_.percentage_of_nodes_to_score = *percentage_;
    kube::Profile profile = config_.profiles.front();
    profile.own_filters.emplace_back(
        [this] { return std::make_unique<DeviceFit>(*cluster_, nodes_, template_of_class_); });
    // Random ties draw from the policy's own stream, whose seed is not known here: the first draw sets it.
    make_scheduler_ = [this, profile](std::uint64_t seed) {
      scheduler_ = std::make_unique<kube::FastScheduler>(*state_, config_, profile, ties_, seed);
      sort_filters();
    };
  }

  void schedule(const Context& ctx, Actions& act) override {
    if (!scheduler_) make_scheduler_(ties_ == kube::TieRule::kRandom ? ctx.rng.u64() : 0);
    now_ = ctx.now;
    take_in_arrivals();
    queue_.flush(now_);
    tell_queue();
    while (act.may_decide()) {
      const auto next = queue_.pop(now_);
      if (!next) return;
      attempt(static_cast<PodId>(*next), act);
      take_in_arrivals();  // Victims wait again.
      tell_queue();
    }
  }

 private:
  void take_in_arrivals() {
    for (const PodId pod : arrived_) {
      if (cluster_->pods().phase[index(pod)] != PodPhase::kPending || queued_[index(pod)] != 0) continue;
      queue_.add(static_cast<std::uint32_t>(pod), cluster_->pod_template(pod).priority, now_);
      queued_[index(pod)] = 1;
    }
    arrived_.clear();
  }
  void attempt(PodId pod, Actions& act) {
    const kube::PodRef ref = ref_of(pod);
    const std::uint32_t nominated = nominated_[index(pod)];
    const kube::Choice choice =
        scheduler_->decide(ref, nominated == kube::kNoValue ? std::string_view() : state_->nodes()[nominated].name());
    if (choice.result == kube::Decision::Result::kBound) {
      withdraw(pod);
      const Outcome outcome = act.bind(pod, nodes_[choice.node]);  // Here pod_assumed() takes it off the queue.
      BERTH_CHECK(outcome == Outcome::kDone);
      return;
    }
    withdraw(pod);
    if (choice.preempt_on != kube::kNoValue) {
      // Pods of a lower priority that were promised the node lose it.
      std::vector<PodId> losers;
      for (const kube::PodRef& other : state_->nominated(choice.preempt_on)) {
        if (other->pod.priority < ref->pod.priority) losers.push_back(static_cast<PodId>(other.handle));
      }
      for (const PodId loser : losers) withdraw(loser);
      state_->nominate(ref, choice.preempt_on);
      nominated_[index(pod)] = choice.preempt_on;
      for (const kube::PodRef& victim : choice.victims) {
        const Outcome outcome = act.evict(static_cast<PodId>(victim.handle), EvictReason::kPreempted);
        BERTH_CHECK(outcome == Outcome::kDone || outcome == Outcome::kNotBound);
      }
    }
    // Its own victims going is an event during the attempt.
    queue_.failed(static_cast<std::uint32_t>(pod), std::max(choice.refused_by, 1U), choice.preempt_on != kube::kNoValue,
                  now_);
  }

  void withdraw(PodId pod) {
    if (nominated_[index(pod)] == kube::kNoValue) return;
    nominated_[index(pod)] = kube::kNoValue;
    state_->withdraw_nomination(static_cast<std::uint32_t>(pod));
  }

  kube::PodRef ref_of(PodId pod) {
    const TemplateId t = cluster_->pods().pod_template[index(pod)];
    while (infos_.size() <= index(t)) {
      const auto id = static_cast<TemplateId>(infos_.size());
      const PodTemplate& source = cluster_->catalog()[id];
      kube::Pod made;
      made.namespace_name = cluster_->catalog().namespace_name(source.namespace_id);
      made.name = "template-" + std::to_string(infos_.size());
      made.uid = made.name;
      made.labels = labels_of(source.labels);
      made.labels.set("berth.dev/template", made.name);  // So that templates and pod classes are the same.
      made.priority = source.priority;
      kube::Container& container = made.containers.emplace_back();
      container.name = "main";
      set_resources(container.requests, source.request, source.extended, source.gpu.total_milli(), cluster_->catalog());
      infos_.emplace_back(std::move(made), classes_);
      template_of_class_.push_back(id);
    }
    return {&infos_[index(t)], start_s_[index(pod)], static_cast<std::uint32_t>(pod)};
  }

  // ---- What happens to the cluster
  void make_room_for(PodId pod) {
    if (index(pod) < queued_.size()) return;
    queued_.resize(index(pod) + 1, 0);
    nominated_.resize(index(pod) + 1, kube::kNoValue);
    start_s_.resize(index(pod) + 1, kube::kNotStarted);
  }
  void pod_waits(PodId pod) override {
    make_room_for(pod);
    start_s_[index(pod)] = kube::kNotStarted;
    arrived_.push_back(pod);
  }
  void pod_assumed(PodId pod, NodeId node) override {
    queue_.remove(static_cast<std::uint32_t>(pod));
    queued_[index(pod)] = 0;
    start_s_[index(pod)] = now_.ns / 1'000'000'000;
    state_->assume(ref_of(pod), index_of_[index(node)]);
    moved_.push_back({cluster_->pods().pod_template[index(pod)], Event::kPodAssigned});
  }
  void pod_left(PodId pod, NodeId node) override {
    if (node == kNoNode) {
      if (queued_[index(pod)] != 0) queue_.remove(static_cast<std::uint32_t>(pod));
      queued_[index(pod)] = 0;
      withdraw(pod);
      return;
    }
    state_->forget(ref_of(pod), index_of_[index(node)]);
    moved_.push_back({cluster_->pods().pod_template[index(pod)], Event::kPodDeleted});
  }
  void node_changed(NodeId node) override {
    state_->touch(index_of_[index(node)]);
    moved_.push_back({kNoTemplate, Event::kNodeChanged});
  }

  // Which plugins care for which events, a bit per place among the filters.
  void sort_filters() {
    const auto filters = scheduler_->runtime().filters();
    for (std::size_t i = 0; i < filters.size(); ++i) {
      const std::uint32_t bit = 1U << i;
      const kube::Scope scope = filters[i]->scope();
      all_filters_ |= bit;
      if (scope == kube::Scope::kTopology) {
        topology_filters_ |= bit;
      } else if (scope != kube::Scope::kNodeObject) {
        filters_of_room_ |= bit;
      }
    }
  }

  // Wakes the pods that one of the events since last time may help: queueing hints.
  void tell_queue() {
    if (moved_.empty()) return;
    bool node = false;
    bool deleted = false;
    seen_.clear();
    for (const Moved& m : moved_) {
      node = node || m.event == Event::kNodeChanged;
      deleted = deleted || m.event == Event::kPodDeleted;
      if (m.pod_template != kNoTemplate && std::find(seen_.begin(), seen_.end(), m.pod_template) == seen_.end()) {
        seen_.push_back(m.pod_template);
      }
    }
    moved_.clear();
    const auto always = [](std::uint32_t) { return true; };
    if (node) queue_.moved(all_filters_, now_, always);
    if (deleted) queue_.moved(filters_of_room_, now_, always);
    if (topology_filters_ == 0) return;
    queue_.moved(topology_filters_, now_, [this](std::uint32_t waiting) {
      const kube::PodRef pod = ref_of(static_cast<PodId>(waiting));
      return std::any_of(seen_.begin(), seen_.end(),
                         [&](TemplateId t) { return scheduler_->concerns(*pod.info, infos_[index(t)]); });
    });
  }

  enum class Event : std::uint8_t { kPodAssigned, kPodDeleted, kNodeChanged };
  struct Moved {
    TemplateId pod_template;
    Event event;
  };

  std::string file_;
  std::optional<std::int64_t> percentage_;
  kube::TieRule ties_ = kube::TieRule::kFirst;
  kube::SchedulerConfig config_;
  std::function<void(std::uint64_t)> make_scheduler_;

  const Cluster* cluster_ = nullptr;
  Time now_;
  std::vector<NodeId> nodes_;            // By kube's node index.
  std::vector<std::uint32_t> index_of_;  // The other way.
  kube::PodClasses classes_;
  std::deque<kube::PodInfo> infos_;            // By template.
  std::vector<TemplateId> template_of_class_;  // By pod class.
  std::unique_ptr<kube::ClusterState> state_;
  std::unique_ptr<kube::FastScheduler> scheduler_;
  kube::SchedulingQueue queue_;
  std::vector<PodId> arrived_;
  std::vector<std::uint8_t> queued_;      // By pod.
  std::vector<std::uint32_t> nominated_;  // By pod: node, or kNoValue.
  std::vector<std::int64_t> start_s_;     // By pod.
  std::vector<Moved> moved_;
  std::uint32_t all_filters_ = 0, topology_filters_ = 0, filters_of_room_ = 0;
  std::vector<TemplateId> seen_;
};

const Register<Scheduler, KubeScheduler> kRegistered{
    "kube-scheduler", "Kubernetes' own: all default plugins, queue, back-off and preemption"};

}  // namespace
}  // namespace berth
