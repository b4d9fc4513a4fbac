// Of the program and of what it writes. Same-seed results may change only when it does.
#pragma once

namespace berth {

inline constexpr const char* kVersion = "0.1.0";

}  // namespace berth
