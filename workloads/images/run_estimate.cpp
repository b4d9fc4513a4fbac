#include "workloads/images/run_estimate.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <nlohmann/json.hpp>

#include "workloads/images/dockerfile_lines.hpp"
#include "workloads/images/package_sizes.hpp"
#include "workloads/images/run_model.hpp"

namespace berth::docker {
namespace {

using namespace run_model;
using Words = std::vector<std::string>;

bool has(const Words& words, std::string_view word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}
std::string program(std::string_view word) {
  const std::size_t slash = word.rfind('/');
  return std::string(slash == std::string_view::npos ? word : word.substr(slash + 1));
}

// How many lines of `text` begin (after blanks) with `prefix`.
double lines_with(const std::string& text, std::string_view prefix) {
  double count = 0;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    count += trim_left(std::string_view(text).substr(at, end - at)).starts_with(prefix);
    at = end + 1;
  }
  return count;
}
double occurrences(const std::string& text, std::string_view what) {
  double count = 0;
  for (std::size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + what.size())) ++count;
  return count;
}

class Estimator {
 public:
  Estimator(std::string_view script, const RunSurroundings& around)
      : around_(around), commands_(shell_commands(script)) {}

  RunEstimate run() {
    seconds_ = kStartSeconds;
    for (const Words& words : commands_) command(words);
    drop_removed_caches();
    double mib = 0;
    for (const Part& part : parts_) mib += part.kept ? part.mib : 0;
    result_.adds_bytes = std::llround(mib * kMiB);
    result_.artifact_bytes = std::llround(artifact_ * kMiB);
    result_.takes = from_seconds(seconds_);
    return std::move(result_);
  }

 private:
  struct Part {  // Bytes that land in one place.
    double mib;
    std::string place;
    bool kept = true;
  };

  void tool(const std::string& name) {
    if (std::find(result_.tools.begin(), result_.tools.end(), name) == result_.tools.end())
      result_.tools.push_back(name);
  }
  void add(double mib, std::string place) { parts_.push_back({mib, std::move(place), true}); }
  void download(double mib) { seconds_ += mib / kDownloadMiBPerSecond; }
  void install(double mib) { seconds_ += mib * kDownloadShare / kDownloadMiBPerSecond + mib / kInstallMiBPerSecond; }
  std::optional<std::string> text(const std::string& path) const {
    return around_.read ? around_.read(path) : std::nullopt;
  }

  // A cache is in no layer if it is a cache mount, or removed by the same RUN.
  void drop_removed_caches() {
    std::vector<std::string> gone = around_.cache_mounts;
    for (const Words& words : commands_) {
      const std::string name = program(words.front());
      if (name == "rm") {
        for (std::size_t i = 1; i < words.size(); ++i) gone.push_back(words[i]);
      } else if (has(words, "clean") && (name == "dnf" || name == "yum" || name == "microdnf")) {
        gone.push_back("/var/cache");
      } else if (name == "npm" && has(words, "cache") && has(words, "clean")) {
        gone.push_back("/root/.npm");
      } else if ((name == "yarn" || name == "pnpm") && (has(words, "clean") || has(words, "prune"))) {
        gone.push_back("/root/.cache");
      } else if (name == "go" && has(words, "clean")) {
        gone.push_back("/root/.cache");
      }
    }
    for (std::string& place : gone) {
      while (place.size() > 1 && (place.back() == '*' || place.back() == '/')) place.pop_back();
      if (place.starts_with("~")) place.replace(0, 1, "/root");
      if (place.starts_with("$HOME")) place.replace(0, 5, "/root");
      if (place.size() < 2) continue;
      for (Part& part : parts_) part.kept = part.kept && !part.place.starts_with(place);
    }
  }

  // Words after the sub-command that are no options; `with_value`: options that take the next word.
  static Words arguments(const Words& words, std::size_t from, std::initializer_list<std::string_view> with_value) {
    Words result;
    for (std::size_t i = from; i < words.size(); ++i) {
      if (std::find(with_value.begin(), with_value.end(), words[i]) != with_value.end()) {
        ++i;
      } else if (!words[i].starts_with("-")) {
        result.push_back(words[i]);
      }
    }
    return result;
  }

