#include "sim/controllers/revisions.hpp"

#include <algorithm>

namespace berth::controllers {

std::vector<ControllerRevision> sorted_revisions(const Store& store, Owner owner) {
  std::vector<ControllerRevision> out;
  for (const ObjectId id : store.owned<ControllerRevision>(owner)) out.push_back(store.get<ControllerRevision>(id));
  std::sort(out.begin(), out.end(), [](const ControllerRevision& a, const ControllerRevision& b) {
    return a.status.revision != b.status.revision ? a.status.revision < b.status.revision : a.meta.id < b.meta.id;
  });
  return out;
}

ControllerRevision current_revision(Store& store, Owner owner, const std::vector<ControllerRevision>& revisions,
                                    TemplateId pod_template) {
  const std::int64_t next = revisions.empty() ? 1 : revisions.back().status.revision + 1;
  const auto equal = std::find_if(revisions.rbegin(), revisions.rend(), [pod_template](const ControllerRevision& r) {
    return r.spec.pod_template == pod_template;
  });
  if (equal == revisions.rend()) {
    ControllerRevision created;
    created.meta.owner = owner;
    created.spec.pod_template = pod_template;
    created.status.revision = next;
    return store.get<ControllerRevision>(store.create(created));
  }
  ControllerRevision found = *equal;
  if (equal != revisions.rbegin()) {
    found.status.revision = next;
    BERTH_CHECK(store.update(found));
  }
  return found;
}

void truncate_history(Store& store, const std::vector<ControllerRevision>& revisions, const std::vector<ObjectId>& live,
                      std::int32_t limit) {
  std::vector<ObjectId> history;
  for (const ControllerRevision& r : revisions) {
    if (std::find(live.begin(), live.end(), r.meta.id) == live.end()) history.push_back(r.meta.id);
  }
  if (limit < 0) return;
  for (std::size_t i = 0; i + static_cast<std::size_t>(limit) < history.size(); ++i) {
    store.erase<ControllerRevision>(history[i]);
  }
}

}  // namespace berth::controllers
