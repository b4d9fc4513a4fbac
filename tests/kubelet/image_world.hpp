// A small world for tests of images: an engine, a network, a catalogue and an image manager, and pods that only ask.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "sim/cluster/journal.hpp"
#include "sim/engine/engine.hpp"
#include "sim/kubelet/image_manager.hpp"
#include "sim/network/flow_network.hpp"

namespace berth::test {

inline constexpr std::int64_t kMega = 1'000'000;
inline constexpr NodeImageSpec kImageNode{100'000 * kMega, 100 * kMega, 100 * kMega, 200 * kMega, 0};
inline constexpr Duration kResolve = milliseconds(500);

// Straight from the registry.
class PlainDistribution final : public ImageDistribution {
 public:
  FetchRoute route(const LayerFetch& fetch) override {
    FetchRoute route;
    route.path = {sources_->egress(fetch.registry), sources_->node_in(fetch.node)};
    route.length = 2;
    route.needs_registry = true;
    return route;
  }
};

inline ImageManagerConfig image_config() {
  ImageManagerConfig config;
  config.pull.default_registry = {"", 10'000 * kMega, kResolve};
  return config;
}

class ImageWorld final : private NodeServicesListener, private JournalSink {
 public:
  struct Answer {
    ImageResult result;
    Time at;
  };

  explicit ImageWorld(const ImageManagerConfig& config = image_config(), std::unique_ptr<ImageDistribution> how = {})
      : distribution(how ? std::move(how) : std::make_unique<PlainDistribution>()),
        manager(engine, journal, network, catalog, *distribution, *this, config) {
    journal.add_sink(this);
  }

  // One registry's image; a layer is {digest, compressed, unpacked}.
  ImageId image(const std::string& name, const std::vector<Layer>& layers) { return catalog.add({name, "", layers}); }
  static Layer layer(const std::string& digest, std::int64_t compressed, std::int64_t unpacked) {
    return {"sha256:" + digest, "", compressed, unpacked};
  }

  // Pod number `pod` asks; an answer at once is noted like a later one.
  void ask(std::uint32_t pod, NodeId node, ImageId image,
           kube::api::PullPolicy policy = kube::api::PullPolicy::kIfNotPresent) {
    ImageAsk what;
    what.pod = {pod, 0};
    what.pod_ordinal = pod;
    what.node = node;
    what.image = image;
    what.policy = policy;
    if (const std::optional<ImageResult> result = manager.ensure(what)) note(pod, *result);
  }
  std::optional<ImageResult> result(std::uint32_t pod) const {
    const auto at = answers.find(pod);
    if (at == answers.end()) return std::nullopt;
    return at->second.result;
  }

  void run_to(Time horizon) {
    for (Event event; engine.next(horizon, event);) {
      switch (event.kind) {
        case EventKind::kFlowEvent:
          network.handle(event);
          break;
        case EventKind::kImageEvent:
          manager.handle(event);
          break;
        default:
          if (!calls[event.subject]) break;
          const std::function<void()> call = std::move(calls[event.subject]);
          call();
      }
    }
  }
  void run() { run_to(kNever); }
  // Also moves the clock.
  void go_to(Time at) {
    this->at(at, [] {});
    run_to(at);
  }
  void at(Time at, std::function<void()> call) {
    calls.push_back(std::move(call));
    engine.schedule(at, kPhaseCycle, {static_cast<std::uint32_t>(calls.size() - 1), 0, EventKind::kPodArrived, 0});
  }
  const std::vector<Record>& records() {
    journal.finish(engine.now());
    return records_;
  }
  std::size_t count(RecordKind kind) {
    const auto& all = records();
    return static_cast<std::size_t>(
        std::count_if(all.begin(), all.end(), [&](const Record& r) { return r.kind == kind; }));
  }
  // When records of this kind were written, in seconds.
  std::vector<double> times(RecordKind kind) {
    std::vector<double> out;
    for (const Record& record : records()) {
      if (record.kind == kind) out.push_back(static_cast<double>(record.at.ns) / 1e9);  // Exact for whole seconds.
    }
    return out;
  }
  std::int64_t bytes_in(NodeId node) { return network.carried(manager.runtime().node_in(node)); }
  std::string verify() const {
    const std::string trouble = manager.verify();
    return trouble.empty() ? network.verify() : trouble;
  }

  Engine<Event> engine;
  Journal journal;
  FlowNetwork network{engine};
  ImageCatalog catalog;
  std::unique_ptr<ImageDistribution> distribution;
  ImageManager manager;
  std::map<std::uint32_t, Answer> answers;  // The last of each pod.
  std::function<void(std::uint32_t, ImageResult)> on_answer;
  std::vector<std::function<void()>> calls;

 private:
  void note(std::uint32_t pod, ImageResult result) {
    answers.insert_or_assign(pod, Answer{result, engine.now()});
    if (on_answer) on_answer(pod, result);
  }
  void image_ensured(PodSlot pod, ImageResult result) override { note(pod.slot, result); }
  void volumes_mounted(PodSlot) override {}
  void volumes_unmounted(PodSlot) override {}
  void begin(const JournalContext&) override {}
  void write(std::span<const Record> batch) override { records_.insert(records_.end(), batch.begin(), batch.end()); }
  void finish(Time) override {}

  std::vector<Record> records_;
};

inline constexpr Time at_seconds(double s) {
  return Time{static_cast<std::int64_t>(s * 1e9 + 0.5)};
}

}  // namespace berth::test