  static double packages_mib(const Words& packages, bool recommends) {
    double largest = 0;
    double sum = 0;
    for (const std::string& word : packages) {
      const std::string name = word.substr(0, word.find_first_of("=<>~:"));
      const PackageSize* known = find_package(name);
      if (known == nullptr) known = &kOtherPackage;
      const double mib = recommends ? known->with_recommends : known->without_recommends;
      largest = std::max(largest, mib);
      sum += mib;
    }
    return largest + kClosureOverlapKept * (sum - largest);
  }

  void apt(const Words& words) {
    tool("apt-get");
    if (has(words, "update")) {
      add(kAptListsMiB, "/var/lib/apt/lists");
      download(kAptListsMiB);
      seconds_ += 1;
    }
    if (has(words, "upgrade") || has(words, "dist-upgrade") || has(words, "full-upgrade")) {
      add(kAptUpgradeMiB, "/usr");
      install(kAptUpgradeMiB);
    }
    const auto verb = std::find(words.begin(), words.end(), "install");
    if (verb == words.end()) return;
    const Words names = arguments(words, static_cast<std::size_t>(verb - words.begin()) + 1, {"-t", "-o", "-c"});
    const bool recommends = !has(words, "--no-install-recommends") && !has(words, "APT::Install-Recommends=false") &&
                            !has(words, "APT::Install-Recommends=0");
    const double mib = packages_mib(names, recommends);
    add(mib, "/usr");
    install(mib);
  }

  void apk(const Words& words) {
    tool("apk");
    if (!has(words, "--no-cache")) add(kApkIndexMiB, "/var/cache/apk");
    download(kApkIndexMiB);
    const auto verb = std::find(words.begin(), words.end(), "add");
    if (verb == words.end()) return;
    Words names = arguments(words, static_cast<std::size_t>(verb - words.begin()) + 1,
                            {"-t", "--virtual", "-X", "--repository", "-p", "--root"});
    for (std::string& name : names) {
      if (name.starts_with("build-base") || name == "alpine-sdk") name = "build-essential";
      if (name.starts_with("openjdk")) name = name.ends_with("jdk") ? "openjdk-17-jdk" : "openjdk-17-jre-headless";
    }
    const double mib = packages_mib(names, false) * kApkShare;
    // A virtual package that the same RUN deletes again leaves nothing.
    std::string group;
    for (std::size_t i = 1; i + 1 < words.size(); ++i) {
      if (words[i] == "--virtual" || words[i] == "-t") group = words[i + 1];
    }
    bool deleted = false;
    for (const Words& other : commands_) {
      deleted =
          deleted || (!group.empty() && program(other.front()) == "apk" && has(other, "del") && has(other, group));
    }
    if (!deleted) add(mib, "/usr");
    install(mib);
  }

  void dnf(const Words& words) {
    tool("dnf");
    add(kDnfMetadataMiB, "/var/cache");
    download(kDnfMetadataMiB);
    seconds_ += 5;
    const auto verb = std::find(words.begin(), words.end(), "install");
    const double mib =
        verb == words.end()
            ? (has(words, "update") || has(words, "upgrade") ? kAptUpgradeMiB : 0)
            : packages_mib(arguments(words, static_cast<std::size_t>(verb - words.begin()) + 1, {"-c"}), true) *
                  kDnfShare;
    add(mib, "/usr");
    install(mib);
  }

  static double pip_package(std::string_view requirement) {
    const std::string name = lower(requirement.substr(0, requirement.find_first_of("=<>~![; @")));
    const auto it = std::find_if(kPipLarge.begin(), kPipLarge.end(), [&](const Named& n) { return n.name == name; });
    return it == kPipLarge.end() ? kPipPackageMiB : it->mib;
  }

