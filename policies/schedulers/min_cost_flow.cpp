// min-cost-flow: waiting pods are placed together, by the cheapest flow from them to the nodes, instead of one by one.
// The network of a round: every pod a unit of flow; pods of one template enter at its aggregator, which has
//   an arc to each node on which the template fits, at the cost below; an arc from each node to the sink, capacity 1;
//   an arc to "unscheduled" that costs more than any placement, and more for a pod than for those behind it in line.
// So as many pods as can get a node, first in line first, and of all ways to place these one that costs least in total;
// on equal totals which one is fixed (see the solver; a lone pod gets the lowest NodeId). What a node can take in
// several dimensions is no flow: hence one new pod per node and round, checked by Cluster::fits at the round's start.
// Rounds follow at the same instant, with the costs that the last one left, until nothing more fits. A round takes pods
// in queue order until `batch` of them have a node; pods that fit nowhere do not count. Running pods are not moved
// (Quincy and Firmament may preempt them).
//
// The cost of a node is its load with the pod, plus its imbalance. With u = 1000 · (requested + request) / allocatable,
// to the nearest integer, for each of cpu and memory that the node has and, for a pod that asks for GPUs, of GPU:
//   cost = mean(u) + variance(u) / 1000, each division in integers: 0 .. 1250 (a variance of shares is at most 1/4).
// With a decision time per pod the round's solution is kept and carried out first, whatever arrives meanwhile.
// Sources: Isard et al., "Quincy: fair scheduling for distributed computing clusters", SOSP 2009 (the network); Gog et
// al., "Firmament: fast, centralized cluster scheduling at scale", OSDI 2016 (aggregators per request; arcs to nodes of
// unit capacity); the cost is that of Firmament's CPU-memory cost model as of Poseidon (2018), its affinity and taint
// terms left out; GPU as a third resource is our own addition.
#include <algorithm>
#include <array>

#include "policies/min_cost_flow_solver.hpp"
#include "policies/registry.hpp"

namespace berth {
namespace {

class MinCostFlow final : public ScoringScheduler, private MinCostFlowSolver::ArcSource {
 public:
  explicit MinCostFlow(const Params& p)
      : batch_(static_cast<std::size_t>(p.integer(
            "batch", {.fallback = 512, .min = 1, .max = 65536, .help = "pods placed together in a round, at most"}))),
        rounds_(
            p.integer("rounds", {.fallback = 0,
                                 .min = 0,
                                 .max = 1'000'000,
                                 .help = "per instant, the rest waits for the next event; 0 = until nothing fits"})) {}

  // -cost: integers far below 2^24, exact as floats.
  void score(const Context& ctx, PodId pod, std::span<const NodeId> nodes, std::span<float> scores) override {
    const PodTemplate& t = ctx.cluster.pod_template(pod);
    for (std::size_t i = 0; i < nodes.size(); ++i) {
      scores[i] = -static_cast<float>(cost_of(ctx.cluster.nodes(), t, index(nodes[i])));
    }
  }

  void schedule(const Context& ctx, Actions& act) override {
    carry_out(ctx, act);
    barren_.look(ctx.cluster);
    const std::span<const TemplateId> waiting = ctx.cluster.pending().templates();
    open_.assign(waiting.begin(), waiting.end());
    for (std::int64_t round = 0; (rounds_ == 0 || round < rounds_) && act.may_decide(); ++round) {
      solve(ctx);
      if (plan_.empty()) return;
      carry_out(ctx, act);
    }
  }

 private:
  static constexpr std::int64_t kScale = 1000;  // The source's; a finer one has fewer ties and takes longer to solve.

  static constexpr MinCostFlowSolver::Group kNoGroup = 0xFFFF'FFFF;

  struct Head {  // The first pod of a template that the round has not come to yet.
    std::uint64_t place;
    PodId pod;
    TemplateId pod_template;
    MinCostFlowSolver::Group group;
  };
  struct Decision {
    PodId pod;
    std::uint32_t generation;
    NodeId node;
  };
  struct Taken {
    PodId pod;
    MinCostFlowSolver::Group group;
  };
  struct Aggregator {
    View* view = nullptr;
    std::size_t next = 0;  // Of its nodes, in assign().
    std::vector<MinCostFlowSolver::Arc> nodes;
  };

  static std::int64_t cost_of(const NodeColumns& n, const PodTemplate& t, std::size_t row) {
    std::array<std::int64_t, 3> used;
    std::size_t count = 0;
    const auto add = [&](std::int64_t capacity, std::int64_t free, std::int64_t ask) {
      if (capacity == 0) return;
      const double share = static_cast<double>(capacity - free + ask) / static_cast<double>(capacity);
      used[count++] = static_cast<std::int64_t>(static_cast<double>(kScale) * share + 0.5);
    };
    add(n.cpu_capacity_milli[row], n.cpu_free_milli[row], t.request.cpu_milli);
    add(n.memory_capacity_bytes[row], n.memory_free_bytes[row], t.request.memory_bytes);
    if (t.gpu.count > 0) add(n.gpu_count[row] * kMilliPerGpu, n.gpu_free_milli[row], t.gpu.total_milli());
    if (count == 0) return 0;
    const auto k = static_cast<std::int64_t>(count);
    std::int64_t mean = 0;
    for (std::size_t i = 0; i < count; ++i) mean += used[i];
    mean /= k;
    std::int64_t squares = 0;
    for (std::size_t i = 0; i < count; ++i) squares += (used[i] - mean) * (used[i] - mean);
    return mean + squares / k / kScale;
  }

