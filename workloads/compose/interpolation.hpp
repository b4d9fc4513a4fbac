// Variables in values: $VAR, ${VAR} and its forms with a default, an error or a replacement, nested, and $$ for a
// dollar sign. Source: Compose specification, 12-interpolation.md; compose-go, template/template.go.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace berth::compose {

using Environment = std::map<std::string, std::string>;

// The value of a variable; nullopt: it is not set.
using Lookup = std::function<std::optional<std::string>(const std::string&)>;
// Told of each variable that is not set and has no default.
using Unset = std::function<void(const std::string&)>;

// `text` with its variables put in: unset ones are empty. `what` begins the errors, such as
// "compose.yaml:3:12: services.web.image". Throws InputError for bad syntax ("$" that begins nothing, a brace that is
// not closed), for ${VAR:?message} where it asks for one, and for results beyond 1 MiB. What a variable holds is not
// expanded again. O(length of the result).
std::string interpolate(std::string_view text, const Lookup& lookup, const Unset& unset, std::string_view what);

}  // namespace berth::compose