  void pip(const Words& words, std::size_t from) {
    tool("pip");
    const auto verb = std::find(words.begin() + static_cast<std::ptrdiff_t>(from), words.end(), "install");
    if (verb == words.end()) return;
    const auto begin = static_cast<std::size_t>(verb - words.begin()) + 1;
    double mib = 0;
    for (std::size_t i = begin; i < words.size(); ++i) {
      if (words[i] != "-r" && words[i] != "--requirement") continue;
      const std::optional<std::string> list = i + 1 < words.size() ? text(words[i + 1]) : std::nullopt;
      if (!list) {
        mib += 10 * kPipPackageMiB;
        continue;
      }
      for (std::size_t at = 0; at < list->size();) {
        const std::size_t end = std::min(list->find('\n', at), list->size());
        const std::string_view line = trim(std::string_view(*list).substr(at, end - at));
        if (!line.empty() && line.front() != '#' && line.front() != '-') mib += pip_package(line);
        at = end + 1;
      }
    }
    for (const std::string& name : arguments(words, begin,
                                             {"-r", "--requirement", "-i", "--index-url", "--extra-index-url", "-f",
                                              "--find-links", "-c", "--constraint", "-t", "--target"})) {
      mib += name == "." ? 2 * kPipPackageMiB : pip_package(name);
    }
    add(mib, "/usr/local/lib/python3");
    if (!has(words, "--no-cache-dir")) add(mib * kPipCacheShare, "/root/.cache/pip");
    install(mib);
  }

  double node_modules() const {
    if (const auto lock = text("package-lock.json")) return occurrences(*lock, "\"resolved\"") * kNpmLockedMiB;
    if (const auto lock = text("yarn.lock")) return lines_with(*lock, "resolved ") * kNpmLockedMiB;
    if (const auto lock = text("pnpm-lock.yaml")) return occurrences(*lock, "integrity:") * kNpmLockedMiB;
    if (const auto manifest = text("package.json")) {
      const nlohmann::json value = nlohmann::json::parse(*manifest, nullptr, false);
      double count = 0;
      for (const char* key : {"dependencies", "devDependencies"}) {
        if (value.is_object() && value.contains(key) && value[key].is_object()) {
          count += static_cast<double>(value[key].size());
        }
      }
      return count * kNpmDirectMiB;
    }
    return kNpmUnknownMiB;
  }

  void node(const Words& words, const std::string& name) {
    tool(name);
    const std::string verb = words.size() > 1 ? words[1] : (name == "yarn" ? "install" : "");
    if (verb == "run" || verb == "build" || verb == "exec") {
      add(kWebBundleMiB, "/dist");
      artifact_ += kWebBundleMiB;
      seconds_ += 20;
      return;
    }
    if (verb != "ci" && verb != "install" && verb != "i" && verb != "add" && !verb.starts_with("-")) return;
    const Words packages = arguments(words, 2, {"--prefix", "--registry"});
    const bool production = has(words, "--production") || has(words, "--omit=dev") || has(words, "--only=production");
    const double mib = packages.empty() ? node_modules() * (production ? 0.5 : 1)
                                        : static_cast<double>(packages.size()) * 3 * kNpmDirectMiB;
    add(mib, "/node_modules");
    add(mib * kNpmCacheShare, name == "npm" ? "/root/.npm" : "/root/.cache");
    install(mib);
    seconds_ += 3;
  }

  void go(const Words& words) {
    tool("go");
    const auto mod = text("go.mod");
    double modules = 20;
    if (mod) modules = std::max(1.0, occurrences(*mod, "\n\t"));
    if (has(words, "download") || has(words, "tidy") || has(words, "get")) {
      downloaded_modules_ = true;
      add(modules * kGoModuleMiB, "/go/pkg/mod");
      install(modules * kGoModuleMiB);
    } else if (has(words, "build") || has(words, "install")) {
      if (!downloaded_modules_ && has(words, "install") && !mod) {
        add(modules * kGoModuleMiB, "/go/pkg/mod");
        install(modules * kGoModuleMiB);
      }
      add(kGoBuildCacheMiB, "/root/.cache/go-build");
      add(kGoBinaryMiB, "/out");
      artifact_ += kGoBinaryMiB;
      seconds_ += 10 + 0.5 * modules;
    } else if (has(words, "test") || has(words, "vet") || has(words, "generate")) {
      add(kGoBuildCacheMiB, "/root/.cache/go-build");
      seconds_ += 20;
    }
  }

