// The table of API types, as text; see api_types.cpp for its language.
#pragma once

#include <string_view>

namespace berth::manifest {

std::string_view api_types();

}  // namespace berth::manifest
