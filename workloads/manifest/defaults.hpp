// What the API server fills in, kind by kind, on objects as JSON. Two steps are not here, since the scheduler's
// decoders do them (workloads/kube_json_pod.cpp): requests taken from limits, and host ports of pods in the host's
// network. Model: pkg/apis/{core,apps,batch,autoscaling,storage}/*/defaults.go of Kubernetes v1.37, feature gates as
// there.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string_view>

namespace berth::manifest {

// `object` has passed check_object() of its kind. A kind without defaults stays as it is. Idempotent.
void set_defaults(std::string_view kind, nlohmann::json& object);

// The tag is "latest", or there is neither tag nor digest: what makes imagePullPolicy Always. "a:5000/c" has no tag.
bool pulls_always(std::string_view image);

}  // namespace berth::manifest
