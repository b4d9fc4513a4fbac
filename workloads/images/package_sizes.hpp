// Installed sizes of Debian packages that Dockerfiles like to install.
#pragma once

#include <string_view>

namespace berth::docker {

// MiB on disk of the package with all it depends on and a debian:bookworm base lacks, without and with what it
// recommends. Source: Installed-Size in Debian 12's package index (main, amd64), closures over Depends and Pre-Depends
// (and Recommends), the first alternative each.
struct PackageSize {
  std::string_view name;
  double without_recommends;
  double with_recommends;
};
// Null if the package is not in the table.
const PackageSize* find_package(std::string_view name);

// The median closure of 1,500 packages drawn from the same index, and how much of the smaller closures counts when
// several are installed at once (they overlap: 0.4 is the mean of ten typical lists, 0 to 0.8).
inline constexpr PackageSize kOtherPackage{"", 32, 50};
inline constexpr double kClosureOverlapKept = 0.4;

}  // namespace berth::docker
