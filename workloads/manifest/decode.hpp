// Checked and defaulted JSON to typed objects, kind by kind. What the scheduler looks at is read by its own decoders
// (workloads/kube_json.hpp), the rest here; pods have a file of their own.
#pragma once

#include <string_view>

#include "sim/cluster/namespace_objects.hpp"
#include "sim/cluster/workload_objects.hpp"
#include "workloads/manifest/objects.hpp"

namespace berth::kube {
class Reader;
}

namespace berth::manifest {

// `object` is of `kind`, has passed check_object() and set_defaults(). An absent namespace is "default" for kinds that
// have one. Throws InputError for what types do not tell: a selector that is none, a bad duration …
Object decode_object(std::string_view kind, const kube::Reader& object);

// The parts.
kube::api::ObjectMeta decode_meta(const kube::Reader& object, bool namespaced);
kube::api::Pod decode_pod(const kube::Reader& object);  // Or a template.
kube::api::ClaimTemplate decode_claim_template(const kube::Reader& object);

}  // namespace berth::manifest
