// Kubernetes manifests: files, folders and what `kubectl get -o yaml|json` prints, to typed objects with their places.
// Text → documents (documents.hpp) → types checked (check.hpp) → defaults (defaults.hpp) → rules (validation.hpp) →
// objects (decode.hpp). Nothing is dropped in silence: what is not modelled is noted, what is wrong is rejected with
// the reason.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <variant>
#include <vector>

#include "sim/engine/error.hpp"
#include "workloads/manifest/check.hpp"
#include "workloads/manifest/objects.hpp"

namespace berth::manifest {

struct ManifestObject {
  Place place;
  std::string api_version;
  std::string kind;
  std::string key;  // "namespace/name", or the name alone; empty for generateName.
  Object object;
};

// What cannot be used: an object, or a whole file that cannot be read.
struct Rejected {
  std::string kind;     // As written, or "(no kind)", or for a whole file "(not readable)".
  std::string message;  // `file:line:column: what is wrong; what was expected`.
};

struct KindCount {
  std::size_t modelled = 0;
  std::size_t not_modelled = 0;
  std::size_t rejected = 0;
};

struct Manifests {
  std::vector<ManifestObject> objects;  // In the order of files and documents; of equal keys the last one alone.
  std::vector<Rejected> rejected;
  Notes notes;
  std::map<std::string, KindCount>
      kinds;  // By kind as written, with its group where the kind is none of Kubernetes' own.
  std::size_t files = 0;
  std::size_t empty_files = 0;                // Of these, without any object.
  std::map<std::string, std::size_t> by_key;  // "kind namespace/name" to its place in `objects`.

  // Throws InputError with the first rejection, if there is one.
  void require_good() const;
  // Calls f(object, manifest_object) for each object of type T, in order.
  template <class T, class F>
  void each(F&& f) const {
    for (const ManifestObject& o : objects) {
      if (const T* object = std::get_if<T>(&o.object)) f(*object, o);
    }
  }
  // Calls f(pod) for each Pod, and for the pod that each workload makes, in order.
  template <class F>
  void each_pod(F&& f) const {
    for (const ManifestObject& o : objects) {
      std::visit(
          [&](const auto& object) {
            if constexpr (std::is_same_v<std::decay_t<decltype(object)>, kube::api::Pod>) f(object);
            if constexpr (requires { object.pod.scheduling; }) f(object.pod);
            if constexpr (requires { object.spec.pod.scheduling; }) f(object.spec.pod);
            if constexpr (requires { object.job.pod.scheduling; }) f(object.job.pod);
          },
          o.object);
    }
  }
};

// Reads files as they are, and folders recursively (*.yaml, *.yml, *.json, in the order of their names). Throws
// InputError for a path that does not exist or a folder without manifests; all else is in the result. O(size).
Manifests load_manifests(std::span<const std::string> paths);

// One text, appended. `file` is what messages call it.
void read_manifest(std::string_view text, const std::string& file, Manifests& out);

// Notes which pods and claims admission would refuse, the objects created in their order: bounds and quotas of the
// namespace, classes that are not there. What has been refused only for a class counts as a note too, since the cluster
// may have it. At most 1,000 replicas of each workload are tried.
void note_refusals(Manifests& manifests);

// True if the text looks like Kubernetes objects (or like what is meant to become some: a template, a kustomization),
// false if it is something else, such as a scenario of Berth. Looks at the beginning of lines only. O(text).
bool looks_like_manifest(std::string_view text, const std::string& file);

}  // namespace berth::manifest
