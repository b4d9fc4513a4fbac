// A policy that takes a KubeSchedulerConfiguration. Policies read no files: who makes the policy reads the file that it
// names and hands the configuration in, before prepare().
#pragma once

#include <string>

#include "policies/schedulers/kube/config.hpp"

namespace berth::kube {

class Configurable {
 public:
  virtual const std::string& config_file() const = 0;  // Empty: none.
  virtual void configure(SchedulerConfig config) = 0;

 protected:
  ~Configurable() = default;
};

}  // namespace berth::kube
