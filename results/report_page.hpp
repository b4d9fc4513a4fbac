// One page with a study's table and all its pictures, for a browser. Static HTML without scripts; deterministic bytes.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "results/svg.hpp"

namespace berth {

// `table`: preformatted text. The pictures are put into the page itself, so that it can be sent around as one file.
std::string report_page(std::string_view title, std::string_view table, std::span<const std::string> notes,
                        std::span<const Picture> pictures);

}  // namespace berth
