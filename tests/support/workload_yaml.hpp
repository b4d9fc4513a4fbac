// A small workload as a manifest, for runs that care for its pods' number and behaviour and not for what they serve.
#pragma once

#include <fmt/format.h>

#include <string>

namespace berth::test {

struct WorkloadYaml {
  std::string kind = "Deployment";
  std::string annotations = {};  // Of its pods: "a: b, c: d".
  std::string resources = {};    // Of its one container: "limits: {cpu: 1}".
  std::string more = {};         // Lines of the pod's spec, indented by six.
};

// Pods with the label app: `name`; closed by "---". No replicas for a DaemonSet.
inline std::string workload_yaml(const std::string& name, int replicas, const WorkloadYaml& about = {}) {
  return fmt::format(R"(
apiVersion: apps/v1
kind: {0}
metadata: {{name: {1}}}
spec:
{2}  selector: {{matchLabels: {{app: {1}}}}}
  template:
    metadata: {{labels: {{app: {1}}}, annotations: {{{3}}}}}
    spec:
      containers: [{{name: c, image: "nginx:1.27", resources: {{{4}}}}}]
{5}---
)",
                     about.kind, name, about.kind == "DaemonSet" ? "" : fmt::format("  replicas: {}\n", replicas),
                     about.annotations, about.resources, about.more);
}

}  // namespace berth::test
