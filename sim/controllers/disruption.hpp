// Disruption: keeps the status of PodDisruptionBudgets, and takes back DisruptionTarget conditions that came to
// nothing. Source: pkg/controller/disruption (Kubernetes v1.37). Not modelled: ReplicationControllers and other scale
// subresources (their pods make the budget fail its sync, as an unknown controller does upstream).
#pragma once

#include <vector>

#include "sim/controllers/controller.hpp"

namespace berth::controllers {

class DisruptionController final : public Controller {
 public:
  DisruptionController(Store& store, WorkQueue& work);

  // An evicted pod counts as disrupted for so long, unless it goes before.
  static constexpr Duration kDeletionTimeout = seconds(120);
  static constexpr Duration kStaleConditionTimeout = seconds(120);

  // O(pods that the budget selects).
  bool sync(KeyQueue::Key key) override;
  void pod_changed(const Pod& pod, const Pod& before, Change change) override;
  void object_changed(ObjectKind kind, ObjectId id, Change change) override;

 private:
  void clean_stale_condition(KeyQueue::Key pod);
  const std::vector<ObjectId>& budgets_of(TemplateId pod_template);

  KeyQueue recheck_;                               // Budgets to look at again when an eviction has timed out.
  KeyQueue stale_;                                 // Pods whose condition DisruptionTarget may be stale.
  std::vector<std::vector<ObjectId>> budgets_of_;  // By template; worked out anew when budgets come or go.
};

// Whether the budget's selector matches the template's labels. O(requirements).
bool selects(const PodDisruptionBudget& budget, const PodTemplate& pod_template);

// Sets the condition DisruptionAllowed by status.disruptions_allowed; its transition time only if it changed.
void update_disruption_allowed(PodDisruptionBudget::Status& status, Time now);

}  // namespace berth::controllers
