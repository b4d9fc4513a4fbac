// What a kubelet needs to be told at the start, and whom it tells what happens.
#pragma once

#include <cstdint>
#include <vector>

#include "sim/cluster/catalog.hpp"
#include "sim/cluster/node_services.hpp"
#include "sim/engine/distribution.hpp"
#include "sim/engine/time.hpp"

namespace berth {

// From the later of `from` and its start until `to` a process gains this much; it keeps it until it ends.
struct MemoryLeak {
  Time from;
  Time to = kNever;
  std::int64_t bytes_per_second = 0;  // > 0.
};

// Called synchronously, at the end of what the kubelet does at an instant; may call back into it. Details are read from
// the kubelet: status(), container_status().
class KubeletListener {
 public:
  // The API server learns a new status. `owner` is what add_pod was given.
  virtual void pod_status_changed(PodSlot pod, std::uint32_t owner) = 0;
  // The API object is gone; the slot is no longer the caller's.
  virtual void pod_gone(PodSlot pod, std::uint32_t owner) = 0;
  // What the process in a container does, at the very instant; must not call back into the kubelet. kStarted: it can
  // answer from `up_at` on. kClosing: it was told to end (SIGTERM) and may take a while.
  enum class Process : std::uint8_t { kStarted, kClosing, kEnded };
  virtual void process_changed(PodSlot /*pod*/, std::uint32_t /*owner*/, std::uint16_t /*container*/, Process /*what*/,
                               Time /*up_at*/) {}
  // A process starts: when, if ever, something from outside makes it crash, and with which code (1 .. 255).
  struct Crash {
    Duration after = kForever;
    std::int32_t exit_code = 1;
  };
  virtual Crash crash_of(std::uint32_t /*owner*/, std::uint16_t /*container*/, std::uint32_t /*restarts*/) {
    return {};
  }
  // A process starts: leaks that something from outside adds to its memory curve, appended to `leaks`.
  virtual void leaks_of(std::uint32_t /*owner*/, std::uint16_t /*container*/, std::vector<MemoryLeak>& /*leaks*/) {}
  // Node condition MemoryPressure.
  virtual void memory_pressure_changed(NodeId node, bool pressure) = 0;
  // Node condition DiskPressure.
  virtual void disk_pressure_changed(NodeId /*node*/, bool /*pressure*/) {}

 protected:
  ~KubeletListener() = default;
};

struct KubeletOptions {
  std::uint64_t seed = 0;
  std::uint32_t replication = 0;
  // Seconds. An assumption (0.3 to 1.5 s in all): no split of these has been published for today's containerd.
  Distribution sandbox_time = Distribution::parse("uniform(min=0.2, max=0.8)", "sandbox_time");
  Distribution create_time = Distribution::parse("uniform(min=0.05, max=0.35)", "create_time");
  Distribution start_time = Distribution::parse("uniform(min=0.05, max=0.35)", "start_time");
  std::int64_t eviction_memory_bytes = 100 << 20;  // evictionHard memory.available; 0: never evict.
  // evictionHard nodefs.available and imagefs.available, in percent of the disk; 0: never evict. As the two are one
  // file system, the higher counts.
  double eviction_nodefs_percent = 10;
  double eviction_imagefs_percent = 15;
};

struct KubeletNode {
  Resources allocatable;  // What admission compares requests with.
  std::int64_t pods = 110;
  std::int64_t memory_capacity = 0;  // Bytes; 0: no end, neither OOM kills nor evictions by the node.
};

}  // namespace berth
