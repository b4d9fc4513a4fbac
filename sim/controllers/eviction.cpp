#include "sim/controllers/eviction.hpp"

#include <vector>

#include "sim/controllers/disruption.hpp"

namespace berth::controllers {
namespace {

constexpr std::size_t kMaxDisruptedPods = 2000;

EvictionOutcome delete_with_condition(Store& store, PodId id) {
  PodStatus status = store.pod(id).status;
  if (status.disruption != Disruption::kEvictionByEvictionApi) {
    if (status.disruption == Disruption::kNone) status.disrupted_since = api_time(store.now());
    status.disruption = Disruption::kEvictionByEvictionApi;
    store.set_status(id, status);
  }
  store.delete_pod(id);
  return EvictionOutcome::kEvicted;
}

}  // namespace

EvictionOutcome evict(Store& store, PodId id) {
  const Pod& pod = store.pod(id);
  if (pod.terminating || pod.status.phase == Phase::kPending || finished(pod.status.phase)) {
    return delete_with_condition(store, id);
  }
  const PodDisruptionBudget* found = nullptr;
  for (ObjectId b = 0; b < store.end_id<PodDisruptionBudget>(); ++b) {
    const PodDisruptionBudget* candidate = store.find<PodDisruptionBudget>(b);
    if (candidate == nullptr || pod.pod_template == kNoTemplate) continue;
    if (!selects(*candidate, store.pod_template(pod.pod_template))) continue;
    if (found != nullptr) return EvictionOutcome::kSeveralBudgets;
    found = candidate;
  }
  if (found == nullptr) return delete_with_condition(store, id);
  if (!pod.status.ready) {
    const bool met =
        found->status.current_healthy >= found->status.desired_healthy && found->status.desired_healthy > 0;
    if (found->spec.always_allow_unhealthy || met) return delete_with_condition(store, id);
  }
  PodDisruptionBudget budget = *found;
  if (budget.status.observed_generation < budget.meta.generation) return EvictionOutcome::kTooManyRequests;
  if (budget.status.disrupted.size() > kMaxDisruptedPods) return EvictionOutcome::kForbidden;
  if (budget.status.disruptions_allowed == 0) return EvictionOutcome::kTooManyRequests;
  if (--budget.status.disruptions_allowed == 0) update_disruption_allowed(budget.status, store.now());
  budget.status.disrupted.push_back({id, pod.uid, api_time(store.now())});
  BERTH_CHECK(store.update(budget));
  return delete_with_condition(store, id);
}

}  // namespace berth::controllers
