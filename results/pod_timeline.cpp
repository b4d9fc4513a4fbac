#include "results/pod_timeline.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "sim/cluster/image.hpp"
#include "sim/cluster/pod_spec.hpp"

namespace berth {
namespace {

// "sha256:0123456789ab", enough to tell layers apart.
std::string_view short_digest(std::string_view digest) {
  constexpr std::size_t kEnough = 19;
  return digest.substr(0, kEnough);
}

}  // namespace

std::string_view PodTimelineFold::node_name(const Record& record) const {
  return record.node == kNoNode ? std::string_view() : std::string_view(context_.nodes[index(record.node)].name);
}

void PodTimelineFold::close(Slice& slice, Time at, std::initializer_list<TimelineArg> args) {
  if (!slice) return;
  timeline_.end(*slice, at, args);
  slice.reset();
}

void PodTimelineFold::close_all(PodState& pod, Time at) {
  for (Slice* slice : {&pod.pending, &pod.preparing, &pod.initializing, &pod.ready, &pod.terminating, &pod.volumes}) {
    close(*slice, at);
  }
  for (auto& [number, c] : pod.containers) {
    for (Slice* slice : {&c.waiting, &c.pulling, &c.creating, &c.running, &c.ready, &c.stopping}) close(*slice, at);
  }
  for (auto& [layer, state] : pod.layers) {
    close(state.downloading, at);
  }
}

void PodTimelineFold::created(const Record& record) {
  std::string name = pod_name_(record.value);
  if (!wanted_(name)) return;
  PodState pod;
  pod.track = timeline_.add_track(name);
  pod.name = name;
  pod.pod_template = record.pod_template;
  pod.pending = timeline_.begin(pod.track, "Pending: waits for a node", record.at);
  tracks_.push_back({std::move(name), pod.track});
  pods_.emplace(record.pod, std::move(pod));
}

void PodTimelineFold::write(std::span<const Record> batch) {
  for (const Record& record : batch) {
    if (record.kind == RecordKind::kPodCreated) {
      created(record);
      continue;
    }
    const auto it = pods_.find(record.pod);
    if (it != pods_.end()) apply(it->second, record);
  }
}

void PodTimelineFold::finish(Time) {}

PodTimelineFold::ContainerState& PodTimelineFold::container(PodState& pod, std::uint16_t number) {
  const auto [it, fresh] = pod.containers.try_emplace(number);
  if (fresh) {
    const auto& source = (*context_.catalog)[pod.pod_template].pod;
    if (source == nullptr) {
      it->second.name = fmt::format("container {}", number);
    } else {
      const kube::Pod& spec = source->scheduling;
      const std::size_t inits = spec.init_containers.size();
      it->second.name = number < inits ? spec.init_containers[number].name : spec.containers[number - inits].name;
    }
    it->second.track = timeline_.add_track(it->second.name, pod.track);
  }
  return it->second;
}

bool PodTimelineFold::apply_to_layer(PodState& pod, const Record& r) {
  switch (r.kind) {
    case RecordKind::kLayerFound:
    case RecordKind::kLayerDownloading:
    case RecordKind::kLayerDownloaded:
    case RecordKind::kLayerUnpacked:
      break;
    default:
      return false;
  }
  if (!pod.layers_track) pod.layers_track = timeline_.add_track("layers", pod.track);
  const LayerId id{r.value};
  const std::string_view digest = short_digest(context_.images->digest(id));
  LayerState& layer = pod.layers[r.value];
  if (r.kind == RecordKind::kLayerFound) {
    layer.downloaded_at = r.at;
    timeline_.instant(*pod.layers_track, "layer found", r.at, {{"digest", digest}});
  } else if (r.kind == RecordKind::kLayerDownloading) {
    layer.downloading =
        timeline_.begin(*pod.layers_track, "download layer", r.at,
                        {{"digest", digest}, {"size", ByteCount{context_.images->compressed_bytes(id)}}});
  } else if (r.kind == RecordKind::kLayerDownloaded) {
    close(layer.downloading, r.at);
    layer.downloaded_at = r.at;
  } else {  // In order: behind the layer below.
    timeline_.slice(*pod.layers_track, "unpack layer", std::max(layer.downloaded_at, pod.unpacked_at), r.at,
                    {{"digest", digest}, {"size", ByteCount{context_.images->unpacked_bytes(id)}}});
    pod.unpacked_at = r.at;
  }
  return true;
}

bool PodTimelineFold::apply_to_container(PodState& pod, const Record& r) {
  switch (r.kind) {
    case RecordKind::kContainerWaiting: {
      ContainerState& c = container(pod, r.container);
      close(c.waiting, r.at);
      const std::string_view reason = to_string(static_cast<WaitingReason>(r.reason));
      if (r.value > 0) {
        c.waiting = timeline_.begin(c.track, reason, r.at, {{"back_off", seconds(r.value)}});
      } else {
        c.waiting = timeline_.begin(c.track, reason, r.at);
      }
      return true;
    }
    case RecordKind::kImagePulling: {
      ContainerState& c = container(pod, r.container);
      close(c.waiting, r.at);
      const ImageId image{r.value};
      c.pulling = timeline_.begin(
          c.track, "pull image", r.at,
          {{"image", context_.images->name(image)}, {"size", ByteCount{context_.images->compressed_bytes(image)}}});
      return true;
    }
    case RecordKind::kImagePresent: {
      ContainerState& c = container(pod, r.container);
      close(c.waiting, r.at);
      timeline_.instant(c.track, "image present", r.at, {{"image", context_.images->name(ImageId{r.value})}});
      return true;
    }
    case RecordKind::kImagePulled:
      close(container(pod, r.container).pulling, r.at);
      return true;
    case RecordKind::kImagePullFailed: {
      ContainerState& c = container(pod, r.container);
      const std::string_view reason = to_string(static_cast<WaitingReason>(r.reason));
      close(c.pulling, r.at, {{"failed", reason}});
      timeline_.instant(c.track, reason, r.at, {{"image", context_.images->name(ImageId{r.value})}});
      return true;
    }
    case RecordKind::kContainerCreated: {
      ContainerState& c = container(pod, r.container);
      close(c.waiting, r.at);
      c.creating = timeline_.begin(c.track, "start container", r.at);
      return true;
    }
    case RecordKind::kContainerStarted: {
      ContainerState& c = container(pod, r.container);
      close(c.waiting, r.at);
      close(c.creating, r.at);
      c.running = timeline_.begin(c.track, "running", r.at, {{"restarts", std::int64_t{r.value}}});
      return true;
    }
    case RecordKind::kContainerPostStarted:
      timeline_.instant(container(pod, r.container).track, "postStart hook done", r.at);
      return true;
    case RecordKind::kContainerUp:
      timeline_.instant(container(pod, r.container).track, "started", r.at);
      return true;
    case RecordKind::kContainerReady: {
      ContainerState& c = container(pod, r.container);
      close(c.ready, r.at);
      c.ready = timeline_.begin(c.track, "ready", r.at);
      return true;
    }
    case RecordKind::kContainerNotReady:
      close(container(pod, r.container).ready, r.at);
      return true;
    case RecordKind::kContainerKilling: {
      ContainerState& c = container(pod, r.container);
      if (!c.stopping) {
        c.stopping =
            timeline_.begin(c.track, "stopping", r.at, {{"why", to_string(static_cast<KillReason>(r.reason))}});
      }
      return true;
    }
    case RecordKind::kContainerExited: {
      ContainerState& c = container(pod, r.container);
      close(c.ready, r.at);
      close(c.stopping, r.at);
      close(c.creating, r.at);
      close(c.running, r.at,
            {{"exit_code", std::int64_t{r.value}}, {"reason", to_string(static_cast<ExitReason>(r.reason))}});
      return true;
    }
    case RecordKind::kProbeFailed:
      timeline_.instant(container(pod, r.container).track, "probe failed", r.at,
                        {{"probe", to_string(static_cast<ProbeKind>(r.reason))}, {"failures", std::int64_t{r.value}}});
      return true;
    default:
      return false;
  }
}

void PodTimelineFold::apply(PodState& pod, const Record& r) {
  if (apply_to_container(pod, r) || apply_to_layer(pod, r)) return;
  switch (r.kind) {
    case RecordKind::kPodUnschedulable:
      if (r.value > 0) {
        timeline_.instant(pod.track, "FailedScheduling", r.at, {{"message", (*context_.messages)[r.value - 1]}});
      } else {
        timeline_.instant(pod.track, "FailedScheduling", r.at);
      }
      break;
    case RecordKind::kPodScheduled:
      close(pod.pending, r.at, {{"node", node_name(r)}});
      timeline_.instant(pod.track, "Scheduled", r.at, {{"node", node_name(r)}});
      pod.preparing = timeline_.begin(pod.track, "volumes and sandbox", r.at);
      break;
    case RecordKind::kPodRejected:
      timeline_.instant(pod.track, "refused by the node", r.at,
                        {{"reason", to_string(static_cast<FailReason>(r.reason))}});
      close_all(pod, r.at);
      break;
    case RecordKind::kVolumeWaiting: {
      close(pod.volumes, r.at);
      const std::string_view why = to_string(static_cast<VolumeWait>(r.reason));
      pod.volumes = timeline_.begin(pod.track, "waits for a volume", r.at, {{"why", why}});
      break;
    }
    case RecordKind::kPodVolumesMounted:
      close(pod.volumes, r.at);
      timeline_.instant(pod.track, "volumes mounted", r.at);
      break;
    case RecordKind::kPodSandboxCreated:
      close(pod.preparing, r.at);
      close(pod.initializing, r.at);
      pod.initializing = timeline_.begin(pod.track, "init containers", r.at);
      break;
    case RecordKind::kPodInitialized:
      close(pod.initializing, r.at);
      break;
    case RecordKind::kPodStarted:
      timeline_.instant(pod.track, "Running", r.at);
      break;
    case RecordKind::kPodReady:
      close(pod.ready, r.at);
      pod.ready = timeline_.begin(pod.track, "Ready", r.at);
      break;
    case RecordKind::kPodNotReady:
      close(pod.ready, r.at);
      break;
    case RecordKind::kPodDisrupted:
      timeline_.instant(pod.track, "told to go", r.at, {{"reason", to_string(static_cast<DisruptReason>(r.reason))}});
      break;
    case RecordKind::kPodTerminating:
      close(pod.terminating, r.at);
      pod.terminating = timeline_.begin(pod.track, "Terminating", r.at, {{"grace", seconds(r.value)}});
      break;
    case RecordKind::kPodRemoved:
      close_all(pod, r.at);
      break;
    case RecordKind::kPodSucceeded:
      close(pod.ready, r.at);
      timeline_.instant(pod.track, "Succeeded", r.at);
      break;
    case RecordKind::kPodFailed:
      close(pod.ready, r.at);
      timeline_.instant(pod.track, "Failed", r.at, {{"reason", to_string(static_cast<FailReason>(r.reason))}});
      break;
    case RecordKind::kPodEvicted:
      close_all(pod, r.at);
      timeline_.instant(pod.track, "Evicted", r.at, {{"reason", to_string(static_cast<EvictReason>(r.reason))}});
      pod.pending = timeline_.begin(pod.track, "Pending: waits for a node", r.at);
      break;
    case RecordKind::kPodDeleted:
      close_all(pod, r.at);
      timeline_.instant(pod.track, "Deleted", r.at);
      break;
    default:
      break;
  }
}

}  // namespace berth
