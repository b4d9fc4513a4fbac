// kube-scheduler: Kubernetes' own scheduler with its plugins, queue and preemption, as a policy:
// policies/schedulers/kube makes the decisions, and this file keeps its picture of the cluster and its queue in step
// with the simulation. Victims of preemption may take their time to go; they count until they have left.
#include <algorithm>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "policies/kube_configurable.hpp"
#include "policies/registry.hpp"
#include "policies/schedulers/kube/cluster_objects.hpp"
#include "policies/schedulers/kube/fast_scheduler.hpp"
#include "policies/schedulers/kube/queueing_hints.hpp"
#include "policies/schedulers/kube/scheduling_queue.hpp"

namespace berth {
namespace {

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
    state_ = std::make_unique<kube::ClusterState>(cluster.objects() == nullptr ? kube::Objects{} : *cluster.objects());
    for (std::size_t n = 0; n < cluster.nodes().size(); ++n) {
      if (cluster.node_exists(static_cast<NodeId>(n)))
        add_node(static_cast<NodeId>(n), node_of(static_cast<NodeId>(n)));
    }
    take_in_nodes();
    // What was there before us.
    const PodColumns& pods = cluster.pods();
    std::vector<PodId> waiting;
    cluster.pending().in_order(waiting);
    for (std::size_t p = 0; p < pods.size(); ++p) {
      if (pods.phase[p] == PodPhase::kFree || pods.phase[p] == PodPhase::kPending) continue;
      make_room_for(static_cast<PodId>(p));
      start_s_[p] = 0;
      going_[p] = pods.terminating[p] == 0 ? Going::kNo : Going::kYes;
      state_->assume(ref_of(static_cast<PodId>(p)), index_of_[index(pods.node[p])]);
    }
    arrived_.clear();
    for (const PodId pod : waiting) pod_waits(pod);

    if (percentage_) config_.percentage_of_nodes_to_score = *percentage_;
    kube::Profile profile = config_.profiles.front();
    profile.own_filters.emplace_back([this] { return kube::make_device_fit(*cluster_, nodes_, template_of_class_); });
    hints_.emplace(profile.args);
    // Random ties draw from the policy's own stream, whose seed is not known here: the first draw sets it.
    make_scheduler_ = [this, profile](std::uint64_t seed) {
      scheduler_ = std::make_unique<kube::FastScheduler>(*state_, config_, profile, ties_, seed);
      sort_filters();
    };
  }

