// A storage layer with a clock, and notes of what it says: what every test of it needs. Times are in seconds; they are
// rounded to milliseconds where they are compared.
#pragma once

#include <cmath>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "sim/storage/storage.hpp"

namespace berth::test {

inline kube::Quantity gibibytes(std::int64_t n) {
  return {kube::Quantity::Nano{n} * (std::int64_t{1} << 30) * 1'000'000'000};
}

class NotingSink final : public JournalSink {
 public:
  void begin(const JournalContext&) override {}
  void write(std::span<const Record> batch) override { records.insert(records.end(), batch.begin(), batch.end()); }
  void finish(Time) override {}
  std::vector<Record> records;
};

struct StorageWorld final : StorageListener, NodeServicesListener {
  explicit StorageWorld(const StorageOptions& options = default_options()) : storage(engine, journal, options) {
    journal.add_sink(&sink);
    storage.listen(this, this);
  }

  static StorageOptions default_options() {
    StorageOptions options;  // Round and different from each other, so that a test sees which one counted.
    options.times.provision = Distribution::constant(7.3);
    options.times.remove = Distribution::constant(2);
    options.times.attach = Distribution::constant(5);
    options.times.detach = Distribution::constant(4);
    options.times.stage = Distribution::constant(1);
    options.times.publish = Distribution::constant(0.1);
    options.times.unpublish = Distribution::constant(0.1);
    options.times.unstage = Distribution::constant(0.5);
    return options;
  }

  // Runs everything up to and at this instant, and leaves the clock there.
  void go(double at) {
    engine.schedule(from(at), kPhaseCycle, {0, 0, EventKind::kSchedulingCycle, 0});
    for (Event event; engine.next(kNever, event);) {
      if (event.kind == EventKind::kSchedulingCycle) return;
      storage.handle(event);
    }
  }
  static Time from(double at) { return Time{} + from_seconds(at); }
  double now() const { return seconds_of(engine.now()); }
  static double seconds_of(Time at) { return std::round(at.seconds() * 1000) / 1000; }

  NodeId node(const std::string& name, const std::string& zone = "", double status_phase = 0) {
    kube::Node object;
    object.name = name;
    object.labels.set("kubernetes.io/hostname", name);
    if (!zone.empty()) object.labels.set("topology.kubernetes.io/zone", zone);
    const NodeId id{nodes++};
    storage.add_node(id, object, from_seconds(status_phase));
    return id;
  }
  static kube::api::StorageClass class_object(const std::string& name, bool wait, const std::string& provisioner) {
    kube::api::StorageClass object;
    object.meta.name = object.scheduling.name = name;
    object.scheduling.wait_for_first_consumer = wait;
    object.scheduling.provisioner = provisioner;
    return object;
  }
  void storage_class(const std::string& name, bool wait, const std::string& provisioner = "disk.example.com") {
    storage.add_class(class_object(name, wait, provisioner));
  }
  static kube::api::PersistentVolume volume_object(const std::string& name, std::int64_t size, const std::string& type,
                                                   std::vector<std::string> modes = {"ReadWriteOnce"}) {
    kube::api::PersistentVolume object;
    object.meta.name = object.scheduling.name = name;
    object.scheduling.capacity = gibibytes(size);
    object.scheduling.access_modes = std::move(modes);
    object.scheduling.storage_class = type;
    object.scheduling.csi_driver = "disk.example.com";
    return object;
  }
  static kube::api::PersistentVolumeClaim claim_object(const std::string& name, std::int64_t size,
                                                       const std::string& type,
                                                       std::vector<std::string> modes = {"ReadWriteOnce"}) {
    kube::api::PersistentVolumeClaim object;
    object.scheduling.namespace_name = "default";
    object.scheduling.name = name;
    object.scheduling.request = gibibytes(size);
    object.scheduling.access_modes = std::move(modes);
    object.scheduling.storage_class = type;
    object.class_given = true;
    return object;
  }
  // A volume and a claim that are bound to each other.
  void bound(const std::string& claim, std::vector<std::string> modes = {"ReadWriteOnce"}) {
    storage.add_volume(volume_object("pv-" + claim, 10, "static-" + claim, modes));
    storage.add_claim(claim_object(claim, 10, "static-" + claim, modes));
  }
  static kube::api::Pod pod_object(const std::string& name, const std::vector<std::string>& claims) {
    kube::api::Pod object;
    object.scheduling.namespace_name = "default";
    object.scheduling.name = name;
    for (const std::string& claim : claims) {
      kube::api::VolumeSpec volume;
      volume.name = claim;
      volume.type = "persistentVolumeClaim";
      volume.sources = {claim};
      object.spec.volumes.push_back(volume);
    }
    return object;
  }
  std::uint32_t pod(const std::vector<std::string>& claims) {
    const std::uint32_t ordinal = pods++;
    storage.register_pod(ordinal, kNoTemplate, pod_object("p" + std::to_string(ordinal), claims));
    return ordinal;
  }
  void bind(std::uint32_t pod, NodeId node) { storage.pod_bound(pod, node); }
  // The kubelet's calls; a pod's slot is its ordinal.
  bool mount(std::uint32_t pod, NodeId node) { return storage.mount({pod, 1}, pod, node); }
  bool unmount(std::uint32_t pod, NodeId node) { return storage.unmount({pod, 1}, pod, node); }

  const ClaimRow& claim(const std::string& name) { return storage.claim(storage.find_claim("default", name).value()); }
  const VolumeRow& volume(const std::string& name) { return storage.volume(storage.find_volume(name).value()); }
  // The volume that a claim is bound to; "" if it is not.
  std::string volume_of(const std::string& name) {
    const ClaimRow& row = claim(name);
    return row.phase == ClaimPhase::kBound ? storage.volume(row.volume).object.name : "";
  }

  // "6 attached pv0@node1" for records of volumes, in order. Ends the journal.
  std::vector<std::pair<double, std::string>> story() {
    journal.finish(engine.now());
    std::vector<std::pair<double, std::string>> out;
    for (const Record& r : sink.records) {
      std::string text(to_string(r.kind));
      text += ' ';
      text += std::to_string(r.value);
      if (r.kind == RecordKind::kVolumeWaiting) {
        text += " pod ";
        text += std::to_string(r.pod);
        text += ' ';
        text += to_string(static_cast<VolumeWait>(r.reason));
      }
      if (r.node != kNoNode) {
        text += " @";
        text += std::to_string(index(r.node));
      }
      out.emplace_back(seconds_of(r.at), text);
    }
    return out;
  }

  void prebind_done(std::uint32_t p, bool ok) override { prebinds[p] = {now(), ok}; }
  void claim_changed(ClaimId) override { ++changes; }
  void volume_changed(VolumeId) override { ++changes; }
  void image_ensured(PodSlot, ImageResult) override {}
  void volumes_mounted(PodSlot slot) override { mounted[slot.slot] = now(); }
  void volumes_unmounted(PodSlot slot) override { unmounted[slot.slot] = now(); }

  Engine<Event> engine;
  Journal journal;
  NotingSink sink;
  Storage storage;
  std::uint32_t nodes = 0;
  std::uint32_t pods = 0;
  std::uint32_t changes = 0;
  std::map<std::uint32_t, std::pair<double, bool>> prebinds;
  std::map<std::uint32_t, double> mounted, unmounted;
};

}  // namespace berth::test
