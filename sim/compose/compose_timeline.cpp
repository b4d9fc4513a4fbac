#include "sim/compose/compose_timeline.hpp"

#include <optional>

namespace berth::compose {
namespace {

struct ContainerTrack {
  TrackId track{};
  std::optional<MarkId> open;    // Starting, running or back-off: one of them at a time.
  std::optional<MarkId> coming;  // From started to up.
  std::optional<MarkId> first_start, first_run;
};

}  // namespace

Timeline compose_timeline(const Project& project, const RunResult& result) {
  Timeline timeline;
  const TrackId root = timeline.add_track(project.name);
  const TrackId host = timeline.add_track("images", root);
  for (const ImageReport& image : result.images) {
    if (image.origin == ImageReport::Origin::kPresent && image.end == image.begin) continue;
    const TrackId track = timeline.add_track(image.name, host);
    timeline.slice(track, image.origin == ImageReport::Origin::kBuilt ? "build" : "pull", image.begin, image.end,
                   {{"size", ByteCount{image.compressed_bytes}}, {"layers", static_cast<std::int64_t>(image.layers)}});
  }
  std::vector<TrackId> services;
  for (const Service& service : project.services) services.push_back(timeline.add_track(service.name, root));
  for (const WaitReport& wait : result.waits) {
    timeline.slice(services[wait.service], "wait", wait.begin, wait.end,
                   {{"for", std::string_view(project.services[wait.on].name)},
                    {"condition", std::string_view(to_string(wait.condition))}});
  }
  std::vector<ContainerTrack> tracks(result.containers.size());
  for (std::size_t c = 0; c < tracks.size(); ++c) {
    tracks[c].track = timeline.add_track(result.containers[c].name, services[result.containers[c].service]);
  }

  for (const RunEvent& event : result.events) {
    switch (event.kind) {
      case RunEventKind::kNetworkCreated:
        timeline.instant(root, "network created", event.at,
                         {{"name", std::string_view(project.networks[event.subject].name)}});
        continue;
      case RunEventKind::kVolumeCreated:
        timeline.instant(root, "volume created", event.at,
                         {{"name", std::string_view(project.volumes[event.subject].name)}});
        continue;
      case RunEventKind::kSettled:
        timeline.instant(root, "settled", event.at);
        continue;
      case RunEventKind::kFailed:
        timeline.instant(root, "failed", event.at, {{"why", std::string_view(result.failed)}});
        continue;
      case RunEventKind::kImagePresent:
      case RunEventKind::kImagePulling:
      case RunEventKind::kImagePulled:
      case RunEventKind::kImageBuilding:
      case RunEventKind::kImageBuilt:
      case RunEventKind::kWaiting:
      case RunEventKind::kWaitOver:
        continue;  // Slices already.
      default:
        break;
    }
    ContainerTrack& t = tracks[event.subject];
    const auto close = [&] {
      if (t.coming) timeline.end(*t.coming, event.at);
      if (t.open) timeline.end(*t.open, event.at);
      t.coming.reset();
      t.open.reset();
    };
    switch (event.kind) {
      case RunEventKind::kContainerStarting:
        close();
        t.open = timeline.begin(t.track, "starting", event.at);
        if (!t.first_start) t.first_start = t.open;
        break;
      case RunEventKind::kContainerStarted:
        close();
        t.open = timeline.begin(t.track, "running", event.at, {{"restarts", event.value}});
        t.coming = timeline.begin(t.track, "start-up", event.at);
        if (!t.first_run) t.first_run = t.open;
        break;
      case RunEventKind::kContainerUp:
        if (t.coming) timeline.end(*t.coming, event.at);
        t.coming.reset();
        break;
      case RunEventKind::kContainerExited:
      case RunEventKind::kContainerOomKilled:
        if (t.open) timeline.annotate(*t.open, {"exit_code", event.value});
        close();
        if (event.kind == RunEventKind::kContainerOomKilled) timeline.instant(t.track, "OOM-killed", event.at);
        break;
      case RunEventKind::kContainerRestarting:
        t.open = timeline.begin(t.track, "back-off", event.at);
        break;
      case RunEventKind::kContainerCreated:
        timeline.instant(t.track, "created", event.at);
        break;
      case RunEventKind::kCheckFailed:
        timeline.instant(t.track, "check failed", event.at, {{"in_a_row", event.value}});
        break;
      case RunEventKind::kContainerHealthy:
        timeline.instant(t.track, "healthy", event.at);
        break;
      case RunEventKind::kContainerUnhealthy:
        timeline.instant(t.track, "unhealthy", event.at);
        break;
      case RunEventKind::kContainerStopping:
        timeline.instant(t.track, "stop signal", event.at);
        break;
      case RunEventKind::kStartFailed:
        timeline.instant(t.track, "start failed", event.at);
        break;
      default:
        break;
    }
  }

  // From the first run of each dependency to the first start of what needed it.
  std::vector<std::optional<std::size_t>> first_of(project.services.size());
  for (std::size_t c = tracks.size(); c-- > 0;) first_of[result.containers[c].service] = c;
  for (std::size_t c = 0; c < tracks.size(); ++c) {
    if (!tracks[c].first_start) continue;
    for (const Dependency& dependency : project.services[result.containers[c].service].depends_on) {
      const std::optional<std::size_t> on = first_of[dependency.index];
      if (on && tracks[*on].first_run) timeline.arrow(*tracks[*on].first_run, *tracks[c].first_start);
    }
  }
  return timeline;
}

}  // namespace berth::compose
