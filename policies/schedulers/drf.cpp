// drf: dominant resource fairness as queue order. The next pod is the first in line of the namespace with the smallest
// dominant share, where a namespace's dominant share is its largest share of the cluster's cpu, memory or GPU, counting
// its bound pods. Which node: least-allocated's or best-fit's rule, by `place`. Ties go to who has waited longer.
// Source: Ghodsi et al., "Dominant resource fairness", NSDI 2011, algorithm 1.
#include <algorithm>

#include "policies/kube_shares.hpp"
#include "policies/registry.hpp"

namespace berth {
namespace {

class Drf final : public ScoringScheduler {
 public:
  explicit Drf(const Params& p)
      : pack_(p.choice("place",
                       {.fallback = "spread", .values = {"spread", "pack"}, .help = "emptier or fuller nodes first"}) ==
              "pack") {}

  void score(const Context& ctx, PodId pod, std::span<const NodeId> nodes, std::span<float> scores) override {
    const Resources& ask = ctx.cluster.request(pod);
    const NodeColumns& n = ctx.cluster.nodes();
    for (std::size_t i = 0; i < nodes.size(); ++i) {
      const std::size_t row = index(nodes[i]);
      const std::int64_t left = (percent(n.cpu_free_milli[row] - ask.cpu_milli, n.cpu_capacity_milli[row]) +
                                 percent(n.memory_free_bytes[row] - ask.memory_bytes, n.memory_capacity_bytes[row])) /
                                2;
      scores[i] = static_cast<float>(pack_ ? -left : left);
    }
  }

  void schedule(const Context& ctx, Actions& act) override {
    const PendingQueue& pending = ctx.cluster.pending();
    const auto later = [](const Head& a, const Head& b) { return a.first > b.first; };
    tally(ctx.cluster);
    barren_.look(ctx.cluster);
    lines_.resize(ctx.cluster.catalog().namespaces());
    waiting_.clear();
    for (const TemplateId t : pending.templates()) {
      if (barren_.still(ctx.cluster, t)) continue;
      const NamespaceId ns = ctx.cluster.catalog()[t].namespace_id;
      if (lines_[index(ns)].empty()) waiting_.push_back(ns);
      lines_[index(ns)].emplace_back(pending.place(pending.front(t)), t);
    }
    for (const NamespaceId ns : waiting_) std::make_heap(lines_[index(ns)].begin(), lines_[index(ns)].end(), later);

    while (!waiting_.empty() && act.may_decide()) {
      const auto next = std::min_element(waiting_.begin(), waiting_.end(), [&](NamespaceId a, NamespaceId b) {
        const double share_a = share_of(a);
        const double share_b = share_of(b);
        return share_a != share_b ? share_a < share_b : lines_[index(a)].front().first < lines_[index(b)].front().first;
      });
      std::vector<Head>& line = lines_[index(*next)];
      std::pop_heap(line.begin(), line.end(), later);
      const TemplateId t = line.back().second;
      line.pop_back();
      if (bind_front(ctx, t, act)) {
        tally(ctx.cluster);
        if (const PodId pod = pending.front(t); pod != kNoPod) {
          line.emplace_back(pending.place(pod), t);
          std::push_heap(line.begin(), line.end(), later);
        }
      }
      if (line.empty()) {  // All of it is placed, or fits nowhere until something changes.
        *next = waiting_.back();
        waiting_.pop_back();
      }
    }
    for (const NamespaceId ns : waiting_) lines_[index(ns)].clear();
  }

 private:
  using Head = std::pair<std::uint64_t, TemplateId>;  // A template by its first pod's place in line.
  struct Use {
    double cpu = 0, memory = 0, gpu = 0;
  };

  double share_of(NamespaceId ns) const {
    if (index(ns) >= used_.size()) return 0;
    const Use& u = used_[index(ns)];
    return std::max({u.cpu / all_.cpu, u.memory / all_.memory, u.gpu / all_.gpu});
  }

  // Brings what each namespace holds up to date, from the nodes that changed. Sums of integers below 2^53: exact, so
  // taking a node's old part off and putting the new one on leaves no rounding behind.
  void tally(const Cluster& cluster) {
    const NodeColumns& n = cluster.nodes();
    if (parts_.size() < n.size()) {
      parts_.resize(n.size());
      all_ = {};
      for (std::size_t i = 0; i < n.size(); ++i) {
        all_.cpu += static_cast<double>(n.cpu_capacity_milli[i]);
        all_.memory += static_cast<double>(n.memory_capacity_bytes[i] >> 10);
        all_.gpu += static_cast<double>(n.gpu_count[i] * kMilliPerGpu);
      }
      all_ = {std::max(all_.cpu, 1.0), std::max(all_.memory, 1.0), std::max(all_.gpu, 1.0)};
    }
    cluster.changes().changed_since(seen_, [&](NodeId node) {
      std::vector<std::pair<NamespaceId, Use>>& parts = parts_[index(node)];
      for (const auto& [ns, use] : parts) add(ns, use, -1);
      parts.clear();
      for (PodId p = cluster.first_on_node(node); p != kNoPod; p = cluster.pods().next_on_node[index(p)]) {
        const PodTemplate& t = cluster.pod_template(p);
        const Use use{static_cast<double>(t.request.cpu_milli), static_cast<double>(t.request.memory_bytes >> 10),
                      static_cast<double>(t.gpu.total_milli())};
        parts.emplace_back(t.namespace_id, use);
        add(t.namespace_id, use, 1);
      }
    });
    seen_ = cluster.changes().now();
  }

  void add(NamespaceId ns, const Use& use, double sign) {
    if (index(ns) >= used_.size()) used_.resize(index(ns) + 1);
    Use& u = used_[index(ns)];
    u.cpu += sign * use.cpu;
    u.memory += sign * use.memory;
    u.gpu += sign * use.gpu;
  }

  bool pack_;
  std::vector<Use> used_;                                        // By namespace.
  std::vector<std::vector<std::pair<NamespaceId, Use>>> parts_;  // By node: what it was last seen to add.
  Use all_{1, 1, 1};
  ChangeLog::Cursor seen_ = 0;
  std::vector<std::vector<Head>> lines_;  // By namespace, a heap each; empty between calls.
  std::vector<NamespaceId> waiting_;      // Those with a line.
};

const Register<Scheduler, Drf> kRegistered{"drf", "fair shares of each namespace's dominant resource, as queue order"};

}  // namespace
}  // namespace berth
