// Which policy of each kind a run uses.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "policies/params.hpp"
#include "policies/registry.hpp"

namespace berth {

// Spelt "scheduler=fgd+images=mirror"; a bare "fgd" names a scheduler. Kinds that are not named have their default.
struct PolicySet {
  std::map<std::string, PolicySpec> given;  // By kind.

  // Throws InputError on an unknown kind, an unknown policy, a kind given twice, or bad parameters.
  static PolicySet parse(std::string_view text, std::string_view what);
  // Several, split at the commas outside parentheses.
  static std::vector<PolicySet> parse_list(std::string_view text, std::string_view what);
  void check() const;  // Throws InputError unless the policies exist and take their parameters.

  // Of this kind: what is given, else the default.
  PolicySpec of(std::string_view kind) const;
  // Kinds in the order of policy_kinds(); a scheduler alone goes without its kind.
  std::string to_string() const;
};

struct PolicyKind {
  const char* name;  // As in PolicySet.
  const char* help;  // What it decides.
  const char* default_policy;
  std::vector<Registry<Scheduler>::Info> (*list)();
  void (*check)(const PolicySpec& spec);  // Throws InputError.
  std::string (*take_trouble)();          // Registry::take_trouble().
};
// All kinds that a run takes, the scheduler first.
const std::vector<PolicyKind>& policy_kinds();

std::unique_ptr<Scheduler> make_scheduler(const PolicySpec& spec);

}  // namespace berth
