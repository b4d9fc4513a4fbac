#include "results/journal_writer.hpp"

#include <fmt/format.h>
#include <zstd.h>

#include <iterator>

#include "sim/cluster/image.hpp"
#include "sim/cluster/pod_spec.hpp"
#include "sim/engine/error.hpp"

namespace berth {

struct JournalWriter::Compressor {
  ZSTD_CCtx* context = ZSTD_createCCtx();
  std::string out = std::string(ZSTD_CStreamOutSize(), '\0');
  ~Compressor() { ZSTD_freeCCtx(context); }
};

JournalWriter::JournalWriter(const std::filesystem::path& path, PodName pod_name)
    : file_(path), pod_name_(std::move(pod_name)) {
  if (path.extension() == ".zst") compressor_ = std::make_unique<Compressor>();
}

JournalWriter::~JournalWriter() = default;

void JournalWriter::begin(const JournalContext& context) {
  context_ = context;
  for (std::size_t n = 0; n < context.nodes.size(); ++n) {
    fmt::format_to(std::back_inserter(lines_), R"({{"kind":"Node","name":{})", json_string(context.nodes[n].name));
    size_of(context.nodes[n]);
    lines_ += "}\n";
  }
  flush(false);
}

void JournalWriter::size_of(const NodeSpec& node) {
  auto out = std::back_inserter(lines_);
  fmt::format_to(out, R"(,"cpu_milli":{},"memory_bytes":{},"ephemeral_storage_bytes":{},"pods":{})",
                 node.allocatable.cpu_milli, node.allocatable.memory_bytes, node.allocatable.ephemeral_storage_bytes,
                 node.pods);
  if (node.gpu_count > 0) {
    fmt::format_to(out, R"(,"gpus":{},"gpu_model":{})", node.gpu_count,
                   json_string(context_.catalog->gpu_model_name(node.gpu_model)));
  }
}

void JournalWriter::write(std::span<const Record> batch) {
  auto out = std::back_inserter(lines_);
  for (const Record& r : batch) {
    fmt::format_to(out, R"({{"t_ns":{},"kind":"{}")", r.at.ns, to_string(r.kind));
    if (r.kind == RecordKind::kPodCreated) {
      if (r.pod >= rows_.size()) rows_.resize(r.pod + 1);
      rows_[r.pod] = r.value;
      if ((*context_.catalog)[r.pod_template].pod != nullptr) {  // Records of containers need their names.
        if (r.pod >= templates_.size()) templates_.resize(r.pod + 1, kNoTemplate);
        templates_[r.pod] = r.pod_template;
      }
    }
    if (r.pod != 0xFFFF'FFFF) {
      fmt::format_to(out, R"(,"pod":{},"name":{})", r.pod, json_string(pod_name_(rows_[r.pod])));
    }
    if (r.kind == RecordKind::kPodCreated) {
      const PodTemplate& t = (*context_.catalog)[r.pod_template];
      fmt::format_to(out, R"(,"namespace":{},"cpu_milli":{},"memory_bytes":{})",
                     json_string(context_.catalog->namespace_name(t.namespace_id)), t.request.cpu_milli,
                     t.request.memory_bytes);
      if (t.gpu.count > 0) fmt::format_to(out, R"(,"gpus_wanted":{},"gpu_milli":{})", t.gpu.count, t.gpu.milli);
      if (t.priority != 0) fmt::format_to(out, R"(,"priority":{})", t.priority);
    }
    if (r.node != kNoNode) fmt::format_to(out, R"(,"node":{})", json_string(context_.nodes[index(r.node)].name));
    if (r.gpus != 0) {
      lines_ += R"(,"gpus":[)";
      bool first = true;
      for (unsigned i = 0; i < kMaxGpusPerNode; ++i) {
        if (((r.gpus >> i) & 1) == 0) continue;
        fmt::format_to(out, "{}{}", first ? "" : ",", i);
        first = false;
      }
      lines_ += "]";
    }
    details(r);
    lines_ += "}\n";
  }
  flush(false);
}

// What the kind says besides pod and node.
void JournalWriter::details(const Record& r) {
  auto out = std::back_inserter(lines_);
  const auto reason = [&](std::string_view text) { fmt::format_to(out, R"(,"reason":"{}")", text); };
  const auto number = [&](const char* key) { fmt::format_to(out, R"(,"{}":{})", key, r.value); };
  const auto image = [&] {
    fmt::format_to(out, R"(,"image":{})", json_string(context_.images->name(ImageId{r.value})));
  };
  const auto layer = [&] {
    fmt::format_to(out, R"(,"layer":{})", json_string(context_.images->digest(LayerId{r.value})));
  };
  const auto container = [&] { fmt::format_to(out, R"(,"container":{})", json_string(container_name(r))); };
  switch (r.kind) {
    case RecordKind::kPodUnschedulable:
      if (r.value > 0) fmt::format_to(out, R"(,"message":{})", json_string((*context_.messages)[r.value - 1]));
      break;
    case RecordKind::kPodFailed:
    case RecordKind::kPodRejected:
      reason(to_string(static_cast<FailReason>(r.reason)));
      break;
    case RecordKind::kPodEvicted:
      reason(to_string(static_cast<EvictReason>(r.reason)));
      break;
    case RecordKind::kPodTerminating:
      number("grace_seconds");
      break;
    case RecordKind::kImagePulling:
    case RecordKind::kImagePresent:
    case RecordKind::kImagePulled:
      if (r.pod != 0xFFFF'FFFF) container();
      image();
      break;
    case RecordKind::kImagePullFailed:
      container();
      image();
      reason(to_string(static_cast<WaitingReason>(r.reason)));
      break;
    case RecordKind::kImageRemoved:
      image();
      break;
    case RecordKind::kLayerFound:
    case RecordKind::kLayerDownloading:
    case RecordKind::kLayerDownloaded:
    case RecordKind::kLayerUnpacked:
      layer();
      break;
    case RecordKind::kContainerWaiting:
      container();
      reason(to_string(static_cast<WaitingReason>(r.reason)));
      if (r.value > 0) number("back_off_seconds");
      break;
    case RecordKind::kContainerStarted:
      container();
      number("restarts");
      break;
    case RecordKind::kContainerCreated:
    case RecordKind::kContainerPostStarted:
    case RecordKind::kContainerUp:
    case RecordKind::kContainerReady:
    case RecordKind::kContainerNotReady:
      container();
      break;
    case RecordKind::kContainerKilling:
      container();
      reason(to_string(static_cast<KillReason>(r.reason)));
      break;
    case RecordKind::kContainerExited:
      container();
      number("exit_code");
      reason(to_string(static_cast<ExitReason>(r.reason)));
      break;
    case RecordKind::kProbeFailed:
      container();
      fmt::format_to(out, R"(,"probe":"{}")", to_string(static_cast<ProbeKind>(r.reason)));
      number("failures");
      break;
    case RecordKind::kVolumeWaiting:
      number("volume");
      reason(to_string(static_cast<VolumeWait>(r.reason)));
      break;
    case RecordKind::kVolumeProvisioned:
    case RecordKind::kVolumeAttached:
    case RecordKind::kVolumeDetached:
      number("persistent_volume");
      break;
    case RecordKind::kClaimBound:
      number("claim");
      break;
    case RecordKind::kPodDisrupted:
      reason(to_string(static_cast<DisruptReason>(r.reason)));
      break;
    case RecordKind::kFaultBegan:
    case RecordKind::kFaultEnded:
      fmt::format_to(out, R"(,"fault":{})", r.container);
      number("strike");
      break;
    case RecordKind::kNodeDown:
    case RecordKind::kNodeUp:
      reason(to_string(static_cast<NodeTrouble>(r.reason)));
      break;
    case RecordKind::kNodeRequested:
      number("machine");
      break;
    case RecordKind::kNodeJoined:
      number("milliseconds");
      size_of(context_.nodes[index(r.node)]);
      break;
    default:
      break;
  }
}

// By the pod's template, or by number where that knows no names.
std::string JournalWriter::container_name(const Record& r) const {
  const auto& pod = r.pod < templates_.size() && templates_[r.pod] != kNoTemplate
                        ? (*context_.catalog)[templates_[r.pod]].pod
                        : nullptr;
  if (pod == nullptr) return fmt::format("{}", r.container);
  const std::size_t inits = pod->scheduling.init_containers.size();
  return r.container < inits ? pod->scheduling.init_containers[r.container].name
                             : pod->scheduling.containers[r.container - inits].name;
}

void JournalWriter::finish(Time end) {
  fmt::format_to(std::back_inserter(lines_),
                 R"({{"t_ns":{},"kind":"End"}})"
                 "\n",
                 end.ns);
  flush(true);
}

void JournalWriter::flush(bool last) {
  constexpr std::size_t kEnough = std::size_t{1} << 18;
  if (lines_.size() < kEnough && !last) return;
  if (!compressor_) {
    file_.write(lines_);
  } else {
    ZSTD_inBuffer in{lines_.data(), lines_.size(), 0};
    for (;;) {
      ZSTD_outBuffer out{compressor_->out.data(), compressor_->out.size(), 0};
      const std::size_t left =
          ZSTD_compressStream2(compressor_->context, &out, &in, last ? ZSTD_e_end : ZSTD_e_continue);
      BERTH_CHECK(ZSTD_isError(left) == 0);
      file_.write(std::string_view(compressor_->out.data(), out.pos));
      if (last ? left == 0 : in.pos == in.size) break;
    }
  }
  lines_.clear();
}

void JournalWriter::commit() {
  file_.commit();
}

}  // namespace berth
