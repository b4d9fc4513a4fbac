// What each subcommand does, free of how its flags are spelt (that is main.cpp). All throw InputError for bad input.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "sim/study.hpp"
#include "workloads/scenario.hpp"

namespace berth {

// Where a scenario comes from: a YAML file, an embedded example, or plain files named by flags.
struct InputFlags {
  std::vector<std::string> files;  // Scenario (or, for compare, Study) YAML.
  std::string example;
  std::string protocol;           // "", "replay" or "fill"; overrides.
  std::string nodes;              // Node list CSV.
  std::string pods;               // openb pod list CSV.
  std::string trace;              // *.pb.zst
  std::string name;               // Overrides the scenario's name.
  double load = 0;                // 0: the scenario's own.
  std::string scheduling_period;  // "": the scenario's own.
  std::string horizon;
  std::string decision_base;
  std::string decision_per_node;
  std::size_t node_count = 3;        // Of manifests without Node objects.
  std::string catalogue;             // Of images, for manifests.
  std::vector<std::string> traffic;  // A Traffic file, or SERVICE=RATE; with Kubernetes objects.
  std::string faults;                // A FaultPlan file.
  std::string fidelity;              // Of traffic: "", "requests" or "fluid"; overrides.
};
// At least one scenario, or InputError. Files and folders of Kubernetes objects together are one of them.
std::vector<std::shared_ptr<const Scenario>> load_scenarios(const InputFlags& flags);

struct RunFlags {
  InputFlags input;
  std::string policy;  // Empty: kube-scheduler for manifests, else least-allocated.
  std::uint64_t seed = 1;
  std::string order_dir;
  RunFiles files;
  bool json = false;
};
void run_command(const RunFlags& flags);
// What `--policy` says, or what suits the scenario if it says nothing.
PolicySet policies_for(const Scenario& scenario, const std::string& text);

struct CompareFlags {
  InputFlags input;
  std::string policies;             // Comma-separated schedulers.
  std::vector<std::string> policy;  // One each, "scheduler=…".
  std::string seeds;
  std::string baseline;
  std::string order_dir;
  std::string metrics;  // Comma-separated, for the table.
  StudyOptions options;
};
void compare_command(const CompareFlags& flags);

struct ImportFlags {
  std::string format;
  std::vector<std::string> files;
  std::string nodes;
  std::string output;
  std::uint64_t seed = 1;
  bool label_qos = false;
};
void import_command(const ImportFlags& flags);

struct GenerateFlags {
  InputFlags input;
  std::string output;
  std::uint64_t seed = 1;
};
void generate_command(const GenerateFlags& flags);

// Checks every file; prints a line for each. False if one of them is bad.
bool validate_command(const std::vector<std::string>& files);

// Throws std::logic_error if two of the built-in policies share a name.
void check_policies();

void policies_command(bool json);
void metrics_command();
void examples_command(const std::string& show);

// Loads a shared object whose static objects register policies.
void load_plugin(const std::filesystem::path& path);

}  // namespace berth
