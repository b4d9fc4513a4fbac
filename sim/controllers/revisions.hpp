// ControllerRevisions: the templates that a StatefulSet or DaemonSet has had, numbered.
// Source: pkg/controller/history, and newRevision/truncateHistory of both controllers.
#pragma once

#include <vector>

#include "sim/controllers/store.hpp"

namespace berth::controllers {

// The owner's revisions by number (then creation).
std::vector<ControllerRevision> sorted_revisions(const Store& store, Owner owner);

// The revision of `pod_template`: one that is there, with the highest number if it is not the last already (a
// rollback), or a new one. `revisions` is as sorted_revisions gave it; writes go to the store alone.
ControllerRevision current_revision(Store& store, Owner owner, const std::vector<ControllerRevision>& revisions,
                                    TemplateId pod_template);

// Deletes those of `revisions` that are not in `live`, the lowest numbers first, until `limit` of them are left.
void truncate_history(Store& store, const std::vector<ControllerRevision>& revisions, const std::vector<ObjectId>& live,
                      std::int32_t limit);

}  // namespace berth::controllers
