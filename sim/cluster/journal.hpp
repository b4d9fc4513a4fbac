// Everything that happened, in order. Every reported number is a fold over these records: same journal, same report.
// Records go to the folds in batches as they come, so a run of 10^7 pods needs no memory for its past.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "sim/cluster/catalog.hpp"
#include "sim/engine/time.hpp"

namespace berth {

// Every record about a pod names its template, so that a fold can keep sums without keeping pods.
enum class RecordKind : std::uint8_t {
  kPodCreated,        // pod, row = in the source
  kPodUnschedulable,  // pod; tried once, waits (or fails, in the fill protocol)
  kPodScheduled,      // pod, node, gpus = devices taken
  kPodStarted,        // pod, node, gpus
  kPodSucceeded,      // pod, node, gpus = devices given back
  kPodFailed,         // pod, reason = FailReason; it never had a node
  kPodEvicted,        // pod, node, gpus, reason = EvictReason; it waits again
  kNodeCordoned,      // node
  kNodeUncordoned,    // node
};
inline constexpr std::size_t kRecordKinds = 9;

enum class FailReason : std::uint8_t { kUnschedulable };
enum class EvictReason : std::uint8_t { kPreempted, kDrained };

std::string_view to_string(RecordKind kind);  // "PodScheduled" …
std::string_view to_string(FailReason reason);
std::string_view to_string(EvictReason reason);

// `pod` counts pods in order of creation, from 0; unlike a PodId it is never used again.
struct Record {
  Time at;
  std::uint32_t pod = 0xFFFF'FFFF;
  NodeId node = kNoNode;
  std::uint32_t row = 0;  // kPodCreated only.
  TemplateId pod_template = kNoTemplate;
  std::uint16_t gpus = 0;
  RecordKind kind{};
  std::uint8_t reason = 0;
};
static_assert(sizeof(Record) == 32);

// What a fold needs to know besides the records. Valid while the run lives.
struct JournalContext {
  const Catalog* catalog = nullptr;
  std::span<const NodeSpec> nodes;
};

class JournalSink {
 public:
  virtual ~JournalSink() = default;
  virtual void begin(const JournalContext& context) = 0;
  virtual void write(std::span<const Record> batch) = 0;
  // `end`: the clock when the run was over.
  virtual void finish(Time end) = 0;
};

class Journal {
 public:
  Journal() { batch_.reserve(kBatch); }
  void add_sink(JournalSink* sink) { sinks_.push_back(sink); }
  void begin(const JournalContext& context) {
    for (JournalSink* sink : sinks_) sink->begin(context);
  }
  // Amortised O(1) plus what the sinks cost.
  void append(const Record& record) {
    batch_.push_back(record);
    if (batch_.size() == kBatch) flush();
  }
  void finish(Time end) {
    flush();
    for (JournalSink* sink : sinks_) sink->finish(end);
  }

 private:
  static constexpr std::size_t kBatch = 1024;
  void flush() {
    for (JournalSink* sink : sinks_) sink->write(batch_);
    batch_.clear();
  }
  std::vector<JournalSink*> sinks_;
  std::vector<Record> batch_;
};

}  // namespace berth
