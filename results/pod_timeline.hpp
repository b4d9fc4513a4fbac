// The lives of chosen pods as a timeline, folded from the journal: waiting for a node and why, volumes, sandbox, each
// layer, each container's starts and ends, readiness, the end. What `berth explain` shows.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "results/timeline.hpp"
#include "sim/cluster/journal.hpp"

namespace berth {

class PodTimelineFold final : public JournalSink {
 public:
  using PodName = std::function<std::string(std::uint32_t row)>;
  using Wanted = std::function<bool(const std::string& name)>;
  // `wanted` chooses pods by name as they are created.
  explicit PodTimelineFold(Wanted wanted) : wanted_(std::move(wanted)) {}
  void set_pod_name(PodName pod_name) { pod_name_ = std::move(pod_name); }  // Before the run.

  void begin(const JournalContext& context) override { context_ = context; }
  void write(std::span<const Record> batch) override;
  void finish(Time end) override;

  struct PodTrack {
    std::string name;
    TrackId track{};
  };
  // After finish(): the chosen pods in order of creation, and their timeline.
  const std::vector<PodTrack>& pods() const { return tracks_; }
  const Timeline& timeline() const { return timeline_; }

 private:
  using Slice = std::optional<MarkId>;
  struct ContainerState {
    TrackId track{};
    std::string name;
    Slice waiting, pulling, creating, running, ready, stopping;
  };
  struct LayerState {
    Slice downloading;
    Time downloaded_at;
  };
  struct PodState {
    TrackId track{};
    std::string name;
    TemplateId pod_template{};
    Slice pending, preparing, initializing, ready, terminating, volumes;
    std::map<std::uint16_t, ContainerState> containers;
    std::optional<TrackId> layers_track;
    std::map<std::uint32_t, LayerState> layers;
    Time unpacked_at;  // The last layer's.
  };

  void created(const Record& record);
  void apply(PodState& pod, const Record& record);
  bool apply_to_container(PodState& pod, const Record& record);
  bool apply_to_layer(PodState& pod, const Record& record);
  ContainerState& container(PodState& pod, std::uint16_t number);
  void close(Slice& slice, Time at, std::initializer_list<TimelineArg> args = {});
  void close_all(PodState& pod, Time at);
  std::string_view node_name(const Record& record) const;

  PodName pod_name_;
  Wanted wanted_;
  JournalContext context_;
  Timeline timeline_;
  std::vector<PodTrack> tracks_;
  std::unordered_map<std::uint32_t, PodState> pods_;  // By ordinal; never iterated.
};

}  // namespace berth