  void schedule(const Context& ctx, Actions& act) override {
    take_in_nodes();
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

  std::string why_pending(const Context&, PodId pod) override {
    if (cluster_->pods().phase[index(pod)] != PodPhase::kPending) return {};
    const bool joined_or_left = !state_->settled();
    take_in_nodes();
    const bool first = !scheduler_;
    if (first) make_scheduler_(0);
    std::string text = scheduler_->explain(ref_of(pod), nominated_name(pod));
    if (first) scheduler_.reset();
    if (joined_or_left) state_->unsettle();
    return text;
  }

  std::span<const kube::ClaimBinding> claims_of(PodId pod) const override {
    const auto it = claims_of_.find(static_cast<std::uint32_t>(pod));
    return it == claims_of_.end() ? std::span<const kube::ClaimBinding>() : it->second;
  }

 private:
  enum class Going : std::uint8_t { kNo, kYes, kPreempted };

  void take_in_arrivals() {
    for (const PodId pod : arrived_) {
      if (cluster_->pods().phase[index(pod)] != PodPhase::kPending || queued_[index(pod)] != 0) continue;
      if (!ref_of(pod)->pod.scheduling_gates.empty()) continue;  // Waits without being tried.
      queue_.add(static_cast<std::uint32_t>(pod), cluster_->pod_template(pod).priority, now_);
      queued_[index(pod)] = 1;
    }
    arrived_.clear();
  }

  std::string_view nominated_name(PodId pod) const {
    const NodeId node = nominated_[index(pod)];
    return node == kNoNode ? std::string_view() : cluster_->node_spec(node).name;
  }

  void attempt(PodId pod, Actions& act) {
    const kube::PodRef ref = ref_of(pod);
    kube::Choice choice = scheduler_->decide(ref, nominated_name(pod));
    if (choice.result == kube::Decision::Result::kBound) {
      withdraw(pod);
      if (!choice.volumes.empty()) assume_claims(pod, choice);
      const Outcome outcome = act.bind(pod, nodes_[choice.node]);  // Here pod_assumed() takes it off the queue.
      BERTH_CHECK(outcome == Outcome::kDone);
      return;
    }
    if (!choice.keeps_nomination) withdraw(pod);
    bool room_came = false;
    if (choice.preempt_on != kube::kNoValue) {
      // Pods of a lower priority that were promised the node lose it.
      std::vector<PodId> losers;
      for (const kube::PodRef& other : state_->nominated(choice.preempt_on)) {
        if (other->pod.priority < ref->pod.priority) losers.push_back(static_cast<PodId>(other.handle));
      }
      for (const PodId loser : losers) withdraw(loser);
      state_->nominate(ref, choice.preempt_on);
      nominated_[index(pod)] = nodes_[choice.preempt_on];
      for (const kube::PodRef& victim : choice.victims) {
        room_came = preempt(static_cast<PodId>(victim.handle), act) || room_came;
      }
    }
    // Its own victims going is an event during the attempt.
    queue_.failed(static_cast<std::uint32_t>(pod), choice.refused_by == 0 ? all_filters_ : choice.refused_by, room_came,
                  now_);
  }

  // True if it is gone at once; else it is terminating until pod_left().
  bool preempt(PodId victim, Actions& act) {
    preempting_ = true;
    const Outcome outcome = act.evict(victim, EvictReason::kPreempted);
    BERTH_CHECK(outcome == Outcome::kDone || outcome == Outcome::kNotBound);
    if (outcome == Outcome::kDone && cluster_->pods().node[index(victim)] != kNoNode) pod_terminates(victim);
    preempting_ = false;
    return cluster_->pods().node[index(victim)] == kNoNode;
  }

  // Volumes are kept for the claims, or the claims for the node, until the simulation says that they are bound.
  void assume_claims(PodId pod, kube::Choice& choice) {
    for (const kube::ClaimBinding& binding : choice.volumes) {
      if (binding.provisioned) {
        state_->select_node(binding.claim, choice.node);
      } else {
        state_->assume_volume(binding.claim, binding.volume);
      }
    }
    claims_of_.insert_or_assign(static_cast<std::uint32_t>(pod), std::move(choice.volumes));
  }

  void withdraw(PodId pod) {
    if (nominated_[index(pod)] == kNoNode) return;
    nominated_[index(pod)] = kNoNode;
    state_->withdraw_nomination(static_cast<std::uint32_t>(pod));
  }

  kube::PodRef ref_of(PodId pod) {
    const TemplateId t = cluster_->pods().pod_template[index(pod)];
    while (infos_.size() <= index(t)) {
      const auto id = static_cast<TemplateId>(infos_.size());
      remember_class(infos_.emplace_back(kube::pod_of(cluster_->catalog(), id), classes_), id);
    }
    const kube::PodInfo* info = &infos_[index(t)];
    if (going_[index(pod)] != Going::kNo) info = &going_info(t, going_[index(pod)]);
    return {info, start_s_[index(pod)], static_cast<std::uint32_t>(pod)};
  }

  // Pods of the template that are told to go are a class of their own: they count for less.
  const kube::PodInfo& going_info(TemplateId t, Going how) {
    std::unique_ptr<kube::PodInfo>& info = going_infos_[{t, how}];
    if (!info) {
      kube::Pod pod = infos_[index(t)].pod;
      pod.deleting = true;
      pod.disrupted_by_preemption = how == Going::kPreempted;
      info = std::make_unique<kube::PodInfo>(std::move(pod), classes_);
      remember_class(*info, t);
    }
    return *info;
  }

  void remember_class(const kube::PodInfo& info, TemplateId t) {
    const auto id = static_cast<std::size_t>(info.class_id);
    if (id == template_of_class_.size()) template_of_class_.push_back(t);
  }

  // ---- What happens to pods
  void make_room_for(PodId pod) {
    if (index(pod) < queued_.size()) return;
    queued_.resize(index(pod) + 1, 0);
    nominated_.resize(index(pod) + 1, kNoNode);
    start_s_.resize(index(pod) + 1, kube::kNotStarted);
    going_.resize(index(pod) + 1, Going::kNo);
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
    moved_.push_back({cluster_->pods().pod_template[index(pod)], false});
  }
  void pod_terminates(PodId pod) override {
    if (going_[index(pod)] != Going::kNo) return;
    const std::uint32_t on = index_of_[index(cluster_->pods().node[index(pod)])];
    state_->forget(ref_of(pod), on);
    going_[index(pod)] = preempting_ ? Going::kPreempted : Going::kYes;
    state_->assume(ref_of(pod), on);
  }
  void pod_left(PodId pod, NodeId node) override {
    if (node == kNoNode) {
      if (queued_[index(pod)] != 0) queue_.remove(static_cast<std::uint32_t>(pod));
      queued_[index(pod)] = 0;
      withdraw(pod);
      return;
    }
    state_->forget(ref_of(pod), index_of_[index(node)]);
    going_[index(pod)] = Going::kNo;
    claims_of_.erase(static_cast<std::uint32_t>(pod));
    moved_.push_back({cluster_->pods().pod_template[index(pod)], true});
  }

  // ---- … to nodes
  kube::Node node_of(NodeId node) const { return kube::node_of(*cluster_, node); }
  void add_node(NodeId node, kube::Node object) {
    if (index_of_.size() <= index(node)) index_of_.resize(index(node) + 1, kube::kNoValue);
    index_of_[index(node)] = state_->add_node(std::move(object));
    node_of_id_.push_back(node);
  }
  void take_in_nodes() {
    if (!state_->settle()) return;
    nodes_.resize(state_->nodes().size());
    for (const kube::NodeInfo& info : state_->nodes()) {
      nodes_[info.index] = node_of_id_[info.id];
      index_of_[index(nodes_[info.index])] = info.index;
    }
  }
  void node_joined(NodeId node) override {
    if (!state_) return;
    const NodeChange& change = node_changes_.emplace_back(nullptr, std::make_unique<kube::Node>(node_of(node)));
    add_node(node, *change.after);
  }
  void node_left(NodeId node) override {
    if (!state_) return;
    const std::uint32_t on = index_of_[index(node)];
    node_changes_.push_back({std::make_unique<kube::Node>(*state_->nodes()[on].node), nullptr});
    for (const kube::PodRef& pod : state_->nominated(on)) nominated_[pod.handle] = kNoNode;
    state_->remove_node(on);
    index_of_[index(node)] = kube::kNoValue;
  }
  void node_changed(NodeId node) override {
    if (!state_) return;
    const std::uint32_t on = index_of_[index(node)];
    auto before = std::make_unique<kube::Node>(*state_->nodes()[on].node);
    auto after = std::make_unique<kube::Node>(node_of(node));
    state_->set_node(on, *after);
    node_changes_.push_back({std::move(before), std::move(after)});
  }
  void node_object_changed(NodeId node) override { node_changed(node); }
  void node_image_changed(NodeId node, const HeldImage& image, bool present) override {
    if (!state_) return;
    state_->set_image(index_of_[index(node)], state_->image_id(cluster_->image_name(image.image)), image.size_bytes,
                      present);
  }

  // ---- … to everything else
  void objects_changed() override {
    if (!state_) return;
    state_->set_objects(*cluster_->objects());
    volumes_changed_ = true;
  }
  void budgets_changed(const std::vector<kube::PodDisruptionBudget>& budgets) override {
    if (state_) state_->set_budgets(budgets);
  }
  void claim_added(const kube::PersistentVolumeClaim& claim) override {
    if (!state_) return;
    state_->add_claim(claim);
    changed_claims_.push_back(claim.key());
  }
  void claim_removed(const std::string& key) override {
    if (state_) state_->remove_claim(key);
  }
  void claim_bound(const std::string& key, const std::string& volume) override {
    if (!state_) return;
    state_->bind_claim(key, volume);
    changed_claims_.push_back(key);
  }
  void volume_added(const kube::PersistentVolume& volume) override {
    if (!state_) return;
    state_->remove_volume(volume.name);
    state_->provision(volume);
    volumes_changed_ = true;
  }
  void volume_removed(const std::string& name) override {
    if (state_) state_->remove_volume(name);
  }

  // ---- Queueing hints: wakes the pods that one of the events since last time may help.

  // Which plugins care for which events, a bit per place among the filters.
  void sort_filters() {
    const auto filters = scheduler_->runtime().filters();
    for (std::size_t i = 0; i < filters.size(); ++i) {
      const std::uint32_t bit = 1U << i;
      const kube::Scope scope = filters[i]->scope();
      all_filters_ |= bit;
      if (scope == kube::Scope::kTopology) {
        topology_filters_ |= bit;
      } else if (scope != kube::Scope::kNodeObject && !kube::QueueingHints::volume_may_help(filters[i]->name())) {
        filters_of_room_ |= bit;
      }
    }
  }

  void tell_queue() {
    if (!moved_.empty()) tell_of_pods();
    if (!node_changes_.empty()) {
      tell_of([this](std::string_view filter, const kube::Cycle& cycle) {
        return std::any_of(node_changes_.begin(), node_changes_.end(), [&](const NodeChange& change) {
          return hints_->node_may_help(filter, cycle, change.before.get(), change.after.get());
        });
      });
      node_changes_.clear();
    }
    if (!changed_claims_.empty() || volumes_changed_) {
      tell_of([this](std::string_view filter, const kube::Cycle& cycle) {
        return (volumes_changed_ && kube::QueueingHints::volume_may_help(filter)) ||
               kube::QueueingHints::claim_may_help(filter, cycle.pod.pod, changed_claims_);
      });
      changed_claims_.clear();
      volumes_changed_ = false;
    }
  }

  void tell_of_pods() {
    bool deleted = false;
    seen_.clear();
    for (const Moved& m : moved_) {
      deleted = deleted || m.left;
      if (std::find(seen_.begin(), seen_.end(), m.pod_template) == seen_.end()) seen_.push_back(m.pod_template);
    }
    moved_.clear();
    if (deleted) queue_.moved(filters_of_room_, now_, [](std::uint32_t) { return true; });
    if (topology_filters_ == 0) return;
    queue_.moved(topology_filters_, now_, [this](std::uint32_t waiting) {
      const kube::PodRef pod = ref_of(static_cast<PodId>(waiting));
      return std::any_of(seen_.begin(), seen_.end(),
                         [&](TemplateId t) { return scheduler_->concerns(*pod.info, infos_[index(t)]); });
    });
  }

  // `helps`(filter, cycle) is asked once per filter and template of a pod that the filter refused.
  template <class Helps>
  void tell_of(Helps helps) {
    const auto filters = scheduler_->runtime().filters();
    for (std::size_t i = 0; i < filters.size(); ++i) {
      helped_.assign(infos_.size(), Helped::kNotAsked);
      queue_.moved(1U << i, now_, [&](std::uint32_t waiting) {
        const kube::PodRef pod = ref_of(static_cast<PodId>(waiting));
        Helped& known = helped_[index(cluster_->pods().pod_template[waiting])];
        if (known == Helped::kNotAsked) {
          known = helps(filters[i]->name(), kube::Cycle{*state_, *pod.info, pod.handle}) ? Helped::kYes : Helped::kNo;
        }
        return known == Helped::kYes;
      });
    }
  }

  struct Moved {
    TemplateId pod_template;
    bool left;  // Else it came to a node.
  };
  struct NodeChange {
    std::unique_ptr<const kube::Node> before, after;  // Null: it joined, it left.
    NodeChange(std::unique_ptr<const kube::Node> b, std::unique_ptr<const kube::Node> a)
        : before(std::move(b)), after(std::move(a)) {}
  };
  enum class Helped : std::uint8_t { kNotAsked, kNo, kYes };

  std::string file_;
  std::optional<std::int64_t> percentage_;
  kube::TieRule ties_ = kube::TieRule::kFirst;
  kube::SchedulerConfig config_;
  std::function<void(std::uint64_t)> make_scheduler_;

  const Cluster* cluster_ = nullptr;
  Time now_;
  std::vector<NodeId> nodes_;            // By kube's node index.
  std::vector<std::uint32_t> index_of_;  // The other way.
  std::vector<NodeId> node_of_id_;       // By kube::NodeInfo::id.
  kube::PodClasses classes_;
  std::deque<kube::PodInfo> infos_;  // By template.
  std::map<std::pair<TemplateId, Going>, std::unique_ptr<kube::PodInfo>> going_infos_;
  std::vector<TemplateId> template_of_class_;  // By pod class: the first.
  std::unique_ptr<kube::ClusterState> state_;
  std::unique_ptr<kube::FastScheduler> scheduler_;
  std::optional<kube::QueueingHints> hints_;
  kube::SchedulingQueue queue_;
  std::vector<PodId> arrived_;
  std::vector<std::uint8_t> queued_;   // By pod.
  std::vector<NodeId> nominated_;      // By pod, or kNoNode.
  std::vector<std::int64_t> start_s_;  // By pod.
  std::vector<Going> going_;           // By pod.
  bool preempting_ = false;
  std::unordered_map<std::uint32_t, std::vector<kube::ClaimBinding>> claims_of_;  // By pod; never iterated.
  std::vector<Moved> moved_;
  std::vector<NodeChange> node_changes_;
  std::vector<std::string> changed_claims_;
  bool volumes_changed_ = false;
  std::uint32_t all_filters_ = 0, topology_filters_ = 0, filters_of_room_ = 0;
  std::vector<TemplateId> seen_;
  std::vector<Helped> helped_;
};

const Register<Scheduler, KubeScheduler> kRegistered{
    "kube-scheduler", "Kubernetes' own: all default plugins, queue, back-off and preemption"};

}  // namespace
}  // namespace berth
