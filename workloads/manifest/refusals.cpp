#include <fmt/format.h>

#include <algorithm>

#include "workloads/manifest/admission.hpp"
#include "workloads/manifest/manifest.hpp"

namespace berth::manifest {

using namespace kube::api;

namespace {

constexpr std::int64_t kMaxTried = 1000;

class Trial {
 public:
  explicit Trial(Manifests& manifests) : manifests_(manifests), admission_(manifests), ledger_(admission_.quotas()) {}

  void run() {
    for (const ManifestObject& object : manifests_.objects) {
      at_ = &object;
      std::visit([this](const auto& o) { one(o); }, object.object);
    }
  }

 private:
  template <class T>
  void one(const T&) {}  // Makes no pods and no claims.
  void one(const Pod& pod) { pods(pod, 1); }
  void one(const Deployment& d) { pods(d.pod, d.replicas); }
  void one(const StatefulSet& s) { pods(s.pod, s.replicas); }
  void one(const DaemonSet& d) { pods(d.pod, 1); }
  void one(const Job& j) {
    pods(j.spec.pod, j.spec.completions ? std::min(j.spec.parallelism, *j.spec.completions) : j.spec.parallelism);
  }
  void one(const CronJob& c) { pods(c.job.pod, 1); }
  void one(const ReplicaSet& r) {
    if (!r.meta.controller) pods(r.pod, r.replicas);  // Else its Deployment's pods.
  }
  void one(const PersistentVolumeClaim& given) {
    PersistentVolumeClaim claim = given;
    std::string why = admission_.admit(claim);
    if (why.empty()) why = ledger_.charge(claim);
    if (!why.empty()) note("", why);
  }

  void pods(const PodTemplate& given, std::int64_t replicas) {
    if (!given.scheduling.node_name.empty() && !given.scheduling.phase.empty()) return;  // It is there already.
    Pod pod = given;
    if (replicas == 0) return;
    if (const std::string why = admission_.admit(pod); !why.empty()) return note("", why);
    for (std::int64_t i = 0; i < std::min(replicas, kMaxTried); ++i) {
      const std::string why = ledger_.charge(pod);
      if (why.empty()) continue;
      return note(replicas > 1 ? fmt::format(" from its pod number {} on", i + 1) : "", why);
    }
  }

  void note(const std::string& which, const std::string& why) {
    manifests_.notes.add(Notes::Kind::kRefused, fmt::format("{} {}{}", at_->kind, at_->key, which), at_->place,
                         "; " + why);
  }

  Manifests& manifests_;
  Admission admission_;
  QuotaLedger ledger_;
  const ManifestObject* at_ = nullptr;
};

}  // namespace

void note_refusals(Manifests& manifests) {
  Trial(manifests).run();
}

}  // namespace berth::manifest