  void cargo(const Words& words) {
    tool("cargo");
    double crates = 100;
    if (const auto lock = text("Cargo.lock")) {
      crates = std::max(1.0, occurrences(*lock, "[[package]]"));
    } else if (const auto manifest = text("Cargo.toml")) {
      crates = std::max(1.0, 8 * (occurrences(*manifest, "version = ") - 1));
    }
    if (has(words, "fetch") || has(words, "build") || has(words, "install") || has(words, "chef")) {
      add(crates * kCrateSourceMiB, "/usr/local/cargo/registry");
      download(crates * kCrateSourceMiB * kDownloadShare);
    }
    if (has(words, "build") || has(words, "install") || has(words, "cook")) {
      add(crates * kCrateTargetMiB, "/target");
      add(kRustBinaryMiB, "/out");
      artifact_ += kRustBinaryMiB;
      seconds_ += 10 + 1.0 * crates;
    }
  }

  void java(const Words& words, bool gradle) {
    tool(gradle ? "gradle" : "mvn");
    double dependencies = 20;
    if (const auto pom = text("pom.xml"); pom && !gradle) dependencies = occurrences(*pom, "<dependency>");
    const double mib = gradle ? kGradleMiB : kMavenPluginsMiB + dependencies * kMavenDependencyMiB;
    if (!java_resolved_) {
      add(mib, gradle ? "/root/.gradle" : "/root/.m2");
      download(mib);
      java_resolved_ = true;
    }
    const bool resolves_only =
        std::any_of(words.begin(), words.end(), [](const std::string& w) { return w.starts_with("dependency:"); }) ||
        has(words, "dependencies");
    if (resolves_only) return;
    add(2 * kJarMiB, "/target");
    artifact_ += kJarMiB;
    seconds_ += gradle ? 45 : 30;
  }

  void dotnet(const Words& words) {
    tool("dotnet");
    double packages = 10;
    for (const std::string& word : words) {
      if (!word.ends_with(".csproj") && !word.ends_with(".fsproj")) continue;
      if (const auto project = text(word)) packages = occurrences(*project, "<PackageReference");
    }
    if (has(words, "restore")) {
      add(kNugetBaseMiB + packages * kNugetPackageMiB, "/root/.nuget");
      install(kNugetBaseMiB + packages * kNugetPackageMiB);
    } else if (has(words, "build") || has(words, "publish")) {
      if (!has(words, "--no-restore")) add(kNugetBaseMiB + packages * kNugetPackageMiB, "/root/.nuget");
      const double mib = kDotnetPublishMiB + packages * kNugetPackageMiB / 2;
      add(mib, "/out");
      if (has(words, "publish")) artifact_ += mib;
      seconds_ += 12;
    }
  }

  void composer(const Words& words) {
    tool("composer");
    if (!has(words, "install") && !has(words, "update") && !has(words, "require")) return;
    double packages = 30;
    if (const auto lock = text("composer.lock")) packages = occurrences(*lock, "\"dist\":");
    add(packages * kComposerPackageMiB, "/vendor");
    add(packages * kComposerPackageMiB * 0.3, "/root/.composer");
    install(packages * kComposerPackageMiB);
  }

  void ruby(const Words& words, bool bundle) {
    tool(bundle ? "bundle" : "gem");
    if (bundle && words.size() > 1 && words[1] != "install") return;
    double gems = 40;
    if (bundle) {
      if (const auto file = text("Gemfile.lock")) {
        gems = occurrences(*file, "\n    ") - occurrences(*file, "\n      ");
      } else if (const auto manifest = text("Gemfile")) {
        gems = 4 * lines_with(*manifest, "gem ");
      }
    } else {
      gems = 3 * static_cast<double>(arguments(words, 2, {"-v", "--version"}).size());
    }
    add(gems * kGemMiB, "/usr/local/bundle");
    install(gems * kGemMiB);
    seconds_ += 0.5 * gems;
  }

