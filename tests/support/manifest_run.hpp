// A run of Kubernetes objects given as text: what happened, record by record.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "policies/registry.hpp"
#include "sim/manifest_cluster.hpp"
#include "sim/policy_set.hpp"
#include "sim/simulation.hpp"
#include "tests/support/cluster_builder.hpp"
#include "workloads/traffic/traffic_file.hpp"

namespace berth::test {

struct ManifestRunOptions {
  std::size_t nodes = 3;  // Where the text has no Node.
  Duration horizon = seconds(600);
  std::string policy = "kube-scheduler";
  bool explain = false;
  std::uint64_t seed = 1;
  NodeModel model;
  const FaultPlan* plan = nullptr;
  Healer* healer = nullptr;
  std::vector<FaultEvent> strikes;
  std::string traffic;             // A document of kind Traffic; empty: none.
  std::uint64_t verify_every = 0;  // So many instants from one recount of everything to the next; 0: none.
};

// Everything of a run that has ended, still there to be looked at.
class ManifestRun {
 public:
  ManifestRun(const std::string& text, const ManifestRunOptions& options) : options_(options) {
    manifest::read_manifest(text, "test.yaml", manifests_);
    manifests_.require_good();
    Catalog catalog;
    std::vector<NodeSpec> nodes = node_specs(manifests_, catalog);
    if (nodes.empty()) nodes = default_nodes(options_.nodes);
    std::set<std::string> names;
    add_image_names(manifests_, names);
    images_ = find_images(options_.model, names);
    const PolicySet policies = PolicySet::parse(options_.policy, "test");
    scheduler_ = make_scheduler(policies.of("scheduler"));
    distribution_ = Registry<ImageDistribution>::instance().make(policies.of("images"));
    const MemoryWorkload none(catalog, {}, {});
    SimulationOptions how;
    how.seed = options_.seed;
    how.explain = options_.explain;
    SimulationParts parts;
    parts.node_model = &options_.model;
    parts.images = &images_;
    parts.distribution = distribution_.get();
    parts.manifests = &manifests_;
    parts.fault_plan = options_.plan;
    parts.strikes = options_.strikes;
    parts.healer = options_.healer;
    parts.autoscaler = policies.of("autoscaler");
    if (!options_.traffic.empty()) {
      traffic_ = std::make_unique<TrafficFile>(read_traffic(options_.traffic, "traffic.yaml", "."));
      parts.traffic = traffic_.get();
    }
    simulation = std::make_unique<Simulation>(catalog, nodes, *scheduler_, how, parts);
    simulation->add_sink(&kept);
    const auto stream = none.open(simulation->catalog(), 1, 0);
    if (options_.verify_every > 0) {
      simulation->at_each_instant([this, instants = std::uint64_t{0}]() mutable {
        if (++instants % options_.verify_every != 0 || !trouble.empty()) return;
        for (const std::string& t : {simulation->nodes()->verify(), simulation->cluster().verify(),
                                     simulation->control_plane()->store().verify()}) {
          if (!t.empty()) trouble = t;
        }
      });
    }
    simulation->run(*stream, {}, Time{} + options_.horizon);
  }

  const manifest::Manifests& manifests() const { return manifests_; }
  const std::string& pod_name(std::uint64_t uid) const { return simulation->control_plane()->name_of(uid); }
  // Of one kind, in order; about one pod or node, if its name has `about` in it.
  std::vector<Record> records(RecordKind kind, const std::string& about = {}) const {
    std::map<std::uint32_t, std::uint64_t> uids;  // By ordinal.
    std::vector<Record> out;
    for (const Record& r : kept.records) {
      if (r.kind == RecordKind::kPodCreated) uids[r.pod] = std::uint64_t{r.value} + 1;
      if (r.kind != kind) continue;
      const std::string name = r.pod != 0xFFFF'FFFF ? pod_name(uids.at(r.pod))
                               : r.node != kNoNode  ? simulation->cluster().node_spec(r.node).name
                                                    : "";
      if (name.find(about) != std::string::npos) out.push_back(r);
    }
    return out;
  }
  std::vector<double> times(RecordKind kind, const std::string& about = {}) const {
    std::vector<double> out;
    for (const Record& r : records(kind, about)) out.push_back(r.at.seconds());
    return out;
  }
  std::size_t count(RecordKind kind, const std::string& about = {}) const { return records(kind, about).size(); }

  std::string trouble;  // What the recounts found first; "" if all was well.
  RecordKeeper kept;
  std::unique_ptr<Simulation> simulation;

 private:
  ManifestRunOptions options_;
  manifest::Manifests manifests_;
  std::unique_ptr<TrafficFile> traffic_;
  RunImages images_;
  std::unique_ptr<Scheduler> scheduler_;
  std::unique_ptr<ImageDistribution> distribution_;
};

}  // namespace berth::test
