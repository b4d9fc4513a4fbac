#include "sim/inputs.hpp"

#include <algorithm>

#include "sim/engine/error.hpp"

namespace berth {
namespace {

// All pods of a source in memory: itself if it is there already, else read to its end. Drawn orders pick pods by row.
std::shared_ptr<const MemoryWorkload> in_memory(const std::shared_ptr<const Workload>& workload, std::uint64_t seed) {
  if (auto memory = std::dynamic_pointer_cast<const MemoryWorkload>(workload)) return memory;
  Catalog catalog = workload->catalog();
  const std::unique_ptr<ArrivalStream> stream = workload->open(catalog, seed, 0);
  std::vector<PodArrival> pods;
  std::vector<PodArrival> batch(4096);
  while (const std::size_t n = stream->next(batch))
    pods.insert(pods.end(), batch.begin(), batch.begin() + static_cast<std::ptrdiff_t>(n));
  return std::make_shared<MemoryWorkload>(std::move(catalog), std::move(pods), std::vector<std::string>());
}

// Arrivals of the fill protocol: the pods of the order, a second apart, for good.
class FillStream final : public ArrivalStream {
 public:
  FillStream(const MemoryWorkload& workload, std::span<const std::uint32_t> rows) : rows_(rows) {
    std::size_t size = workload.arrivals().size();  // Rows may have gaps: an importer may have left some out.
    for (const PodArrival& arrival : workload.arrivals()) size = std::max(size, std::size_t{arrival.row} + 1);
    by_row_.resize(size, kNoTemplate);
    for (const PodArrival& arrival : workload.arrivals()) by_row_[arrival.row] = arrival.pod_template;
    for (const std::uint32_t row : rows) {
      if (row < size && by_row_[row] != kNoTemplate) continue;
      throw InputError("the order names pod row " + std::to_string(row) +
                       ", which the pod list skips; expected rows that are used");
    }
  }
  std::size_t next(std::span<PodArrival> out) override {
    std::size_t n = 0;
    for (; n < out.size() && next_ < rows_.size(); ++n, ++next_) {
      out[n] = {Time{} + seconds(static_cast<std::int64_t>(next_)), kForever, {}, by_row_[rows_[next_]], rows_[next_]};
    }
    return n;
  }

 private:
  std::span<const std::uint32_t> rows_;
  std::vector<TemplateId> by_row_;
  std::size_t next_ = 0;
};

std::int64_t gpu_milli_of(std::span<const NodeSpec> nodes) {
  std::int64_t sum = 0;
  for (const NodeSpec& node : nodes) sum += node.gpu_count * kMilliPerGpu;
  return sum;
}

}  // namespace

std::filesystem::path order_file(const std::filesystem::path& order_dir, const Scenario& scenario, std::uint64_t seed) {
  if (order_dir.empty() || scenario.protocol != Protocol::kFill) return {};
  std::filesystem::path file = order_dir / (scenario.name + "_seed" + std::to_string(seed) + ".csv");
  return std::filesystem::exists(file) ? file : std::filesystem::path();
}

ScenarioInputs::ScenarioInputs(const Scenario& scenario, std::filesystem::path order_dir)
    : scenario_(scenario), order_dir_(std::move(order_dir)) {
  if (scenario.nodes.empty())
    throw InputError("scenario \"" + scenario.name + "\" has no nodes; expected at least one");
  if (scenario.protocol != Protocol::kFill) return;
  if (gpu_milli_of(scenario.nodes) == 0) {
    throw InputError("scenario \"" + scenario.name + "\": the fill protocol fills GPUs; expected nodes with GPUs");
  }
}

std::shared_ptr<const SeedInputs> ScenarioInputs::of(std::uint64_t seed) {
  Slot* slot = nullptr;
  {
    const std::lock_guard lock(mutex_);
    slot = &slots_[seed];
  }
  std::call_once(slot->once, [&] { slot->inputs = std::make_shared<const SeedInputs>(prepare(seed)); });
  return slot->inputs;
}

SeedInputs ScenarioInputs::prepare(std::uint64_t seed) const {
  SeedInputs inputs;
  inputs.survey = survey(*scenario_.workload, seed, 0);
  if (inputs.survey.pods == 0 && !scenario_.manifests)
    throw InputError("scenario \"" + scenario_.name + "\" has no pods; expected at least one");
  if (scenario_.protocol == Protocol::kReplay) {
    inputs.nodes = scenario_.nodes;
    if (scenario_.faults) {
      inputs.strikes = draw(*scenario_.faults, inputs.nodes, Time{} + scenario_.horizon, {seed, 0});
    }
    for (std::uint32_t i = 0; i < scenario_.nodes.size(); ++i) inputs.node_rows.push_back(i);
    return inputs;
  }
  inputs.pods = in_memory(scenario_.workload, seed);
  const MemoryWorkload& workload = *inputs.pods;
  const std::filesystem::path file = order_file(order_dir_, scenario_, seed);
  EventOrder order;
  if (!file.empty()) {
    order = read_event_order(file, scenario_.nodes.size(), workload.arrivals().size());
  } else {
    order = own_order(workload, scenario_.nodes.size(), gpu_milli_of(scenario_.nodes), scenario_.load, seed);
    inputs.drawn_order = true;
  }
  for (const std::uint32_t row : order.nodes) inputs.nodes.push_back(scenario_.nodes[row]);
  inputs.node_rows = std::move(order.nodes);
  inputs.pod_rows = std::move(order.pods);
  return inputs;
}

std::unique_ptr<ArrivalStream> ScenarioInputs::open(const SeedInputs& inputs, Catalog& catalog,
                                                    std::uint64_t seed) const {
  if (scenario_.protocol == Protocol::kReplay) return scenario_.workload->open(catalog, seed, 0);
  return std::make_unique<FillStream>(*inputs.pods, inputs.pod_rows);
}

}  // namespace berth
