#include "sim/metrics_server.hpp"

#include <algorithm>
#include <utility>

#include "sim/engine/error.hpp"
#include "sim/engine/rng.hpp"

namespace berth {
namespace {

constexpr Duration kFreshAge = seconds(10);     // freshContainerMinMetricsResolution
constexpr std::int64_t kDelayPerNodeMs = 8;     // delayPerSourceMs
constexpr std::int64_t kMaxDelayMs = 4000;      // maxDelayMs
constexpr std::uint32_t kStream = 0x6D65'7472;  // Among the policies' streams; far from their numbers.
__extension__ typedef __int128 Wide;

// change / window, times `scale`, cut.
std::int64_t rate(std::int64_t change, Duration window, std::int64_t scale) {
  return static_cast<std::int64_t>(Wide{change} * scale / window.ns);
}

}  // namespace

Duration first_scrape(const MetricsServerOptions& options) {
  if (options.phase) return *options.phase;
  Rng rng(options.seed, options.replication, kStream, Purpose::kPolicy);
  return nanoseconds(static_cast<std::int64_t>(rng.below64(static_cast<std::uint64_t>(options.resolution.ns))));
}

MetricsServer::MetricsServer(Engine<Event>& engine, const controllers::Store& store, PodMeasurements& measurements,
                             Lister lister, const MetricsServerOptions& options)
    : engine_(engine), store_(store), measurements_(measurements), lister_(std::move(lister)), options_(options) {
  BERTH_CHECK(options_.resolution.ns > kMaxDelayMs * 1'000'000);
  BERTH_CHECK(!options_.phase || options_.phase->ns >= 0);
}

void MetricsServer::start() {
  engine_.schedule(engine_.now() + first_scrape(options_), kPhaseChange, {0, 0, EventKind::kScalingEvent, kScrape});
}

void MetricsServer::handle(const Event& event) {
  if (event.detail == kScrape) {
    scrape();
  } else {
    read_node(event.subject);
  }
}

Duration MetricsServer::delay(NodeId node) const {
  const std::int64_t spread =
      std::clamp<std::int64_t>(kDelayPerNodeMs * store_.end_id<controllers::Node>(), 1, kMaxDelayMs);
  const std::uint64_t place =
      Rng(0, 0, static_cast<std::uint32_t>(node), Purpose::kNodeBoot).below64(10'000'000'000ULL);
  return milliseconds(static_cast<std::int64_t>(place % static_cast<std::uint64_t>(spread)));
}

void MetricsServer::scrape() {
  BERTH_CHECK(answers_due_ == 0);
  ++scrape_;
  targets_.clear();
  lister_(targets_);
  std::sort(targets_.begin(), targets_.end(),
            [](const Target& a, const Target& b) { return std::pair(a.node, a.pod) < std::pair(b.node, b.pod); });
  for (std::size_t i = 0; i < targets_.size(); ++i) {
    if (i > 0 && targets_[i].node == targets_[i - 1].node) continue;
    ++answers_due_;
    engine_.schedule(engine_.now() + delay(targets_[i].node), kPhaseChange,
                     {static_cast<std::uint32_t>(i), 0, EventKind::kScalingEvent, kNodeAnswers});
  }
  if (answers_due_ == 0) store_batch();
  engine_.schedule(engine_.now() + options_.resolution, kPhaseChange, {0, 0, EventKind::kScalingEvent, kScrape});
}

void MetricsServer::read_node(std::size_t first) {
  for (std::size_t i = first; i < targets_.size() && targets_[i].node == targets_[first].node; ++i) {
    const Target& target = targets_[i];
    if (!store_.exists(target.pod, target.uid)) continue;
    const std::optional<PodReading> reading = measurements_.read(target.pod);
    if (!reading) continue;
    if (index(target.pod) >= rows_.size()) rows_.resize(index(target.pod) + 1);
    Row& row = rows_[index(target.pod)];
    if (row.uid != target.uid) {
      row = {};
      row.uid = target.uid;
    }
    row.next = {engine_.now(), *reading};
    row.staged = scrape_;
  }
  if (--answers_due_ == 0) store_batch();
}

// Pods that are not in the batch are forgotten with the batches before: `stored` stays behind.
void MetricsServer::store_batch() {
  for (const Target& target : targets_) {
    if (index(target.pod) >= rows_.size()) continue;
    Row& row = rows_[index(target.pod)];
    if (row.uid != target.uid || row.staged != scrape_) continue;
    const Time started = row.next.reading.started;
    const Duration age = row.next.at - started;
    if (row.stored == 0 && age >= kFreshAge && age < options_.resolution) {
      // Its beginning is as good as a scrape. Not after a restart: what it had used by then is not known.
      row.previous = {started, {started, std::min<std::int64_t>(row.next.reading.cpu_core_ns, 0)}};
      row.has_previous = true;
    } else {
      row.has_previous = row.stored != 0 && row.stored == stored_ && started < row.last.at;
      if (row.has_previous) row.previous = row.last;
    }
    row.last = row.next;
    row.stored = scrape_;
  }
  stored_ = scrape_;
}

std::optional<PodMetrics> MetricsServer::find(PodId pod, std::uint64_t uid) const {
  if (index(pod) >= rows_.size()) return std::nullopt;
  const Row& row = rows_[index(pod)];
  if (row.uid != uid || row.stored != stored_ || !row.has_previous) return std::nullopt;
  const PodReading& now = row.last.reading;
  const PodReading& then = row.previous.reading;
  PodMetrics out;
  out.time = controllers::api_time(row.last.at);
  out.window = row.last.at - row.previous.at;
  if (now.cpu_core_ns >= 0 && then.cpu_core_ns >= 0) {
    // Whole nano-cores, which the autoscaler rounds up to millicores (Quantity.MilliValue).
    const std::int64_t nano = rate(now.cpu_core_ns - then.cpu_core_ns, out.window, 1'000'000'000);
    out.cpu_milli = (nano + 999'999) / 1'000'000;
  }
  out.memory_bytes = now.memory_bytes;
  out.concurrency_milli = rate(now.concurrency_ns - then.concurrency_ns, out.window, 1000);
  out.requests_milli =
      rate(static_cast<std::int64_t>(now.requests - then.requests), out.window, std::int64_t{1000} * 1'000'000'000);
  return out;
}

}  // namespace berth
