#include "results/start_metrics.hpp"

#include <limits>

#include "sim/cluster/image.hpp"

namespace berth {
namespace {

constexpr std::array kMetrics{
    MetricInfo{"pods_ready", "pods that became Ready"},
    MetricInfo{"pod_start_seconds_mean", "from the bind to Ready, over first times"},
    MetricInfo{"pod_start_seconds_p50", "its median, within 1/256 as all quantiles"},
    MetricInfo{"pod_start_seconds_p95", "its 95th percentile"},
    MetricInfo{"pod_start_seconds_p99", "its 99th percentile"},
    MetricInfo{"pod_start_seconds_max", "the slowest start"},
    MetricInfo{"pod_creation_to_ready_seconds_p50", "from creation to Ready"},
    MetricInfo{"pod_creation_to_ready_seconds_p99", "its 99th percentile"},
    MetricInfo{"image_pull_seconds_mean", "from asking for an image that is not there to having it"},
    MetricInfo{"image_pull_seconds_p99", "its 99th percentile"},
    MetricInfo{"image_pulls", "pulls that brought an image"},
    MetricInfo{"image_pulls_failed", "pulls that failed"},
    MetricInfo{"image_present_pct", "container starts whose image was on the node, of all that got one"},
    MetricInfo{"image_layers_found_pct", "layers of pulled images that were on the node, of all"},
    MetricInfo{"image_bytes_pulled", "compressed bytes of layers that nodes downloaded, wherever from"},
    MetricInfo{"image_bytes_from_registry", "of them from registries"},
    MetricInfo{"image_bytes_from_mirror", "of them from mirrors"},
    MetricInfo{"image_bytes_from_peers", "of them from other nodes"},
    MetricInfo{"images_removed", "images that garbage collection took off nodes"},
    MetricInfo{"container_restarts", "starts of containers beyond their first"},
    MetricInfo{"containers_oom_killed", "containers that the kernel killed for memory"},
};

}  // namespace

std::span<const MetricInfo> start_metrics() {
  return kMetrics;
}

StartMetricsFold::PodTimes& StartMetricsFold::times(std::uint32_t pod) {
  if (pod >= pods_.size()) pods_.resize(pod + 1);
  return pods_[pod];
}

void StartMetricsFold::write(std::span<const Record> batch) {
  for (const Record& r : batch) {
    switch (r.kind) {
      case RecordKind::kPodCreated:
        times(r.pod).created_ns = r.at.ns;
        break;
      case RecordKind::kPodScheduled:
        times(r.pod).scheduled_ns = r.at.ns;
        break;
      case RecordKind::kPodReady: {
        PodTimes& t = times(r.pod);
        if (t.scheduled_ns < 0) break;  // Ready again.
        ++ready_;
        start_.record(r.at.ns - t.scheduled_ns);
        creation_to_ready_.record(r.at.ns - t.created_ns);
        t.scheduled_ns = -1;
        break;
      }
      case RecordKind::kImagePulling:
        if (r.pod != 0xFFFF'FFFF) times(r.pod).pulling_ns = r.at.ns;
        break;
      case RecordKind::kImagePulled:
        ++pulled_;
        if (r.pod != 0xFFFF'FFFF) pull_.record(r.at.ns - times(r.pod).pulling_ns);
        break;
      case RecordKind::kImagePresent:
        ++present_;
        break;
      case RecordKind::kImagePullFailed:
        if (static_cast<WaitingReason>(r.reason) == WaitingReason::kErrImagePull) ++pull_failed_;
        break;
      case RecordKind::kImageRemoved:
        ++images_removed_;
        break;
      case RecordKind::kLayerFound:
        ++layers_found_;
        break;
      case RecordKind::kLayerDownloaded:
        ++layers_downloaded_;
        bytes_[r.reason] += context_.images->compressed_bytes(LayerId{r.value});
        break;
      case RecordKind::kContainerStarted:
        if (r.value > 0) ++restarts_;
        break;
      case RecordKind::kContainerExited:
        if (static_cast<ExitReason>(r.reason) == ExitReason::kOomKilled) ++oom_killed_;
        break;
      default:
        break;
    }
  }
}

void StartMetricsFold::add_to(RunResult& result) const {
  constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
  const auto pct = [](std::uint64_t part, std::uint64_t rest) {
    return part + rest == 0 ? kNone : 100.0 * static_cast<double>(part) / static_cast<double>(part + rest);
  };
  const double values[] = {
      static_cast<double>(ready_),
      mean_seconds(start_),
      quantile_seconds(start_, 0.5),
      quantile_seconds(start_, 0.95),
      quantile_seconds(start_, 0.99),
      quantile_seconds(start_, 1),
      quantile_seconds(creation_to_ready_, 0.5),
      quantile_seconds(creation_to_ready_, 0.99),
      mean_seconds(pull_),
      quantile_seconds(pull_, 0.99),
      static_cast<double>(pulled_),
      static_cast<double>(pull_failed_),
      pct(present_, pulled_),
      pct(layers_found_, layers_downloaded_),
      static_cast<double>(bytes_[0] + bytes_[1] + bytes_[2]),
      static_cast<double>(bytes_[0]),
      static_cast<double>(bytes_[1]),
      static_cast<double>(bytes_[2]),
      static_cast<double>(images_removed_),
      static_cast<double>(restarts_),
      static_cast<double>(oom_killed_),
  };
  add_metrics(result, kMetrics, values);
}

}  // namespace berth
