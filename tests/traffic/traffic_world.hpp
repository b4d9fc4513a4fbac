// A small cluster for traffic: nodes in zones, Services, pods, sources of arrivals; played to a time.
#pragma once

#include <algorithm>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "sim/traffic/fluid_model.hpp"
#include "sim/traffic/request_model.hpp"
#include "workloads/traffic/arrivals.hpp"

namespace berth::test {

constexpr NodeId node(std::uint32_t n) {
  return static_cast<NodeId>(n);
}
constexpr ServiceId service(std::uint32_t n) {
  return static_cast<ServiceId>(n);
}
constexpr Time at_ms(std::int64_t ms) {
  return Time{} + milliseconds(ms);
}

class ListedArrivals final : public RequestArrivals {
 public:
  explicit ListedArrivals(std::vector<Time> times) : times_(std::move(times)) {}
  std::size_t fill(std::span<Time> out) override {
    const std::size_t n = std::min(out.size(), times_.size() - next_);
    std::copy_n(times_.begin() + static_cast<std::ptrdiff_t>(next_), n, out.begin());
    next_ += n;
    return n;
  }
  double mean_count(Time from, Time to) override {
    return static_cast<double>(std::ranges::count_if(times_, [&](Time t) { return t >= from && t < to; }));
  }

 private:
  std::vector<Time> times_;
  std::size_t next_ = 0;
};

// No delay anywhere: rules follow at once, connections and hops cost nothing.
inline ProxyParams instant() {
  ProxyParams p;
  p.endpoint_slice_delay = p.watch_delay_min = p.watch_delay_max = p.sync_time = p.min_sync_period = {};
  return p;
}

struct Shop {
  explicit Shop(Duration hop = {}, std::uint32_t zones = 1) {
    for (std::uint32_t z = 0; z < zones; ++z) {
      std::string name = "zone-";
      name += std::to_string(z);
      const LocationId id = topology.location(name);
      topology.set_within(id, {hop, 0});
      for (std::uint32_t other = 0; other < z; ++other) topology.link(static_cast<LocationId>(other), id, {hop * 2, 0});
    }
    topology.set_same_host({hop, 0});
    topology.finish();
  }

  RequestModel& requests(const ProxyParams& params, std::uint64_t seed = 1) {
    auto made = std::make_unique<RequestModel>(engine, topology, params, seed, 0);
    RequestModel& out = *made;
    model = std::move(made);
    return out;
  }
  // One or the other, to be compared.
  void use(bool fluid_model, const ProxyParams& params, Duration interval) {
    if (fluid_model) {
      fluid(params, interval);
    } else {
      requests(params);
    }
  }
  FluidModel& fluid(const ProxyParams& params, Duration interval) {
    auto made = std::make_unique<FluidModel>(engine, topology, params, FluidParams{interval, milliseconds(100)}, 1, 0);
    FluidModel& out = *made;
    model = std::move(made);
    return out;
  }

  ServiceId serve(const std::string& name, const char* demand, std::vector<std::vector<CallSpec>> groups = {},
                  Discipline discipline = Discipline::kProcessorSharing) {
    ServicePolicy policy;
    policy.name = name;
    ServiceWork work;
    work.demand = Distribution::parse(demand, "test");
    work.discipline = discipline;
    work.groups = std::move(groups);
    return model->add_service(policy, work);
  }
  SourceId arrive(const CallSpec& call, std::vector<NodeId> nodes, const std::shared_ptr<const ArrivalProcess>& process,
                  std::uint64_t seed = 1) {
    SourceSpec source;
    source.call = call;
    source.nodes = std::move(nodes);
    processes.push_back(process);
    return model->add_source(source, process->open(seed, 0, sources++));
  }
  SourceId arrive(const CallSpec& call, std::vector<NodeId> nodes, std::vector<Time> times) {
    SourceSpec source;
    source.call = call;
    source.nodes = std::move(nodes);
    ++sources;
    return model->add_source(source, std::make_unique<ListedArrivals>(std::move(times)));
  }
  void start(std::uint32_t nodes, std::uint32_t zones = 1) {
    model->start();
    for (std::uint32_t n = 0; n < nodes; ++n) {
      model->add_node({node(n), static_cast<LocationId>(n % zones), static_cast<std::uint16_t>(n % zones), 4000, true});
    }
  }
  // A pod that is ready at once; `ref` as given.
  void pod(std::uint32_t ref, ServiceId of, std::uint32_t on, std::int64_t cpu = 1000,
           std::uint32_t concurrency = 0xFFFF'FFFF) {
    model->pod_added({ref, std::span<const ServiceId>(&of, 1), node(on), cpu, concurrency});
    model->pod_ready(ref, true);
  }
  // Plays until `to`, and leaves the clock there.
  void play(Time to) {
    engine.schedule(to, kPhaseCycle, {0, 0, EventKind::kSchedulingCycle, 0});
    for (Event event; engine.next(to, event);) {
      if (event.kind == EventKind::kTrafficEvent) model->handle(event);
    }
  }

  Topology topology;
  Engine<Event> engine;
  std::vector<std::shared_ptr<const ArrivalProcess>> processes;
  std::unique_ptr<TrafficModel> model;
  std::uint32_t sources = 0;
};

}  // namespace berth::test
