#pragma once

namespace berth {

// Of the program and of what it writes. Changes with every release; same-seed results may change only when it does.
inline constexpr const char* kVersion = "0.1.0";

}  // namespace berth