  // Binds what the last solution still has to bind, in queue order, while decisions are allowed.
  void carry_out(const Context& ctx, Actions& act) {
    for (; planned_ < plan_.size() && act.may_decide(); ++planned_) {
      const Decision& d = plan_[planned_];
      // Gone or placed by others meanwhile, or its node is full or cordoned: then the next round sees to it.
      if (ctx.cluster.pods().generation[index(d.pod)] == d.generation) act.bind(d.pod, d.node);
    }
    if (planned_ == plan_.size()) {
      plan_.clear();
      planned_ = 0;
    }
  }

  // Takes pods in queue order and plans their binding. Pre: no plan is under way.
  void solve(const Context& ctx) {
    const PendingQueue& pending = ctx.cluster.pending();
    std::erase_if(open_, [&](TemplateId t) { return pending.front(t) == kNoPod || barren_.still(ctx.cluster, t); });
    heads_.clear();
    for (const TemplateId t : open_) heads_.push_back({pending.place(pending.front(t)), pending.front(t), t, kNoGroup});
    const auto later = [](const Head& a, const Head& b) { return a.place > b.place; };
    std::make_heap(heads_.begin(), heads_.end(), later);
    solver_.begin(ctx.cluster.nodes().size());
    groups_ = 0;
    taken_.clear();
    while (!heads_.empty() && taken_.size() < batch_) {
      std::pop_heap(heads_.begin(), heads_.end(), later);
      Head head = heads_.back();
      heads_.pop_back();
      if (head.group == kNoGroup && !open_group(ctx, head)) continue;
      if (!solver_.add_pod(head.group, *this)) {
        for (const MinCostFlowSolver::Group lost : solver_.lost()) restore(lost);
        continue;
      }
      taken_.push_back({head.pod, head.group});
      head.pod = pending.next(head.pod);
      if (head.pod == kNoPod) continue;
      head.place = pending.place(head.pod);
      heads_.push_back(head);
      std::push_heap(heads_.begin(), heads_.end(), later);
    }
    for (MinCostFlowSolver::Group g = 0; g < groups_; ++g) restore(g);
    assign(ctx);
  }

  // The oldest pod of a template gets the cheapest of its nodes.
  void assign(const Context& ctx) {
    for (MinCostFlowSolver::Group g = 0; g < groups_; ++g) {
      aggregators_[g].next = 0;
      aggregators_[g].nodes.clear();
    }
    for (const NodeId node : solver_.used()) {
      aggregators_[solver_.owner(node)].nodes.push_back({node, solver_.cost(node)});
    }
    for (MinCostFlowSolver::Group g = 0; g < groups_; ++g) {
      std::sort(aggregators_[g].nodes.begin(), aggregators_[g].nodes.end(),
                [](const auto& a, const auto& b) { return a.cost != b.cost ? a.cost < b.cost : a.node < b.node; });
    }
    for (const Taken& taken : taken_) {
      Aggregator& a = aggregators_[taken.group];
      BERTH_CHECK(a.next < a.nodes.size());
      plan_.push_back({taken.pod, ctx.cluster.pods().generation[index(taken.pod)], a.nodes[a.next++].node});
    }
  }

  // False if the template fits nowhere; else its view is held until restore().
  bool open_group(const Context& ctx, Head& head) {
    View& view = view_of(ctx, head.pod_template);
    catch_up(ctx, head.pod, view);
    if (!view.scores.any()) {
      barren_.mark(head.pod_template);
      return false;
    }
    view.pinned = true;
    head.group = solver_.add_group();
    groups_ = head.group + 1;
    if (groups_ > aggregators_.size()) aggregators_.resize(groups_);
    aggregators_[head.group].view = &view;
    return true;
  }

  // Cheapest first, by taking the best out of the index until restore().
  bool next(MinCostFlowSolver::Group group, MinCostFlowSolver::Arc& out) override {
    ScoreIndex& scores = aggregators_[group].view->scores;
    const NodeId node = scores.best();
    if (node == kNoNode) return false;
    out = {node, static_cast<std::int64_t>(-scores[node])};
    scores.set(node, ScoreIndex::kInfeasible);
    return true;
  }

  void restore(MinCostFlowSolver::Group group) {
    View*& view = aggregators_[group].view;
    if (view == nullptr) return;
    for (const auto& [node, cost] : solver_.arcs(group)) view->scores.set(node, -static_cast<float>(cost));
    view->pinned = false;
    view = nullptr;
  }

  std::size_t batch_;
  std::int64_t rounds_;
  MinCostFlowSolver solver_;
  std::vector<TemplateId> open_;         // Templates that may still fit somewhere at this instant.
  std::vector<Head> heads_;              // A heap: the next pod of each template.
  std::vector<Aggregator> aggregators_;  // By group; the first groups_ are in use.
  std::size_t groups_ = 0;
  std::vector<Taken> taken_;  // Pods that have a node, in queue order.
  std::vector<Decision> plan_;
  std::size_t planned_ = 0;  // So many of the plan are done.
};

const Register<Scheduler, MinCostFlow> kRegistered{"min-cost-flow",
                                                   "the cheapest placement of all waiting pods together"};

}  // namespace
}  // namespace berth