  // Commands that move nothing worth counting.
  static bool is_small(const std::string& name) {
    constexpr std::array<std::string_view, 46> kSmall{"set",      "cd",
                                                      "mkdir",    "rm",
                                                      "rmdir",    "echo",
                                                      "printf",   "chmod",
                                                      "chown",    "touch",
                                                      "ln",       "useradd",
                                                      "adduser",  "usermod",
                                                      "groupadd", "addgroup",
                                                      "sed",      "awk",
                                                      "grep",     "cat",
                                                      "export",   "test",
                                                      "[",        "[[",
                                                      "true",     "false",
                                                      "mv",       "sleep",
                                                      "ls",       "which",
                                                      "hash",     "id",
                                                      "sh",       "bash",
                                                      "tee",      "find",
                                                      "xargs",    "sha256sum",
                                                      "gpg",      "date",
                                                      "uname",    "case",
                                                      "esac",     "locale-gen",
                                                      "ldconfig", "update-ca-certificates"};
    return std::find(kSmall.begin(), kSmall.end(), name) != kSmall.end();
  }

  void command(const Words& words) {
    std::string name = program(words.front());
    if (name.starts_with("python") || name == "py") {
      const bool runs_pip = words.size() > 2 && words[1] == "-m" && words[2] == "pip";
      if (runs_pip) return pip(words, 3);
      tool("python");
      seconds_ += 2;
      return;
    }
    if (name == "apt-get" || name == "apt" || name == "aptitude") return apt(words);
    if (name == "apk") return apk(words);
    if (name == "dnf" || name == "yum" || name == "microdnf" || name == "tdnf") return dnf(words);
    if (name.starts_with("pip")) return pip(words, 1);
    if (name == "uv" || name == "poetry" || name == "pipenv") {
      tool(name);
      add(15 * kPipPackageMiB, "/usr/local/lib/python3");
      return install(15 * kPipPackageMiB);
    }
    if (name == "npm" || name == "yarn" || name == "pnpm") return node(words, name);
    if (name == "npx" || name == "ng" || name == "vite" || name == "tsc" || name == "webpack") {
      tool(name);
      add(kWebBundleMiB, "/dist");
      artifact_ += kWebBundleMiB;
      seconds_ += 20;
      return;
    }
    if (name == "go") return go(words);
    if (name == "cargo") return cargo(words);
    if (name == "mvn" || name == "mvnw") return java(words, false);
    if (name == "gradle" || name == "gradlew") return java(words, true);
    if (name == "dotnet") return dotnet(words);
    if (name == "composer") return composer(words);
    if (name == "bundle" || name == "bundler") return ruby(words, true);
    if (name == "gem") return ruby(words, false);
    if (name == "curl" || name == "wget") {
      tool(name);
      add(kDownloadMiB, "/download");
      return download(kDownloadMiB);
    }
    if (name == "git") {
      tool("git");
      if (!has(words, "clone")) return;
      add(kGitCloneMiB, "/git");
      return download(kGitCloneMiB);
    }
    if (name == "make" || name == "cmake" || name == "ninja" || name == "meson" || name == "bazel" || name == "gcc" ||
        name == "g++" || name == "docker-php-ext-install") {
      tool(name);
      add(kMakeMiB, "/build");
      artifact_ += kMakeMiB / 2;
      seconds_ += kMakeSeconds;
      return;
    }
    if (name == "tar" || name == "unzip" || name == "gunzip" ||
        name == "cp") {  // What it unpacks was counted when it came.
      tool(name);
      seconds_ += 1;
      return;
    }
    if (is_small(name)) {
      seconds_ += 0.01;
      return;
    }
    result_.known = false;
    add(kUnknownMiB, "/unknown");
    seconds_ += kUnknownSeconds;
  }

  const RunSurroundings& around_;
  std::vector<Words> commands_;
  std::vector<Part> parts_;
  double artifact_ = 0;
  double seconds_ = 0;
  bool downloaded_modules_ = false;
  bool java_resolved_ = false;
  RunEstimate result_;
};

}  // namespace

RunEstimate estimate_run(std::string_view script, const RunSurroundings& around) {
  return Estimator(script, around).run();
}

}  // namespace berth::docker
