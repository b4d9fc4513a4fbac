// Bytes of heap per pod, per node and per pending event, by counting what operator new hands out in this program.
// Growth is taken between two sizes just below powers of two, where the rows, vectors that double, are full: at worst,
// just above a power of two, they take up to twice as much.
#include <fmt/format.h>
#include <malloc.h>

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <new>

#include "policies/registry.hpp"
#include "results/metrics.hpp"
#include "sim/engine/engine.hpp"
#include "sim/simulation.hpp"
#include "tests/bench/harness.hpp"
#include "tests/bench/replay_case.hpp"

namespace {
// One thread allocates; that is enough here.
std::size_t live_bytes = 0;
std::size_t peak_bytes = 0;

void* counted(std::size_t size) {
  void* p = std::malloc(size);
  if (p == nullptr) throw std::bad_alloc();
  live_bytes += malloc_usable_size(p);
  peak_bytes = std::max(peak_bytes, live_bytes);
  return p;
}
void uncounted(void* p) noexcept {
  if (p != nullptr) live_bytes -= malloc_usable_size(p);
  std::free(p);
}
}  // namespace

void* operator new(std::size_t size) {
  return counted(size);
}
void* operator new[](std::size_t size) {
  return counted(size);
}
void operator delete(void* p) noexcept {
  uncounted(p);
}
void operator delete[](void* p) noexcept {
  uncounted(p);
}
void operator delete(void* p, std::size_t) noexcept {
  uncounted(p);
}
void operator delete[](void* p, std::size_t) noexcept {
  uncounted(p);
}

namespace berth::bench {

struct Pending {
  std::uint32_t id = 0;
};

namespace {

// `pods` of one template at one instant a second, that never end, on nodes with room for all: every pod is bound at the
// end. Nothing of the trace is kept.
class Stayers final : public ArrivalStream {
 public:
  Stayers(Catalog& catalog, std::uint64_t pods) : left_(pods) {
    PodTemplate t;
    t.request = {1, 1 << 20, 0};
    template_ = catalog.intern(t);
  }
  std::size_t next(std::span<PodArrival> out) override {
    const auto n = static_cast<std::size_t>(std::min<std::uint64_t>(out.size(), left_));
    for (std::size_t i = 0; i < n; ++i) {
      out[i] = {Time{} + seconds(row_), kForever, {}, template_, static_cast<std::uint32_t>(row_)};
      ++row_;
    }
    left_ -= n;
    return n;
  }

