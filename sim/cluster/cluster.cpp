#include "sim/cluster/cluster.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>

#include "sim/cluster/pod_spec.hpp"

namespace berth {
namespace {

std::vector<Label> labels_of(const kube::Node& node) {
  std::vector<Label> labels;
  for (const auto& [key, value] : node.labels) labels.push_back({key, value});
  return labels;
}

const kube::Pod& pod_of(const PodTemplate& t) {
  static const kube::Pod kNothingAsked;
  return t.pod == nullptr ? kNothingAsked : t.pod->scheduling;
}

// False if it is there already.
bool hold(std::vector<HeldImage>& held, HeldImage image) {
  const auto before = [](const HeldImage& a, std::uint32_t id) { return a.image < id; };
  const auto at = std::lower_bound(held.begin(), held.end(), image.image, before);
  if (at != held.end() && at->image == image.image) return false;
  held.insert(at, image);
  return true;
}

}  // namespace

bool Cluster::extended_fits(const PodTemplate& t, std::size_t n) const {
  for (const ExtendedAmount& e : t.extended) {
    const std::size_t r = index(e.resource);
    if (r >= nodes_.extended_stride || nodes_.extended_free[n * nodes_.extended_stride + r] < e.amount) return false;
  }
  return true;
}

GpuMask Cluster::default_gpus(const GpuRequest& want, NodeId node) const {
  const std::span<const std::uint16_t> free = gpus(node);
  GpuMask mask = 0;
  if (want.shares()) {
    std::size_t best = free.size();
    for (std::size_t i = 0; i < free.size(); ++i) {
      if (free[i] >= want.milli && (best == free.size() || free[i] < free[best])) best = i;
    }
    BERTH_CHECK(best < free.size());
    return static_cast<GpuMask>(1U << best);
  }
  unsigned left = want.count;
  for (std::size_t i = 0; i < free.size() && left > 0; ++i) {
    if (free[i] < kMilliPerGpu) continue;
    mask = static_cast<GpuMask>(mask | (1U << i));
    --left;
  }
  BERTH_CHECK(left == 0);
  return mask;
}

bool Cluster::gpus_fit(const GpuRequest& want, NodeId node, GpuMask mask) const {
  if (std::popcount(mask) != want.count) return false;
  const std::span<const std::uint16_t> free = gpus(node);
  if ((mask >> free.size()) != 0) return false;
  for (std::size_t i = 0; i < free.size(); ++i) {
    if (((mask >> i) & 1) != 0 && free[i] < want.milli) return false;
  }
  return true;
}

NodeId Cluster::add_node(const NodeSpec& spec) {
  const auto refuse = [&spec](const std::string& why) { throw InputError("node \"" + spec.name + "\" " + why); };
  const Resources& a = spec.allocatable;
  if (a.cpu_milli < 0 || a.memory_bytes < 0 || a.ephemeral_storage_bytes < 0 || spec.pods < 0 ||
      spec.pods > 0x7FFF'FFFF) {
    refuse("has an amount out of range; expected 0 or more");
  }
  if (spec.gpu_count > kMaxGpusPerNode) {
    refuse(fmt::format("has {} GPUs; expected at most {}", spec.gpu_count, kMaxGpusPerNode));
  }
  if ((spec.gpu_count > 0) != (spec.gpu_model != kNoGpuModel))
    refuse("needs both a GPU count and a GPU model, or neither");

  const auto id = static_cast<NodeId>(nodes_.size());
  nodes_.cpu_free_milli.push_back(a.cpu_milli);
  nodes_.cpu_capacity_milli.push_back(a.cpu_milli);
  nodes_.memory_free_bytes.push_back(a.memory_bytes);
  nodes_.memory_capacity_bytes.push_back(a.memory_bytes);
  nodes_.storage_free_bytes.push_back(a.ephemeral_storage_bytes);
  nodes_.storage_capacity_bytes.push_back(a.ephemeral_storage_bytes);
  nodes_.pods_free.push_back(static_cast<std::int32_t>(spec.pods));
  nodes_.pods_capacity.push_back(static_cast<std::int32_t>(spec.pods));
  nodes_.schedulable.push_back(1);
  nodes_.gpu_count.push_back(static_cast<std::uint8_t>(spec.gpu_count));
  nodes_.gpu_model.push_back(spec.gpu_model);
  nodes_.gpu_free_milli.push_back(0);
  nodes_.gpu_idle.push_back(0);
  nodes_.gpu_largest_milli.push_back(0);
  for (std::size_t i = 0; i < kMaxGpusPerNode; ++i) {
    nodes_.gpu_device_milli.push_back(i < spec.gpu_count ? static_cast<std::uint16_t>(kMilliPerGpu) : std::uint16_t{0});
  }
  refresh_gpus(index(id));

  std::size_t stride = nodes_.extended_stride;
  for (const ExtendedAmount& e : spec.extended) stride = std::max(stride, index(e.resource) + 1);
  if (stride > nodes_.extended_stride) {  // A resource that no earlier node has: widen the table.
    const auto widen = [&](std::vector<std::int64_t>& table) {
      std::vector<std::int64_t> wider(index(id) * stride, 0);
      for (std::size_t n = 0; n < index(id); ++n) {
        for (std::size_t r = 0; r < nodes_.extended_stride; ++r)
          wider[n * stride + r] = table[n * nodes_.extended_stride + r];
      }
      table.swap(wider);
    };
    widen(nodes_.extended_free);
    widen(nodes_.extended_capacity);
    nodes_.extended_stride = stride;
  }
  nodes_.extended_free.resize((index(id) + 1) * stride, 0);
  for (const ExtendedAmount& e : spec.extended) {
    if (e.amount < 0) refuse("has a negative amount of an extended resource");
    nodes_.extended_free[index(id) * stride + index(e.resource)] = e.amount;
  }
  nodes_.extended_capacity.resize((index(id) + 1) * stride, 0);
  std::copy_n(nodes_.extended_free.begin() + static_cast<std::ptrdiff_t>(index(id) * stride), stride,
              nodes_.extended_capacity.begin() + static_cast<std::ptrdiff_t>(index(id) * stride));

  specs_.push_back(spec);
  made_objects_.emplace_back();
  images_.emplace_back();
  exists_.push_back(1);
  restricted_.push_back(0);
  ++existing_;
  first_on_node_.push_back(kNoPod);
  if (spec.node != nullptr) {
    nodes_.schedulable.back() = spec.node->unschedulable ? 0 : 1;
    for (const kube::NodeImage& image : spec.node->images) {
      for (const std::string& name : image.names) hold(images_.back(), {intern_image(name), image.size_bytes});
    }
  }
  object_changed(index(id));
  changes_.add_node();
  if (listener_ != nullptr) listener_->node_joined(id);
  return id;
}

void Cluster::remove_node(NodeId node) {
  const std::size_t n = index(node);
  BERTH_CHECK(node_exists(node) && first_on_node_[n] == kNoPod);
  // A tombstone: nothing there, and nothing free.
  for (auto* column : {&nodes_.cpu_free_milli, &nodes_.cpu_capacity_milli, &nodes_.memory_free_bytes,
                       &nodes_.memory_capacity_bytes, &nodes_.storage_free_bytes, &nodes_.storage_capacity_bytes}) {
    (*column)[n] = 0;
  }
  nodes_.pods_free[n] = nodes_.pods_capacity[n] = 0;
  nodes_.schedulable[n] = 0;
  nodes_.gpu_count[n] = 0;
  nodes_.gpu_model[n] = kNoGpuModel;
  for (std::size_t i = 0; i < kMaxGpusPerNode; ++i) nodes_.gpu_device_milli[n * kMaxGpusPerNode + i] = 0;
  refresh_gpus(n);
  for (std::size_t r = 0; r < nodes_.extended_stride; ++r) {
    nodes_.extended_free[n * nodes_.extended_stride + r] = nodes_.extended_capacity[n * nodes_.extended_stride + r] = 0;
  }
  exists_[n] = 0;
  restricted_[n] = 1;
  --existing_;
  images_[n] = {};
  changes_.touch(node);
  if (listener_ != nullptr) listener_->node_left(node);
  specs_[n].node = nullptr;
  made_objects_[n] = nullptr;
}

// What follows from the node's object and cordon.
void Cluster::object_changed(std::size_t n) {
  NodeSpec& spec = specs_[n];
  made_objects_[n] = nullptr;
  restricted_[n] = nodes_.schedulable[n] == 0 ? 1 : 0;
  if (spec.node == nullptr) return;
  spec.labels = labels_of(*spec.node);
  if (!kube::tolerates_scheduling({}, spec.node->taints)) restricted_[n] = 1;
  if (spec.node->unschedulable != (nodes_.schedulable[n] == 0)) {
    auto object = std::make_shared<kube::Node>(*spec.node);
    object->unschedulable = nodes_.schedulable[n] == 0;
    spec.node = std::move(object);
  }
}

const std::shared_ptr<const kube::Node>& Cluster::node_object(NodeId node) const {
  const NodeSpec& spec = specs_[index(node)];
  if (spec.node != nullptr) return spec.node;
  std::shared_ptr<const kube::Node>& made = made_objects_[index(node)];
  if (made == nullptr) {
    auto object = std::make_shared<kube::Node>();
    object->name = spec.name;
    for (const Label& label : spec.labels) object->labels.set(label.key, label.value);
    if (object->labels.find(kHostnameLabel) == nullptr) object->labels.set(kHostnameLabel, spec.name);
    object->unschedulable = nodes_.schedulable[index(node)] == 0;
    made = std::move(object);
  }
  return made;
}

void Cluster::set_node_object(NodeId node, std::shared_ptr<const kube::Node> object) {
  const std::size_t n = index(node);
  BERTH_CHECK(node_exists(node) && object != nullptr && object->name == specs_[n].name);
  nodes_.schedulable[n] = object->unschedulable ? 0 : 1;
  specs_[n].node = std::move(object);
  object_changed(n);
  changes_.touch(node);
  if (listener_ != nullptr) listener_->node_object_changed(node);
}

void Cluster::set_node_image(NodeId node, HeldImage image, bool present) {
  BERTH_CHECK(node_exists(node) && image.image < image_names_.size());
  std::vector<HeldImage>& held = images_[index(node)];
  const bool changed =
      present ? hold(held, image)
              : std::erase_if(held, [&image](const HeldImage& other) { return other.image == image.image; }) > 0;
  if (changed && listener_ != nullptr) listener_->node_image_changed(node, image, present);
}

void Cluster::set_objects(std::shared_ptr<const kube::Objects> objects) {
  objects_ = std::move(objects);
  if (listener_ != nullptr) listener_->objects_changed();
}
void Cluster::set_budgets(const std::vector<kube::PodDisruptionBudget>& budgets) {
  if (listener_ != nullptr) listener_->budgets_changed(budgets);
}
void Cluster::claim_added(const kube::PersistentVolumeClaim& claim) {
  if (listener_ != nullptr) listener_->claim_added(claim);
}
void Cluster::claim_removed(const std::string& key) {
  if (listener_ != nullptr) listener_->claim_removed(key);
}
void Cluster::claim_bound(const std::string& key, const std::string& volume) {
  if (listener_ != nullptr) listener_->claim_bound(key, volume);
}
void Cluster::volume_added(const kube::PersistentVolume& volume) {
  if (listener_ != nullptr) listener_->volume_added(volume);
}
void Cluster::volume_removed(const std::string& name) {
  if (listener_ != nullptr) listener_->volume_removed(name);
}

// In kube-scheduler's order and words. Source: its plugins NodeUnschedulable, NodeName, TaintToleration, NodeAffinity.
const char* Cluster::object_refusal(const PodTemplate& t, std::size_t n) const {
  static const kube::Taint kCordon{"node.kubernetes.io/unschedulable", "", kube::TaintEffect::kNoSchedule};
  const kube::Pod& pod = pod_of(t);
  if (exists_[n] == 0) return "node(s) were gone";
  if (!pod.scheduling_gates.empty()) return "pod(s) were gated";
  if (nodes_.schedulable[n] == 0 && !kube::tolerated(pod.tolerations, kCordon)) return "node(s) were unschedulable";
  if (!pod.node_name.empty() && pod.node_name != specs_[n].name) return "node(s) didn't match the requested node name";
  if (specs_[n].node != nullptr && !kube::tolerates_scheduling(pod.tolerations, specs_[n].node->taints))
    return "node(s) had untolerated taint(s)";
  if (pod.node_selector.empty() && !pod.has_node_affinity_terms) return nullptr;
  return kube::matches_required_node_affinity(pod, *node_object(static_cast<NodeId>(n)))
             ? nullptr
             : "node(s) didn't match Pod's node affinity/selector";
}

std::vector<std::string> Cluster::refusals(const PodTemplate& t, NodeId node) const {
  const std::size_t n = index(node);
  if (const char* reason = object_refusal(t, n)) return {reason};
  std::vector<std::string> reasons;
  const auto need = [&reasons](bool enough, const std::string& resource) {
    if (!enough) reasons.push_back("Insufficient " + resource);
  };
  if (nodes_.pods_free[n] < 1) reasons.emplace_back("Too many pods");
  need(nodes_.cpu_free_milli[n] >= t.request.cpu_milli, "cpu");
  need(nodes_.memory_free_bytes[n] >= t.request.memory_bytes, "memory");
  need(nodes_.storage_free_bytes[n] >= t.request.ephemeral_storage_bytes, "ephemeral-storage");
  for (const ExtendedAmount& e : t.extended) {
    const std::size_t r = index(e.resource);
    need(r < nodes_.extended_stride && nodes_.extended_free[n * nodes_.extended_stride + r] >= e.amount,
         catalog_.extended_name(e.resource));
  }
  if (reasons.empty() && t.gpu.count > 0 && !gpu_fits(t.gpu, n)) reasons.emplace_back("node(s) had no GPU that fits");
  return reasons;
}

PodId Cluster::create_pod(TemplateId t, Duration run_time, Duration start_delay, std::uint32_t row) {
  PodId pod{};
  if (free_rows_.empty()) {
    pod = static_cast<PodId>(pods_.size());
    pods_.pod_template.emplace_back();
    pods_.node.emplace_back();
    pods_.phase.emplace_back();
    pods_.gpus.emplace_back();
    pods_.terminating.emplace_back();
    pods_.generation.push_back(0);
    pods_.ordinal.emplace_back();
    pods_.row.emplace_back();
    pods_.run_time.emplace_back();
    pods_.start_delay.emplace_back();
    pods_.next_on_node.emplace_back();
    pods_.previous_on_node.emplace_back();
  } else {
    pod = free_rows_.back();
    free_rows_.pop_back();
  }
  const std::size_t p = index(pod);
  pods_.pod_template[p] = t;
  pods_.node[p] = kNoNode;
  pods_.phase[p] = PodPhase::kPending;
  pods_.gpus[p] = 0;
  pods_.terminating[p] = 0;
  pods_.ordinal[p] = created_++;
  pods_.row[p] = row;
  pods_.run_time[p] = run_time;
  pods_.start_delay[p] = start_delay;
  pending_.push_back(pod, t, catalog_[t].priority);
  if (listener_ != nullptr) listener_->pod_waits(pod);
  return pod;
}

void Cluster::refresh_gpus(std::size_t n) {
  const std::uint16_t* const free = nodes_.gpu_device_milli.data() + n * kMaxGpusPerNode;
  std::int32_t sum = 0;
  std::uint8_t idle = 0;
  std::uint16_t largest = 0;
  for (std::size_t i = 0; i < nodes_.gpu_count[n]; ++i) {
    sum += free[i];
    idle = static_cast<std::uint8_t>(idle + (free[i] == kMilliPerGpu ? 1 : 0));
    largest = std::max(largest, free[i]);
  }
  nodes_.gpu_free_milli[n] = sum;
  nodes_.gpu_idle[n] = idle;
  nodes_.gpu_largest_milli[n] = largest;
}

void Cluster::take(PodId pod, NodeId node, GpuMask mask) {
  const PodTemplate& t = pod_template(pod);
  const std::size_t n = index(node);
  nodes_.cpu_free_milli[n] -= t.request.cpu_milli;
  nodes_.memory_free_bytes[n] -= t.request.memory_bytes;
  nodes_.storage_free_bytes[n] -= t.request.ephemeral_storage_bytes;
  nodes_.pods_free[n] -= 1;
  if (mask != 0) {
    for (std::size_t i = 0; i < kMaxGpusPerNode; ++i) {
      if (((mask >> i) & 1) == 0) continue;
      std::uint16_t& free = nodes_.gpu_device_milli[n * kMaxGpusPerNode + i];
      free = static_cast<std::uint16_t>(free - t.gpu.milli);
    }
    refresh_gpus(n);
  }
  for (const ExtendedAmount& e : t.extended)
    nodes_.extended_free[n * nodes_.extended_stride + index(e.resource)] -= e.amount;

  const std::size_t p = index(pod);
  pods_.node[p] = node;
  pods_.gpus[p] = mask;
  pods_.previous_on_node[p] = kNoPod;
  pods_.next_on_node[p] = first_on_node_[n];
  if (first_on_node_[n] != kNoPod) pods_.previous_on_node[index(first_on_node_[n])] = pod;
  first_on_node_[n] = pod;
  ++bound_;
  changes_.touch(node);
}

void Cluster::give_back(PodId pod) {
  const PodTemplate& t = pod_template(pod);
  const std::size_t p = index(pod);
  const NodeId node = pods_.node[p];
  const std::size_t n = index(node);
  nodes_.cpu_free_milli[n] += t.request.cpu_milli;
  nodes_.memory_free_bytes[n] += t.request.memory_bytes;
  nodes_.storage_free_bytes[n] += t.request.ephemeral_storage_bytes;
  nodes_.pods_free[n] += 1;
  if (const GpuMask mask = pods_.gpus[p]; mask != 0) {
    for (std::size_t i = 0; i < kMaxGpusPerNode; ++i) {
      if (((mask >> i) & 1) == 0) continue;
      std::uint16_t& free = nodes_.gpu_device_milli[n * kMaxGpusPerNode + i];
      free = static_cast<std::uint16_t>(free + t.gpu.milli);
    }
    refresh_gpus(n);
  }
  for (const ExtendedAmount& e : t.extended)
    nodes_.extended_free[n * nodes_.extended_stride + index(e.resource)] += e.amount;

  const PodId next = pods_.next_on_node[p];
  const PodId previous = pods_.previous_on_node[p];
  (previous == kNoPod ? first_on_node_[n] : pods_.next_on_node[index(previous)]) = next;
  if (next != kNoPod) pods_.previous_on_node[index(next)] = previous;
  pods_.node[p] = kNoNode;
  pods_.gpus[p] = 0;
  pods_.terminating[p] = 0;
  --bound_;
  changes_.touch(node);
}

void Cluster::assume(PodId pod, NodeId node, GpuMask mask) {
  const std::size_t p = index(pod);
  BERTH_CHECK(pods_.phase[p] == PodPhase::kPending);
  pending_.remove(pod, pods_.pod_template[p]);
  take(pod, node, mask);
  pods_.phase[p] = PodPhase::kBinding;
  if (listener_ != nullptr) listener_->pod_assumed(pod, node);
}

void Cluster::set_phase(PodId pod, PodPhase phase) {
  const PodPhase old = pods_.phase[index(pod)];
  BERTH_CHECK((old == PodPhase::kBinding && phase == PodPhase::kScheduled) ||
              (old == PodPhase::kScheduled && phase == PodPhase::kRunning));
  pods_.phase[index(pod)] = phase;
}

void Cluster::requeue(PodId pod) {
  const std::size_t p = index(pod);
  const NodeId node = pods_.node[p];
  BERTH_CHECK(node != kNoNode);
  give_back(pod);
  ++pods_.generation[p];
  pods_.phase[p] = PodPhase::kPending;
  pending_.push_back(pod, pods_.pod_template[p], pod_template(pod).priority);
  if (listener_ == nullptr) return;
  listener_->pod_left(pod, node);
  listener_->pod_waits(pod);
}

void Cluster::remove(PodId pod) {
  const std::size_t p = index(pod);
  BERTH_CHECK(pods_.phase[p] != PodPhase::kFree);
  const NodeId node = pods_.node[p];
  if (pods_.phase[p] == PodPhase::kPending) {
    pending_.remove(pod, pods_.pod_template[p]);
  } else {
    give_back(pod);
  }
  ++pods_.generation[p];
  pods_.phase[p] = PodPhase::kFree;
  free_rows_.push_back(pod);
  if (listener_ != nullptr) listener_->pod_left(pod, node);
}

void Cluster::set_terminating(PodId pod) {
  BERTH_CHECK(pods_.node[index(pod)] != kNoNode);
  if (pods_.terminating[index(pod)] != 0) return;
  pods_.terminating[index(pod)] = 1;
  if (listener_ != nullptr) listener_->pod_terminates(pod);
}

void Cluster::set_schedulable(NodeId node, bool schedulable) {
  if (!node_exists(node)) return;
  nodes_.schedulable[index(node)] = schedulable ? 1 : 0;
  object_changed(index(node));
  changes_.touch(node);
  if (listener_ != nullptr) listener_->node_changed(node);
}

std::string Cluster::verify() const {
  const std::size_t n = nodes_.size();
  std::vector<Resources> used(n);
  std::vector<std::int64_t> pod_count(n, 0);
  std::vector<std::int64_t> devices(n * kMaxGpusPerNode, 0);
  std::vector<std::int64_t> extended(n * nodes_.extended_stride, 0);
  std::size_t pending = 0;
  std::size_t bound = 0;
  for (std::size_t p = 0; p < pods_.size(); ++p) {
    const PodPhase phase = pods_.phase[p];
    if (phase == PodPhase::kFree) continue;
    if ((phase == PodPhase::kPending) != (pods_.node[p] == kNoNode))
      return fmt::format("pod row {}: phase and node disagree", p);
    if (phase == PodPhase::kPending) {
      ++pending;
      continue;
    }
    ++bound;
    const PodTemplate& t = pod_template(static_cast<PodId>(p));
    const std::size_t on = index(pods_.node[p]);
    used[on].cpu_milli += t.request.cpu_milli;
    used[on].memory_bytes += t.request.memory_bytes;
    used[on].ephemeral_storage_bytes += t.request.ephemeral_storage_bytes;
    ++pod_count[on];
    if (std::popcount(pods_.gpus[p]) != t.gpu.count)
      return fmt::format("pod row {}: {} GPUs, wants {}", p, std::popcount(pods_.gpus[p]), t.gpu.count);
    for (std::size_t i = 0; i < kMaxGpusPerNode; ++i) {
      if (((pods_.gpus[p] >> i) & 1) != 0) devices[on * kMaxGpusPerNode + i] += t.gpu.milli;
    }
    for (const ExtendedAmount& e : t.extended) extended[on * nodes_.extended_stride + index(e.resource)] += e.amount;
  }
  if (static_cast<std::size_t>(std::count(exists_.begin(), exists_.end(), 1)) != existing_) return "nodes that exist";
  if (bound != bound_) return fmt::format("bound pods: counted {}, kept {}", bound, bound_);

  for (std::size_t i = 0; i < n; ++i) {
    const auto differs = [&](std::int64_t free, std::int64_t capacity, std::int64_t taken) {
      return free != capacity - taken || free < 0;
    };
    const char* wrong = nullptr;
    if (differs(nodes_.cpu_free_milli[i], nodes_.cpu_capacity_milli[i], used[i].cpu_milli)) wrong = "cpu";
    if (differs(nodes_.memory_free_bytes[i], nodes_.memory_capacity_bytes[i], used[i].memory_bytes)) wrong = "memory";
    if (differs(nodes_.storage_free_bytes[i], nodes_.storage_capacity_bytes[i], used[i].ephemeral_storage_bytes))
      wrong = "ephemeral-storage";
    if (differs(nodes_.pods_free[i], nodes_.pods_capacity[i], pod_count[i])) wrong = "pods";
    const kube::Node* object = specs_[i].node.get();
    const bool tainted = object != nullptr && !kube::tolerates_scheduling({}, object->taints);
    if ((restricted_[i] != 0) != (exists_[i] == 0 || nodes_.schedulable[i] == 0 || tainted)) wrong = "restriction";
    if (exists_[i] == 0 && (pod_count[i] != 0 || nodes_.pods_capacity[i] != 0)) wrong = "tombstone";
    if (exists_[i] != 0 && object != nullptr &&
        (object->unschedulable != (nodes_.schedulable[i] == 0) || labels_of(*object) != specs_[i].labels)) {
      wrong = "object";
    }
    std::int64_t sum = 0;
    std::int64_t idle = 0;
    std::int64_t largest = 0;
    for (std::size_t d = 0; d < nodes_.gpu_count[i]; ++d) {
      const std::int64_t free = nodes_.gpu_device_milli[i * kMaxGpusPerNode + d];
      if (differs(free, kMilliPerGpu, devices[i * kMaxGpusPerNode + d])) wrong = "GPU share";
      sum += free;
      idle += free == kMilliPerGpu ? 1 : 0;
      largest = std::max(largest, free);
    }
    if (sum != nodes_.gpu_free_milli[i] || idle != nodes_.gpu_idle[i] || largest != nodes_.gpu_largest_milli[i])
      wrong = "GPU index";
    for (std::size_t r = 0; r < nodes_.extended_stride; ++r) {
      const std::size_t at = i * nodes_.extended_stride + r;
      if (differs(nodes_.extended_free[at], nodes_.extended_capacity[at], extended[at])) wrong = "extended resource";
    }
    std::int64_t listed = 0;
    PodId previous = kNoPod;
    for (PodId pod = first_on_node_[i]; pod != kNoPod; previous = pod, pod = pods_.next_on_node[index(pod)]) {
      if (index(pods_.node[index(pod)]) != i || pods_.previous_on_node[index(pod)] != previous ||
          ++listed > pod_count[i]) {
        wrong = "list of pods";
        break;
      }
    }
    if (listed != pod_count[i]) wrong = "list of pods";
    if (wrong != nullptr) return fmt::format("node \"{}\": {} does not add up", specs_[i].name, wrong);
  }

  std::vector<PodId> line;
  pending_.in_order(line);
  if (line.size() != pending || pending_.size() != pending) {
    return fmt::format("pending pods: counted {}, queued {}, kept {}", pending, line.size(), pending_.size());
  }
  for (std::size_t i = 0; i < line.size(); ++i) {
    if (pods_.phase[index(line[i])] != PodPhase::kPending)
      return fmt::format("pod row {} is queued and not pending", index(line[i]));
    if (i > 0 && pending_.place(line[i - 1]) >= pending_.place(line[i])) return "the queue is out of order";
    if (i > 0 && pod_template(line[i - 1]).priority < pod_template(line[i]).priority)
      return "the queue ignores priority";
  }
  return {};
}

}  // namespace berth
