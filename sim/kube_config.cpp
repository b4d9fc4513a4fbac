#include "sim/kube_config.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "sim/engine/error.hpp"

namespace berth::kube {
namespace {

constexpr const char* kApiVersion = "kubescheduler.config.k8s.io/v1";

void check_version(Fields& f, const Reader& value) {
  f.ignore({"kind"});
  std::string version;
  if (f.text("apiVersion", version) && version != kApiVersion) {
    value.fail(fmt::format("has apiVersion \"{}\"; expected {}", version, kApiVersion));
  }
}

std::vector<ShapePoint> read_shape(const Reader& value) {
  std::vector<ShapePoint> shape;
  value.each([&shape](const Reader& item) {
    Fields f(item);
    ShapePoint& point = shape.emplace_back();
    f.get("utilization", [&](const Reader& v) { point.utilization = v.integer(0, 100); });
    f.get("score", [&](const Reader& v) { point.score = v.integer(0, 10); });
    f.refuse_rest();
    if (shape.size() > 1 && shape[shape.size() - 2].utilization >= point.utilization) {
      item.fail("does not go on with a higher utilization; expected points in ascending order of utilization");
    }
  });
  if (shape.empty()) value.fail("has no points; expected at least one {utilization, score}");
  return shape;
}

std::vector<ResourceWeight> read_resources(const Reader& value) {
  std::vector<ResourceWeight> resources;
  value.each([&resources](const Reader& item) {
    Fields f(item);
    ResourceWeight& resource = resources.emplace_back();
    f.text("name", resource.name);
    f.get("weight", [&](const Reader& v) { resource.weight = v.integer(0, 100); });
    if (resource.weight == 0) resource.weight = 1;
    f.refuse_rest();
  });
  return resources;
}

void read_fit(Fields& f, PluginArgs& args) {
  f.get("ignoredResources", [&](const Reader& v) { args.ignored_resources = v.texts(); });
  f.get("ignoredResourceGroups", [&](const Reader& v) { args.ignored_resource_groups = v.texts(); });
  f.get("scoringStrategy", [&](const Reader& v) {
    Fields s(v);
    s.get("type", [&](const Reader& t) {
      const std::vector<std::string> names = {"LeastAllocated", "MostAllocated", "RequestedToCapacityRatio"};
      const std::string type = t.text();
      const auto it = std::find(names.begin(), names.end(), type);
      if (it == names.end()) {
        t.fail(fmt::format("is \"{}\"; expected one of {}{}", type, fmt::join(names, ", "), did_you_mean(type, names)));
      }
      args.strategy = static_cast<ScoringStrategy>(it - names.begin());
    });
    s.get("resources", [&](const Reader& r) {
      if (auto resources = read_resources(r); !resources.empty()) args.fit_resources = std::move(resources);
    });
    s.get("requestedToCapacityRatio", [&](const Reader& r) {
      Fields q(r);
      q.get("shape", [&](const Reader& shape) { args.fit_shape = read_shape(shape); });
      q.refuse_rest();
    });
    s.refuse_rest();
    if (args.strategy == ScoringStrategy::kRequestedToCapacityRatio && args.fit_shape.empty()) {
      v.fail("has no requestedToCapacityRatio.shape; expected one for RequestedToCapacityRatio");
    }
  });
}

void read_args(const std::string& plugin, const Reader& value, PluginArgs& args) {
  Fields f(value);
  check_version(f, value);
  if (plugin == "NodeResourcesFit") {
    read_fit(f, args);
  } else if (plugin == "NodeResourcesBalancedAllocation") {
    f.get("resources", [&](const Reader& v) {
      const auto resources = read_resources(v);
      if (!resources.empty()) args.balanced_resources.clear();
      for (const ResourceWeight& resource : resources) args.balanced_resources.push_back(resource.name);
    });
  } else if (plugin == "InterPodAffinity") {
    f.get("hardPodAffinityWeight", [&](const Reader& v) { args.hard_pod_affinity_weight = v.integer(0, 100); });
    f.boolean("ignorePreferredTermsOfExistingPods", args.ignore_preferred_terms_of_existing_pods);
  } else if (plugin == "PodTopologySpread") {
    f.get("defaultingType", [&](const Reader& v) {
      const std::string type = v.text();
      if (type != "System" && type != "List") v.fail(fmt::format("is \"{}\"; expected System or List", type));
      args.system_defaulting = type == "System";
    });
    f.list("defaultConstraints", args.default_constraints);
    if (args.system_defaulting && !args.default_constraints.empty()) {
      value.fail("has defaultConstraints beside defaultingType System; expected defaultingType: List");
    }
  } else if (plugin == "NodeAffinity") {
    f.get("addedAffinity", [&](const Reader& v) {
      Fields a(v);
      a.get("requiredDuringSchedulingIgnoredDuringExecution", [&](const Reader& r) {
        Fields required(r);
        args.has_added_required_terms = true;
        required.list("nodeSelectorTerms", args.added_required_terms);
        required.refuse_rest();
      });
      a.list("preferredDuringSchedulingIgnoredDuringExecution", args.added_preferred_terms);
      a.refuse_rest();
    });
  } else if (plugin == "VolumeBinding") {
    f.get("shape", [&](const Reader& v) { args.volume_shape = read_shape(v); });
    f.ignore({"bindTimeoutSeconds"});
  } else if (plugin == "DefaultPreemption") {
    f.get("minCandidateNodesPercentage",
          [&](const Reader& v) { args.min_candidate_nodes_percentage = v.integer(0, 100); });
    f.get("minCandidateNodesAbsolute",
          [&](const Reader& v) { args.min_candidate_nodes_absolute = v.integer(0, 1 << 30); });
  } else {
    f.ignore_rest();
    return;
  }
  f.refuse_rest();
}

PluginSet read_set(const Reader& value) {
  PluginSet set;
  Fields f(value);
  f.get("enabled", [&](const Reader& v) {
    v.each([&](const Reader& item) {
      PluginSet::Enabled& enabled = set.enabled.emplace_back();
      Fields e(item);
      e.text("name", enabled.name);
      e.get("weight", [&](const Reader& w) { enabled.weight = w.integer(0, 1'000'000); });
      e.refuse_rest();
    });
  });
  f.get("disabled", [&](const Reader& v) {
    v.each([&](const Reader& item) {
      Fields d(item);
      d.text("name", set.disabled.emplace_back());
      d.ignore({"weight"});
      d.refuse_rest();
    });
  });
  f.refuse_rest();
  return set;
}

Profile read_profile(const Reader& value) {
  Profile profile;
  Fields f(value);
  f.text("schedulerName", profile.scheduler_name);
  f.ignore({"percentageOfNodesToScore"});
  f.get("plugins", [&](const Reader& v) {
    Fields p(v);
    p.get("multiPoint", [&](const Reader& s) { profile.multi_point = read_set(s); });
    const char* names[kExtensionPoints] = {"preFilter", "filter", "postFilter", "preScore", "score"};
    for (std::size_t i = 0; i < kExtensionPoints; ++i) {
      p.get(names[i], [&](const Reader& s) { profile.points[i] = read_set(s); });
    }
    p.ignore({"preEnqueue", "queueSort", "reserve", "permit", "preBind", "bind", "postBind"});
    p.refuse_rest();
  });
  f.get("pluginConfig", [&](const Reader& v) {
    v.each([&](const Reader& item) {
      Fields c(item);
      std::string name;
      c.text("name", name);
      const std::vector<std::string> names = known_plugin_names();
      if (std::find(names.begin(), names.end(), name) == names.end()) {
        item.fail(fmt::format("is for \"{}\", which is no plugin of kube-scheduler 1.37; expected one of {}{}", name,
                              fmt::join(names, ", "), did_you_mean(name, names)));
      }
      c.get("args", [&](const Reader& args) { read_args(name, args, profile.args); });
      c.refuse_rest();
    });
  });
  f.refuse_rest();
  try {
    (void)resolve(profile);
  } catch (const InputError& e) {
    value.fail(std::string("does not work: ") + e.what());
  }
  return profile;
}

}  // namespace

SchedulerConfig read_scheduler_config(const Reader& value) {
  SchedulerConfig config;
  Fields f(value);
  check_version(f, value);
  std::int64_t profile_percentage = -1;
  f.get("percentageOfNodesToScore", [&](const Reader& v) { config.percentage_of_nodes_to_score = v.integer(0, 100); });
  f.get("profiles", [&](const Reader& v) {
    config.profiles.clear();
    v.each([&](const Reader& item) {
      config.profiles.push_back(read_profile(item));
      const auto own = item.json().find("percentageOfNodesToScore");
      if (own != item.json().end() && !own->is_null() && config.profiles.size() == 1) {
        profile_percentage = Reader(item, "percentageOfNodesToScore", *own).integer(0, 100);
      }
    });
    if (config.profiles.empty()) v.fail("is empty; expected at least one profile, or none of the member");
  });
  if (profile_percentage >= 0) config.percentage_of_nodes_to_score = profile_percentage;
  f.get("extenders", [](const Reader& v) { v.fail("is given; expected none, since extenders are not modelled"); });
  f.ignore({"parallelism", "leaderElection", "clientConnection", "healthzBindAddress", "metricsBindAddress",
            "enableProfiling", "enableContentionProfiling", "podInitialBackoffSeconds", "podMaxBackoffSeconds",
            "delayCacheUntilActive"});
  f.refuse_rest();
  return config;
}

SchedulerConfig load_scheduler_config(const std::string& path) {
  // JSON is YAML, and the YAML reader knows lines and columns.
  const YamlValue root = parse_yaml(read_text_file(path), path);
  const nlohmann::json document = to_json(root);
  UnknownFields unknown;
  const JsonSource source{path, 0, &unknown, &root};
  SchedulerConfig config = read_scheduler_config(Reader(source, document));
  if (!unknown.empty())
    throw InputError(
        fmt::format("{}: {} is not known; expected a field of {}", path, unknown.begin()->first, kApiVersion));
  return config;
}

}  // namespace berth::kube
