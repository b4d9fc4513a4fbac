// The numbers of the RUN model: MiB unpacked, seconds. docs/dockerfile.md says where each comes from.
#pragma once

#include <array>
#include <string_view>

namespace berth::docker::run_model {

inline constexpr double kMiB = 1 << 20;

inline constexpr double kStartSeconds = 0.3;  // Container for the step, snapshot, commit.
inline constexpr double kDownloadMiBPerSecond = 20;
inline constexpr double kInstallMiBPerSecond = 40;  // Unpacking and configuring packages.
inline constexpr double kDownloadShare = 0.27;      // Download per installed byte: Debian 12's index, 1.43 / 5.21 MiB.

inline constexpr double kAptListsMiB = 19;  // Debian 12: 18.8 MB main, 0.8 MB security, as apt keeps them.
inline constexpr double kAptUpgradeMiB = 60;
inline constexpr double kApkIndexMiB = 2.5;
inline constexpr double kApkShare =
    0.5;  // Alpine's packages against Debian's: musl, no documentation, split libraries.
inline constexpr double kDnfMetadataMiB = 80;
inline constexpr double kDnfShare = 1.1;

struct Named {
  std::string_view name;
  double mib;
};
inline constexpr double kPipPackageMiB = 8;  // With what it depends on.
inline constexpr std::array<Named, 16> kPipLarge{{{"torch", 2700},
                                                  {"tensorflow", 1700},
                                                  {"jax", 250},
                                                  {"xgboost", 600},
                                                  {"scipy", 110},
                                                  {"pandas", 130},
                                                  {"numpy", 65},
                                                  {"scikit-learn", 200},
                                                  {"matplotlib", 110},
                                                  {"opencv-python", 190},
                                                  {"opencv-python-headless", 140},
                                                  {"pyarrow", 120},
                                                  {"transformers", 120},
                                                  {"django", 35},
                                                  {"flask", 8},
                                                  {"requests", 4}}};
inline constexpr double kPipCacheShare = 0.35;  // Wheels kept in ~/.cache without --no-cache-dir.
inline constexpr double kNpmDirectMiB = 6;      // Per dependency in package.json.
inline constexpr double kNpmLockedMiB = 0.35;   // Per package in a lock file.
inline constexpr double kNpmCacheShare = 0.3;
inline constexpr double kNpmUnknownMiB = 150;
inline constexpr double kWebBundleMiB = 5;   // What a bundler writes.
inline constexpr double kGoModuleMiB = 2.5;  // Per line of require.
inline constexpr double kGoBuildCacheMiB = 150;
inline constexpr double kGoBinaryMiB = 15;
inline constexpr double kCrateSourceMiB = 0.8;
inline constexpr double kCrateTargetMiB = 3.5;
inline constexpr double kRustBinaryMiB = 10;
inline constexpr double kMavenPluginsMiB = 60;
inline constexpr double kMavenDependencyMiB = 3;
inline constexpr double kGradleMiB = 350;  // Distribution and caches.
inline constexpr double kJarMiB = 30;
inline constexpr double kNugetBaseMiB = 15;
inline constexpr double kNugetPackageMiB = 4;
inline constexpr double kDotnetPublishMiB = 8;
inline constexpr double kComposerPackageMiB = 1.5;
inline constexpr double kGemMiB = 2;
inline constexpr double kDownloadMiB = 20;  // A file fetched by curl or wget, unpacked if it is an archive.
inline constexpr double kGitCloneMiB = 30;
inline constexpr double kMakeMiB = 20;
inline constexpr double kMakeSeconds = 60;
inline constexpr double kUnknownMiB = 1;
inline constexpr double kUnknownSeconds = 1;

}  // namespace berth::docker::run_model