 private:
  std::uint64_t left_;
  std::int64_t row_ = 0;
  TemplateId template_{};
};

// Live bytes at the end of a run in which `pods` are bound on `nodes`, without the nodes' names and specs as given.
std::size_t bytes_of(std::size_t nodes, std::uint64_t pods, const char* policy) {
  std::vector<NodeSpec> specs(nodes);
  for (std::size_t i = 0; i < nodes; ++i) {
    specs[i].name = fmt::format("node-{}", i);
    specs[i].allocatable = {std::int64_t{1} << 40, std::int64_t{1} << 60, 0};
    specs[i].pods = 0x7FFF'FFFF;
  }
  const std::unique_ptr<Scheduler> scheduler = Registry<Scheduler>::instance().make(PolicySpec{policy, {}});
  const std::size_t before = live_bytes;
  Simulation simulation(Catalog{}, specs, *scheduler, {});
  MetricsOptions about;
  about.window = Time{} + seconds(static_cast<std::int64_t>(pods));
  MetricsFold metrics(about);
  simulation.add_sink(&metrics);
  Stayers stayers(simulation.catalog(), pods);
  simulation.run(stayers, {}, kNever);
  BERTH_CHECK(simulation.cluster().pods_bound() == pods);
  return live_bytes - before;
}

void bound_pod(benchmark::State& state, const char* policy) {
  const std::uint64_t n = sized(1U << 19, 1U << 10) - 1;
  std::size_t growth = 0;
  for (auto _ : state) growth = bytes_of(64, 2 * n, policy) - bytes_of(64, n, policy);
  state.counters["items"] = static_cast<double>(n);
  state.counters["bytes"] = static_cast<double>(growth) / static_cast<double>(n);
}

void node(benchmark::State& state, const char* policy) {
  const std::uint64_t n = sized(1U << 15, 1U << 8) - 1;
  std::size_t growth = 0;
  for (auto _ : state) growth = bytes_of(2 * n, 64, policy) - bytes_of(n, 64, policy);
  state.counters["items"] = static_cast<double>(n);
  state.counters["bytes"] = static_cast<double>(growth) / static_cast<double>(n);
}

// 1,000,000 pods bound by kube-scheduler on 100,000 nodes: all that is on the heap at the end.
void kube_million(benchmark::State& state) {
  const std::uint64_t pods = sized(1'000'000, 1'000);
  std::size_t bytes = 0;
  for (auto _ : state) bytes = bytes_of(sized(100'000, 100), pods, "kube-scheduler");
  state.counters["items"] = static_cast<double>(pods);
  state.counters["bytes"] = static_cast<double>(bytes);
}

// Of a whole replay, trace and all, over the number of pods: what Kubernetriks needs 4.8 KB a pod for.
void replay_peak(benchmark::State& state) {
  const std::uint64_t pods = sized(50'000, 500);
  const std::size_t before = live_bytes;
  for (auto _ : state) {
    peak_bytes = live_bytes;
    const std::shared_ptr<const MemoryWorkload> workload = replay_workload(pods, false);
    replay(*workload, survey(*workload, 0, 0), replay_nodes(1'000, false, *workload), {});
  }
  state.counters["items"] = static_cast<double>(pods);
  state.counters["total_bytes"] = static_cast<double>(peak_bytes - before);
  state.counters["bytes"] = static_cast<double>(peak_bytes - before) / static_cast<double>(pods);
}

void pending_event(benchmark::State& state) {
  const std::uint64_t n = sized(1'000'000, 1'000);
  const std::size_t before = live_bytes;
  std::size_t peak = 0;
  for (auto _ : state) {
    peak_bytes = live_bytes;
    Rng rng(1, 0, 0, Purpose::kTest);
    Engine<Pending> engine;
    for (std::uint32_t i = 0; i < n; ++i)
      engine.schedule(Time{} + Duration{static_cast<std::int64_t>(rng.u64() >> 34)}, 0, {i});
    Pending event;
    for (std::uint64_t i = 0; i < 2 * n; ++i) {
      engine.next(kNever, event);
      engine.schedule(engine.now() + Duration{static_cast<std::int64_t>(rng.u64() >> 34)}, 0, event);
    }
    peak = peak_bytes - before;
  }
  state.counters["items"] = static_cast<double>(n);
  state.counters["total_bytes"] = static_cast<double>(peak);
  state.counters["bytes"] = static_cast<double>(peak) / static_cast<double>(n);
}

}  // namespace

void register_benchmarks() {
  const auto with = [](auto body, const char* policy) {
    return [=](benchmark::State& s) { body(s, policy); };
  };
  for (const Rival& r : {Rival{"memory/bound-pod", with(bound_pod, "least-allocated")},
                         Rival{"memory/node", with(node, "least-allocated")},
                         Rival{"memory/kube/bound-pod", with(bound_pod, "kube-scheduler")},
                         Rival{"memory/kube/node", with(node, "kube-scheduler")},
                         Rival{"memory/kube/million", kube_million}, Rival{"memory/replay-peak", replay_peak},
                         Rival{"memory/pending-event", pending_event}}) {
    benchmark::RegisterBenchmark(r.name.c_str(), [body = r.body](benchmark::State& s) { body(s); })
        ->Iterations(1)
        ->Unit(benchmark::kMillisecond);  // Bytes do not vary from turn to turn.
  }
}

void print_tables(const Results& results) {
  fmt::print("Heap bytes, allocator's rounding included\n");
  const auto line = [&](const char* name, const char* what) {
    if (results.has(name)) fmt::print("{:<24} {:>10.1f} bytes {}\n", name, results.counter(name, "bytes"), what);
  };
  line("memory/bound-pod", "per pod that is bound (cluster rows, queue links, metrics)");
  line("memory/node", "per node (columns, spec with its name, one template's scores, metrics)");
  line("memory/kube/bound-pod", "per pod that kube-scheduler bound (the same, its own picture and queue)");
  line("memory/kube/node", "per node under kube-scheduler (the same, its own picture, name and host name label twice)");
  line("memory/kube/million", "in all for 1,000,000 pods bound by kube-scheduler on 100,000 nodes");
  line("memory/replay-peak",
       "per pod at the peak of a replay of 50,000 pods on 1,000 nodes, its trace in memory included");
  line("memory/pending-event", "per pending event at the peak of a hold model of 10^6 events of 4 bytes");
  if (results.has("memory/replay-peak")) {
    fmt::print("replay peak: {:.1f} MB; published for 50,000 pods: Kubernetriks 243 MB, a plain scan under 15 MB\n",
               results.counter("memory/replay-peak", "total_bytes") / 1e6);
  }
}

}  // namespace berth::bench
