// What became of each pod, as `kubectl get pods` would show it at the end of a run. Folded from the journal.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "sim/cluster/journal.hpp"

namespace berth {

class PodTableFold final : public JournalSink {
 public:
  using PodName = std::function<std::string(std::uint32_t row)>;
  void set_pod_name(PodName pod_name) { pod_name_ = std::move(pod_name); }  // Before the run.

  void begin(const JournalContext& context) override { context_ = context; }
  void write(std::span<const Record> batch) override;
  void finish(Time end) override { end_ = end; }

  struct Pod {
    std::string name;
    std::string status = "Pending";  // As kubectl's column STATUS.
    std::string message;             // Why it waits for a node, if that is known.
    std::string node;
    bool ready = false;
    bool there = true;  // False: deleted.
    std::uint32_t restarts = 0;
    Time created;
    Time ready_at = kNever;  // First time.
  };
  const std::vector<Pod>& pods() const { return pods_; }  // By order of creation.
  Time end() const { return end_; }

 private:
  PodName pod_name_;
  JournalContext context_;
  std::vector<Pod> pods_;
  Time end_;
};

// NAME READY STATUS RESTARTS NODE "ready after"; deleted pods are left out. Then why Pending ones wait.
std::string pod_table_text(const PodTableFold& fold);

}  // namespace berth
