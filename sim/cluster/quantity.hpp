// Kubernetes quantities: "500m", "1.5", "128Mi", "2e3". Parsed exactly, in decimal digits: no floating point, so the
// rounding is that of the API server.
// Model: apimachinery `resource.Quantity`. Grammar: [+-] digits [. digits] suffix, with `5.` and `.5` allowed; suffix
// n u m "" k M G T P E (powers of 1000), Ki Mi Gi Ti Pi Ei (powers of 1024) or e/E and a signed whole exponent ("E"
// alone is exa). Two differences, both on the strict side: what does not fit 2^63-1 is an error (Kubernetes caps it),
// and a quantity needs at least one digit (the documented grammar; the parser there lets a bare "-" pass as 0).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace berth {

// All throw InputError, `<what> is "2 cores"; expected …`, when `text` is no quantity or does not fit; `what` names the
// place and field, such as "shop.yaml:14:12: pods[2].resources.cpu". O(length of text).

// The signed value in units of 10^-`decimals`, rounded away from zero, as Quantity.ScaledValue does: decimals 0 is
// Value(), 3 is MilliValue(). `decimals` 0..9.
std::int64_t parse_quantity(std::string_view text, std::string_view what, int decimals);

// A request or capacity: as above, and negative is an error too, as in the API server's validation.
std::int64_t parse_cpu_milli(std::string_view text, std::string_view what);  // Millicores: "0.0001" is 1.
std::int64_t parse_bytes(std::string_view text, std::string_view what);      // Bytes: "1m" is 1 byte, as in Kubernetes.
std::int64_t parse_count(std::string_view text, std::string_view what);      // Pods, GPUs, extended resources.

// Canonical form: no fraction, the largest suffix that loses nothing, the sign only if negative.
std::string format_cpu(std::int64_t milli);    // Decimal: "250m", "2", "1k".
std::string format_bytes(std::int64_t bytes);  // Binary: "128Mi", "1025"; below 1024 decimal, as there: "1k" is 1000.

}  // namespace berth
