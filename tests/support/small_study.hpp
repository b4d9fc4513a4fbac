// A study that takes a fraction of a second and still has waiting pods, GPUs and fractions of them, and its files.
#pragma once

#include <memory>
#include <string>

#include "sim/study.hpp"
#include "tests/support/temp_dir.hpp"

namespace berth::test {

// `pods` sets how long a run takes: about 2 µs a pod.
inline std::string small_scenario(const std::string& name, int pods) {
  return "apiVersion: berth.dev/v1alpha1\n"
         "kind: Scenario\n"
         "name: " +
         name +
         "\n"
         "nodes:\n"
         "- {name: cpu, count: 20, cpu: \"16\", memory: 64Gi}\n"
         "- {name: gpu, count: 5, cpu: \"32\", memory: 128Gi, gpus: 4, gpuModel: T4}\n"
         "workload:\n"
         "  synthetic:\n"
         "    pods: " +
         std::to_string(pods) +
         "\n"
         "    arrivals: {poisson: {rate: 2}}\n"
         "    templates:\n"
         "    - {weight: 6, cpu: \"2\", memory: 4Gi, runTime: exponential(mean=70s), startDelay: 1s}\n"
         "    - {weight: 2, cpu: \"4\", memory: 24Gi, priority: 3, runTime: exponential(mean=60s)}\n"
         "    - {weight: 2, cpu: \"1\", memory: 4Gi, gpus: 1, gpuMilli: 400, runTime: exponential(mean=60s)}\n"
         "    - {weight: 1, cpu: \"4\", memory: 8Gi, gpus: 2, runTime: exponential(mean=40s)}\n";
}

inline StudySpec small_study(int pods) {
  StudySpec spec;
  for (const char* name : {"first", "second"}) {
    spec.scenarios.push_back(
        std::make_shared<const Scenario>(parse_scenario(small_scenario(name, pods), "small.yaml", ".")));
  }
  for (const char* policy : {"least-allocated", "fgd", "random", "power-of-k(k=3)"})
    spec.policies.push_back(PolicySet::parse(policy, "test"));
  spec.seeds = {1, 2, 5};
  return spec;
}

}  // namespace berth::test
