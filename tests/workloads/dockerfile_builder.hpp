// Builds Dockerfiles for tests: a folder with a few files, a library of two images, one cache.
#pragma once

#include <filesystem>
#include <functional>
#include <string>

#include "tests/support/temp_dir.hpp"
#include "workloads/images/digest.hpp"
#include "workloads/images/image_build.hpp"

namespace berth::docker {

namespace fs = std::filesystem;

inline Image image(const std::string& name, std::vector<Layer> layers) {
  return {name, sha256_digest(name), std::move(layers)};
}

// A folder with a few files, and a library of two images.
class Builder {
 public:
  Builder() {
    fs::create_directories(folder_.path() / "src/sub");
    folder_.file("a.txt", std::string(1000, 'a'));
    folder_.file("b.txt", "b");
    folder_.file("src/main.go", "package main");
    folder_.file("src/sub/x.md", "x");
    fs::create_symlink("a.txt", folder_.path() / "l");
    library.add(image("base", {{"sha256:b0", {}, 50'000'000, 100'000'000}}), ImageOrigin::kListed);
    library.add(image("tool", {{"sha256:t0", {}, 1000, 2000}, {"sha256:t1", {}, 10, 20}}), ImageOrigin::kListed);
  }

  BuildResult build(const std::string& text, const BuildOptions& options = {}) {
    BuildContext context = BuildContext::open(folder_.path(), folder_.path() / "Dockerfile");
    if (before_build) before_build(context);
    return build_image(parse_dockerfile(text, "D"), context, library, options, cache);
  }
  // The layer and base steps of a second build as "line cached|built".
  std::string again(const std::string& text, const BuildOptions& options = {}) { return show(build(text, options)); }
  static std::string show(const BuildResult& result) {
    std::string out;
    for (const BuildStep& step : result.steps) {
      if (step.kind == StepKind::kConfig) continue;
      if (!out.empty()) out += ' ';
      out += std::to_string(step.place.line);
      out += step.cached ? "=" : "!";
    }
    return out;
  }
  std::string write(const std::string& name, const std::string& text) { return folder_.file(name, text); }
  fs::path path(const std::string& name) const { return folder_.path() / name; }

  ImageLibrary library;
  BuildCache cache;
  std::function<void(BuildContext&)> before_build;

 private:
  test::TempDir folder_;
};

}  // namespace berth::docker
