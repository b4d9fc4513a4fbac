// What the API server refuses although every field has the right type: names, selectors, requests above limits, volumes
// that are not there … the rules that a simulation would trip over, not all of them.
// Source: pkg/apis/*/validation of Kubernetes v1.37.
#pragma once

#include <string_view>

namespace berth::kube {
class Reader;
}

namespace berth::manifest {

// `object` is of `kind`, has passed check_object() and set_defaults(). Throws InputError for the first rule that is
// broken.
void validate(std::string_view kind, const kube::Reader& object);

bool is_dns_label(std::string_view name);      // RFC 1123: a-z, 0-9 and "-", 63 at most.
bool is_dns_subdomain(std::string_view name);  // Labels with dots, 253 at most.
bool is_label_key(std::string_view key);       // [prefix/]name.
bool is_label_value(std::string_view value);
// Five fields of cron, "@hourly" and its like, or "@every 90s".
bool is_cron_schedule(std::string_view schedule);

}  // namespace berth::manifest
