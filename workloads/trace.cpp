#include "workloads/trace.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <mutex>
#include <system_error>
#include <utility>

#include "sim/engine/error.hpp"
#include "trace.pb.h"

namespace berth {
namespace {

constexpr std::string_view kMagic = "berth-trace";
constexpr std::uint32_t kFormatVersion = 1;
constexpr std::size_t kMaxRecordBytes = std::size_t{16} << 20;  // So that a broken length cannot take all memory.
constexpr std::size_t kMaxBatch = 65'536;
constexpr std::size_t kBatch = 4'096;
constexpr int kCompressionLevel = 3;

[[noreturn]] void file_error(const std::string& path, const char* what) {
  throw InputError(fmt::format("{}: cannot {}: {}", path, what, std::generic_category().message(errno)));
}

std::size_t zstd_checked(std::size_t result) {
  BERTH_CHECK(!ZSTD_isError(result));  // Compressing fails on our own mistakes alone.
  return result;
}

class File {
 public:
  explicit File(int fd) : fd_(fd) {}
  File(File&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  File& operator=(File&&) = delete;
  ~File() {
    if (fd_ >= 0) ::close(fd_);
  }
  int fd() const { return fd_; }
  int release() { return std::exchange(fd_, -1); }

 private:
  int fd_;
};

void append_delimited(const v1alpha1::Record& record, std::string& out) {
  std::size_t size = record.ByteSizeLong();
  if (size > kMaxRecordBytes) {
    throw InputError(fmt::format("a trace record takes {} bytes; expected at most {}: shorter names, labels or notes",
                                 size, kMaxRecordBytes));
  }
  for (; size >= 0x80; size >>= 7) out.push_back(static_cast<char>(size | 0x80));
  out.push_back(static_cast<char>(size));
  record.AppendToString(&out);
}

template <class Message>
void put_details(Message& message, const std::vector<ExtendedAmount>& extended, const std::vector<Label>& labels,
                 const Catalog& catalog) {
  for (const ExtendedAmount& e : extended) {
    v1alpha1::Quantity& quantity = *message.add_extended();
    quantity.set_resource(catalog.extended_name(e.resource));
    quantity.set_amount(e.amount);
  }
  for (const Label& l : labels) {
    v1alpha1::Label& label = *message.add_labels();
    label.set_key(l.key);
    label.set_value(l.value);
  }
}

// Where writing to `path` ends up: behind a symbolic link, the file that it names.
std::string followed(const std::filesystem::path& path) {
  std::error_code error;
  if (!std::filesystem::is_symlink(path, error)) return path.string();
  const std::filesystem::path target = std::filesystem::weakly_canonical(path, error);
  return error ? path.string() : target.string();
}

}  // namespace

// ---------------------------------------------------------------------------------------------------------- writing

struct TraceWriter::Impl {
  Impl(const std::filesystem::path& path, const TraceInfo& info, const Catalog& names)
      : path_(followed(path)), catalog(names), file_(create_temporary()), zstd_(ZSTD_createCCtx(), ZSTD_freeCCtx) {
    BERTH_CHECK(zstd_ != nullptr);
    zstd_checked(ZSTD_CCtx_setParameter(zstd_.get(), ZSTD_c_compressionLevel, kCompressionLevel));
    zstd_checked(ZSTD_CCtx_setParameter(zstd_.get(), ZSTD_c_checksumFlag, 1));
    compressed_.resize(ZSTD_CStreamOutSize());
    v1alpha1::Header& header = *header_.mutable_header();
    header.set_magic(std::string(kMagic));
    header.set_format_version(kFormatVersion);
    header.set_producer(info.producer);
    header.set_workload_name(info.workload_name);
    for (const std::string& note : info.notes) header.add_notes(note);
    // The header holds totals that only the end knows, so room is left for it: at most 22 bytes more than now. It goes
    // there as a frame of its own in close(), and a skippable frame (at least 8 bytes) fills what it does not need.
    std::string bytes;
    append_delimited(header_, bytes);
    header_room_ = ZSTD_compressBound(bytes.size() + 32) + 8;
    const std::string zeros(header_room_, '\0');
    write_all(zeros.data(), zeros.size());
  }

  ~Impl() {
    if (file_.fd() >= 0) ::unlink(temporary_.c_str());
  }

  File create_temporary() {
    struct ::stat info {};
    if (::stat(path_.c_str(), &info) == 0 && !S_ISREG(info.st_mode) && !S_ISDIR(info.st_mode)) {
      // The rename in close() would put a file in its place; for a folder it fails by itself.
      throw InputError(path_ + ": cannot write a trace there: it is a device or a pipe; expected the name of a file");
    }
    static std::atomic<unsigned> serial{0};
    temporary_ = fmt::format("{}.partial-{}-{}", path_, ::getpid(), serial++);
    File file(::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666));
    if (file.fd() < 0) file_error(path_, "create");
    return file;
  }

  void write_all(const char* data, std::size_t size) {
    while (size > 0) {
      const ::ssize_t written = ::write(file_.fd(), data, size);
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) file_error(path_, "write");
      data += written;
      size -= static_cast<std::size_t>(written);
    }
  }

  void compress(ZSTD_EndDirective directive) {
    ZSTD_inBuffer in{plain_.data(), plain_.size(), 0};
    for (;;) {
      ZSTD_outBuffer out{compressed_.data(), compressed_.size(), 0};
      const std::size_t left = zstd_checked(ZSTD_compressStream2(zstd_.get(), &out, &in, directive));
      write_all(compressed_.data(), out.pos);
      if (directive == ZSTD_e_end ? left == 0 : in.pos == in.size) break;
    }
    plain_.clear();
  }

  void put(const v1alpha1::Record& record) {
    append_delimited(record, plain_);
    if (plain_.size() >= compressed_.size()) compress(ZSTD_e_continue);
  }

  std::uint32_t number_of(TemplateId id) {
    if (index(id) >= numbers_.size()) numbers_.resize(index(id) + 1, kUnknown);
    std::uint32_t& number = numbers_[index(id)];
    if (number != kUnknown) return number;
    const PodTemplate& t = catalog[id];
    v1alpha1::Record record;
    v1alpha1::Template& message = *record.mutable_pod_template();
    message.set_cpu_milli(t.request.cpu_milli);
    message.set_memory_bytes(t.request.memory_bytes);
    message.set_ephemeral_storage_bytes(t.request.ephemeral_storage_bytes);
    message.set_gpu_count(t.gpu.count);
    message.set_gpu_milli(t.gpu.milli);
    for (std::size_t model = 0; model < kMaxGpuModels; ++model) {
      if ((t.gpu.models >> model & 1) != 0)
        message.add_gpu_models(catalog.gpu_model_name(static_cast<GpuModelId>(model)));
    }
    message.set_gpu_spec(t.gpu_spec);
    message.set_priority(t.priority);
    if (index(t.namespace_id) != 0) message.set_namespace_(catalog.namespace_name(t.namespace_id));
    put_details(message, t.extended, t.labels, catalog);
    put(record);
    return number = templates_++;
  }

  void flush_batch() {
    if (batch_size_ == 0) return;
    v1alpha1::PodBatch& batch = *batch_.mutable_pods();
    if (!any_delay_) batch.clear_start_delay_ns();
    if (!any_step_) batch.clear_row_step();
    if (batch.names_size() > 0) pad_names(batch, batch_size_);
    put(batch_);
    batch.Clear();  // Keeps the columns' memory.
    batch_size_ = 0;
    name_bytes_ = 0;
    any_delay_ = any_step_ = false;
  }

  static void pad_names(v1alpha1::PodBatch& batch, std::size_t size) {
    while (static_cast<std::size_t>(batch.names_size()) < size) batch.add_names();
  }

  void add(const PodArrival& pod, const std::string* name) {
    BERTH_CHECK(pod.at >= last_ && pod.run_time.ns >= 0 && pod.start_delay.ns >= 0);
    const std::uint32_t number = number_of(pod.pod_template);  // Before the batch that refers to it: see put().
    v1alpha1::PodBatch& batch = *batch_.mutable_pods();
    batch.add_arrival_delta_ns(static_cast<std::uint64_t>((pod.at - last_).ns));
    batch.add_run_time_ns_plus_one(pod.run_time == kForever ? 0 : static_cast<std::uint64_t>(pod.run_time.ns) + 1);
    batch.add_start_delay_ns(static_cast<std::uint64_t>(pod.start_delay.ns));
    batch.add_template_number(number);
    const std::int64_t step = std::int64_t{pod.row} - next_row_;
    batch.add_row_step(step);
    if (name != nullptr && !name->empty()) {
      pad_names(batch, batch_size_);
      batch.add_names(*name);
      name_bytes_ += name->size();
    }
    any_delay_ |= pod.start_delay.ns != 0;
    any_step_ |= step != 0;
    last_ = pod.at;
    next_row_ = std::int64_t{pod.row} + 1;
    ++pods_;
    if (++batch_size_ == kBatch || name_bytes_ > kMaxRecordBytes / 2) flush_batch();
  }

  void close() {
    BERTH_CHECK(!closed_);
    flush_batch();
    v1alpha1::Record end;
    end.mutable_end()->set_pods(pods_);
    put(end);
    compress(ZSTD_e_end);
    put_header();
    if (::fsync(file_.fd()) != 0) file_error(path_, "write");
    if (::rename(temporary_.c_str(), path_.c_str()) != 0) file_error(path_, "create");
    closed_ = true;
    ::close(file_.release());
  }

  void put_header() {
    header_.mutable_header()->set_pods(pods_);
    header_.mutable_header()->set_last_arrival_ns(last_.ns);
    append_delimited(header_, plain_);
    std::string frames(header_room_, '\0');
    const std::size_t used =
        zstd_checked(ZSTD_compress2(zstd_.get(), frames.data(), header_room_ - 8, plain_.data(), plain_.size()));
    plain_.clear();
    const auto put_u32 = [&frames](std::size_t at, std::uint64_t value) {  // Little-endian, as RFC 8878 has it.
      for (std::size_t i = 0; i < 4; ++i) frames[at + i] = static_cast<char>(value >> (8 * i));
    };
    put_u32(used, 0x184D2A50);  // Magic number of skippable frames.
    put_u32(used + 4, header_room_ - used - 8);
    if (::lseek(file_.fd(), 0, SEEK_SET) != 0) file_error(path_, "write");
    write_all(frames.data(), frames.size());
  }

  static constexpr std::uint32_t kUnknown = 0xFFFF'FFFF;

  std::string path_;
  std::string temporary_;
  const Catalog& catalog;
  File file_;
  std::unique_ptr<ZSTD_CCtx, decltype(&ZSTD_freeCCtx)> zstd_;
  v1alpha1::Record header_;
  std::size_t header_room_ = 0;
  std::string plain_;             // Records not yet compressed.
  std::vector<char> compressed_;  // What one step of compression fills.
  v1alpha1::Record batch_;
  std::size_t batch_size_ = 0;
  std::size_t name_bytes_ = 0;
  bool any_delay_ = false;
  bool any_step_ = false;
  std::vector<std::uint32_t> numbers_;  // By TemplateId.
  std::uint32_t templates_ = 0;
  std::uint64_t pods_ = 0;
  Time last_{};
  std::int64_t next_row_ = 0;
  bool closed_ = false;
};

TraceWriter::TraceWriter(const std::filesystem::path& path, const TraceInfo& info, const Catalog& catalog)
    : impl_(std::make_unique<Impl>(path, info, catalog)) {}
TraceWriter::~TraceWriter() = default;

void TraceWriter::node(const NodeSpec& node) {
  BERTH_CHECK(impl_->templates_ == 0);
  v1alpha1::Record record;
  v1alpha1::Node& message = *record.mutable_node();
  message.set_name(node.name);
  message.set_cpu_milli(node.allocatable.cpu_milli);
  message.set_memory_bytes(node.allocatable.memory_bytes);
  message.set_ephemeral_storage_bytes(node.allocatable.ephemeral_storage_bytes);
  message.set_pods(node.pods);
  message.set_gpu_count(node.gpu_count);
  if (node.gpu_count > 0) message.set_gpu_model(impl_->catalog.gpu_model_name(node.gpu_model));
  put_details(message, node.extended, node.labels, impl_->catalog);
  impl_->put(record);
}

void TraceWriter::write(std::span<const PodArrival> pods, std::span<const std::string> names) {
  BERTH_CHECK(names.empty() || names.size() == pods.size());
  for (std::size_t i = 0; i < pods.size(); ++i) impl_->add(pods[i], names.empty() ? nullptr : &names[i]);
}

void TraceWriter::close() {
  impl_->close();
}
std::uint64_t TraceWriter::pods() const {
  return impl_->pods_;
}

std::uint64_t write_trace(const std::filesystem::path& path, const TraceInfo& info, std::span<const NodeSpec> nodes,
                          const Workload& workload, std::uint64_t seed, std::uint32_t replication) {
  Catalog catalog = workload.catalog();
  TraceWriter writer(path, info, catalog);
  for (const NodeSpec& node : nodes) writer.node(node);
  const auto stream = workload.open(catalog, seed, replication);
  std::vector<PodArrival> pods(kBatch);
  std::vector<std::string> names(kBatch);
  while (const std::size_t n = stream->next(pods)) {
    for (std::size_t i = 0; i < n; ++i) {
      names[i] = workload.pod_name(pods[i].row);
      if (names[i] == fmt::format("pod-{}", pods[i].row)) names[i].clear();
    }
    writer.write(std::span(pods).first(n), std::span(names).first(n));
  }
  writer.close();
  return writer.pods();
}

// ---------------------------------------------------------------------------------------------------------- reading

namespace {

// The records of a file, one after another.
class RecordReader {
 public:
  explicit RecordReader(const std::string& path)
      : path_(path), file_(::open(path.c_str(), O_RDONLY | O_CLOEXEC)), zstd_(ZSTD_createDCtx(), ZSTD_freeDCtx) {
    if (file_.fd() < 0) file_error(path_, "open");
    BERTH_CHECK(zstd_ != nullptr);
    input_.resize(ZSTD_DStreamInSize());
    bytes_.resize(std::size_t{1} << 18);
  }

  // `why`: what is wrong; what was expected.
  [[noreturn]] void fail(const std::string& why) const {
    throw InputError(fmt::format("{}: record {}: {}", path_, records_, why));
  }

  // False at the end of the file. `records_` counts from 1, the one read last or being read.
  bool next(v1alpha1::Record& record) {
    ++records_;
    std::uint64_t size = 0;
    for (unsigned shift = 0;; shift += 7) {
      if (!have(1)) {
        if (shift == 0) return false;
        fail("cut off within a record's length; expected a whole trace");
      }
      const auto byte = static_cast<unsigned char>(bytes_[begin_++]);
      size |= std::uint64_t{byte & 0x7FU} << shift;
      if (byte < 0x80) break;
      if (shift == 28) fail("its length is no number; expected a Berth trace");
    }
    if (size > kMaxRecordBytes) fail(fmt::format("takes {} bytes; expected at most {}", size, kMaxRecordBytes));
    if (!have(size)) fail("cut off within a record; expected a whole trace");
    if (!record.ParseFromArray(bytes_.data() + begin_, static_cast<int>(size))) {
      fail("is no message of Berth's trace format");
    }
    begin_ += size;
    return true;
  }

  const std::string& path() const { return path_; }

 private:
  // Makes the next `size` bytes contiguous at begin_; false if the file ends before.
  bool have(std::size_t size) {
    while (end_ - begin_ < size) {
      if (bytes_.size() - begin_ < size) {
        std::copy(bytes_.begin() + static_cast<std::ptrdiff_t>(begin_),
                  bytes_.begin() + static_cast<std::ptrdiff_t>(end_), bytes_.begin());
        end_ -= begin_;
        begin_ = 0;
        // Grows as bytes really come: a short file that claims a long record gets no memory for it.
        if (end_ == bytes_.size()) bytes_.resize(bytes_.size() * 2);
      }
      if (!decompress_some()) return false;
    }
    return true;
  }

  bool decompress_some() {
    for (;;) {
      if (in_.pos == in_.size && !at_end_) read_some();
      ZSTD_outBuffer out{bytes_.data(), bytes_.size(), end_};
      if (in_.pos == in_.size && !within_frame_) return false;
      const std::size_t result = ZSTD_decompressStream(zstd_.get(), &out, &in_);
      if (ZSTD_isError(result)) {
        fail(
            fmt::format("the zstd stream is broken ({}); expected a Berth trace (.pb.zst)", ZSTD_getErrorName(result)));
      }
      within_frame_ = result != 0;
      if (out.pos > end_) {
        end_ = out.pos;
        return true;
      }
      if (in_.pos == in_.size && at_end_ && within_frame_) fail("the zstd stream is cut off; expected a whole trace");
    }
  }

  void read_some() {
    ::ssize_t n = 0;
    do {
      n = ::read(file_.fd(), input_.data(), input_.size());
    } while (n < 0 && errno == EINTR);
    if (n < 0) file_error(path_, "read");
    at_end_ = n == 0;
    if (at_end_ && !any_input_) throw InputError(path_ + ": the file is empty; expected a Berth trace (.pb.zst)");
    any_input_ = true;
    in_ = {input_.data(), static_cast<std::size_t>(n), 0};
  }

  std::string path_;
  File file_;
  std::unique_ptr<ZSTD_DCtx, decltype(&ZSTD_freeDCtx)> zstd_;
  std::vector<char> input_;
  ZSTD_inBuffer in_{nullptr, 0, 0};
  std::vector<char> bytes_;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  std::uint64_t records_ = 0;
  bool within_frame_ = false;
  bool at_end_ = false;
  bool any_input_ = false;
};

v1alpha1::Header read_header(RecordReader& reader) {
  v1alpha1::Record record;
  if (!reader.next(record)) reader.fail("is missing; expected a header");
  if (!record.has_header() || record.header().magic() != kMagic) reader.fail("is no header of a Berth trace");
  const v1alpha1::Header& header = record.header();
  if (header.format_version() != kFormatVersion) {
    reader.fail(fmt::format("format version {}{}; expected {}", header.format_version(),
                            header.format_version() > kFormatVersion ? " is newer than this Berth reads" : "",
                            kFormatVersion));
  }
  if (header.last_arrival_ns() < 0) reader.fail("last_arrival_ns is negative; expected 0 or more");
  return header;
}

Resources resources_of(const RecordReader& reader, std::int64_t cpu, std::int64_t memory, std::int64_t storage) {
  if (cpu < 0 || memory < 0 || storage < 0) {
    reader.fail("cpu_milli, memory_bytes or ephemeral_storage_bytes is negative; expected 0 or more");
  }
  return {cpu, memory, storage};
}

template <class Message>
void take_details(const RecordReader& reader, const Message& message, Catalog& catalog,
                  std::vector<ExtendedAmount>& extended, std::vector<Label>& labels) {
  for (const v1alpha1::Quantity& quantity : message.extended()) {
    if (quantity.amount() <= 0)
      reader.fail(fmt::format("{} of {}; expected 1 or more", quantity.amount(), quantity.resource()));
    extended.push_back({catalog.extended(quantity.resource()), quantity.amount()});
  }
  std::ranges::sort(extended, {}, &ExtendedAmount::resource);
  if (std::ranges::adjacent_find(extended, {}, &ExtendedAmount::resource) != extended.end()) {
    reader.fail("an extended resource comes twice; expected once each");
  }
  for (const v1alpha1::Label& label : message.labels()) labels.push_back({label.key(), label.value()});
  std::ranges::sort(labels, {}, &Label::key);
  if (std::ranges::adjacent_find(labels, {}, &Label::key) != labels.end()) {
    reader.fail("a label's key comes twice; expected once each");
  }
}

GpuModelId model_of(const RecordReader& reader, const std::string& name, Catalog& catalog) {
  try {
    return catalog.gpu_model(name);
  } catch (const InputError& error) {  // One model too many: say where.
    reader.fail(error.what());
  }
}

NodeSpec node_of(const RecordReader& reader, const v1alpha1::Node& message, Catalog& catalog) {
  NodeSpec node;
  node.name = message.name();
  node.allocatable =
      resources_of(reader, message.cpu_milli(), message.memory_bytes(), message.ephemeral_storage_bytes());
  node.pods = message.pods();
  if (node.pods < 0) reader.fail("pods is negative; expected 0 or more");
  if (message.gpu_count() > kMaxGpusPerNode) {
    reader.fail(fmt::format("gpu_count is {}; expected at most {}", message.gpu_count(), kMaxGpusPerNode));
  }
  if ((message.gpu_count() == 0) != message.gpu_model().empty()) {
    reader.fail("gpu_model does not go with gpu_count; expected a model if and only if there are GPUs");
  }
  node.gpu_count = static_cast<std::uint16_t>(message.gpu_count());
  if (node.gpu_count > 0) node.gpu_model = model_of(reader, message.gpu_model(), catalog);
  take_details(reader, message, catalog, node.extended, node.labels);
  return node;
}

TemplateId template_of(const RecordReader& reader, const v1alpha1::Template& message, Catalog& catalog) {
  PodTemplate t;
  t.request = resources_of(reader, message.cpu_milli(), message.memory_bytes(), message.ephemeral_storage_bytes());
  const std::uint32_t count = message.gpu_count();
  const std::uint32_t milli = message.gpu_milli();
  const bool valid = count == 0   ? milli == 0 && message.gpu_models().empty()
                     : count == 1 ? milli >= 1 && milli <= kMilliPerGpu
                                  : count <= kMaxGpusPerNode && milli == kMilliPerGpu;
  if (!valid) {
    reader.fail(
        fmt::format("gpu_count {} with gpu_milli {}; expected none, 1 GPU with 1 to 1000, or up to {} with 1000", count,
                    milli, kMaxGpusPerNode));
  }
  t.gpu.count = static_cast<std::uint16_t>(count);
  t.gpu.milli = static_cast<std::uint16_t>(milli);
  for (const std::string& name : message.gpu_models()) {
    t.gpu.models |= std::uint64_t{1} << index(model_of(reader, name, catalog));
  }
  t.gpu_spec = message.gpu_spec();
  t.priority = message.priority();
  if (!message.namespace_().empty()) t.namespace_id = catalog.namespace_id(message.namespace_());
  take_details(reader, message, catalog, t.extended, t.labels);
  return catalog.intern(t);
}

// The pods of a file, batch by batch.
class PodReader {
 public:
  PodReader(const std::string& path, Catalog& catalog)
      : reader_(path), catalog_(catalog), header_(read_header(reader_)) {}

  // The next batch with pods in it; nullptr once the trace is complete.
  const std::vector<PodArrival>* next_batch() {
    while (!done_) {
      if (!reader_.next(record_))
        reader_.fail("is missing; expected more pods or the end record: the trace is cut off");
      switch (record_.kind_case()) {
        case v1alpha1::Record::kHeader:
          reader_.fail("is a second header; expected one, at the front");
        case v1alpha1::Record::kNode:
          if (!numbers_.empty() || !pods_.empty()) reader_.fail("is a node; expected nodes before templates and pods");
          break;
        case v1alpha1::Record::kPodTemplate:
          numbers_.push_back(template_of(reader_, record_.pod_template(), catalog_));
          break;
        case v1alpha1::Record::kPods:
          take(record_.pods());
          if (!pods_.empty()) return &pods_;
          break;
        case v1alpha1::Record::kEnd:
          finish(record_.end());
          break;
        case v1alpha1::Record::KIND_NOT_SET:
          reader_.fail("is of no kind that this Berth knows");
      }
    }
    return nullptr;
  }

  // Of the batch last read: empty, or one each.
  const google::protobuf::RepeatedPtrField<std::string>& names() const { return record_.pods().names(); }

 private:
  void take(const v1alpha1::PodBatch& batch) {
    const int n = batch.template_number_size();
    const auto fits = [n](int size, bool optional) { return size == n || (optional && size == 0); };
    if (!fits(batch.arrival_delta_ns_size(), false) || !fits(batch.run_time_ns_plus_one_size(), false) ||
        !fits(batch.start_delay_ns_size(), true) || !fits(batch.row_step_size(), true) ||
        !fits(batch.names_size(), true)) {
      reader_.fail("its columns differ in length; expected one entry for each pod");
    }
    if (static_cast<std::size_t>(n) > kMaxBatch)
      reader_.fail(fmt::format("{} pods; expected at most {}", n, kMaxBatch));
    constexpr auto kMost = static_cast<std::uint64_t>(kForever.ns);
    pods_.resize(static_cast<std::size_t>(n));
    for (int i = 0; i < n; ++i) {
      PodArrival& pod = pods_[static_cast<std::size_t>(i)];
      const std::uint64_t delta = batch.arrival_delta_ns(i);
      if (delta > kMost - static_cast<std::uint64_t>(last_.ns)) {
        reader_.fail(fmt::format(
            "pod {} comes {} ns after the one before; expected time to go forwards, and below 2^63 ns", count_, delta));
      }
      last_.ns += static_cast<std::int64_t>(delta);
      pod.at = last_;
      const std::uint64_t run_time = batch.run_time_ns_plus_one(i);
      const std::uint64_t delay = batch.start_delay_ns_size() == 0 ? 0 : batch.start_delay_ns(i);
      if (run_time > kMost || delay > kMost) reader_.fail(fmt::format("pod {} has a time of 2^63 ns or more", count_));
      pod.run_time = run_time == 0 ? kForever : Duration{static_cast<std::int64_t>(run_time - 1)};
      pod.start_delay = Duration{static_cast<std::int64_t>(delay)};
      const std::uint32_t number = batch.template_number(i);
      if (number >= numbers_.size()) {
        reader_.fail(fmt::format("pod {} has template {}; expected one of the {} defined so far", count_, number,
                                 numbers_.size()));
      }
      pod.pod_template = numbers_[number];
      std::int64_t row = next_row_;
      if (batch.row_step_size() != 0 && __builtin_add_overflow(row, batch.row_step(i), &row)) row = -1;
      if (row < 0 || row > 0xFFFF'FFFFLL) reader_.fail(fmt::format("pod {} has no row from 0 to 2^32 - 1", count_));
      pod.row = static_cast<std::uint32_t>(row);
      next_row_ = row + 1;
      ++count_;
    }
  }

  void finish(const v1alpha1::End& end) {
    const auto differs = [this](const char* who, std::uint64_t says) {
      if (says != count_)
        reader_.fail(fmt::format("{} says {} pods, but {} came: pods are missing", who, says, count_));
    };
    differs("the end record", end.pods());
    differs("the header", header_.pods());
    if (header_.last_arrival_ns() != last_.ns)
      reader_.fail("the header says another last arrival than the last pod has");
    if (reader_.next(record_)) reader_.fail("comes after the end record; expected nothing");
    record_.Clear();
    done_ = true;
  }

  RecordReader reader_;
  Catalog& catalog_;
  v1alpha1::Header header_;
  v1alpha1::Record record_;
  std::vector<TemplateId> numbers_;  // By the trace's own template number.
  std::vector<PodArrival> pods_;
  std::uint64_t count_ = 0;
  Time last_{};
  std::int64_t next_row_ = 0;
  bool done_ = false;
};

class TraceStream final : public ArrivalStream {
 public:
  TraceStream(const std::string& path, Catalog& catalog) : pods_(path, catalog) {}

  std::size_t next(std::span<PodArrival> out) override {
    std::size_t filled = 0;
    while (filled < out.size()) {
      if (used_ == rest_.size()) {
        if (filled > 0) break;  // Whole batches if we can: the next one may be far away, and may be broken.
        const std::vector<PodArrival>* batch = pods_.next_batch();
        if (batch == nullptr) return 0;
        rest_ = *batch;
        used_ = 0;
      }
      const std::size_t n = std::min(out.size() - filled, rest_.size() - used_);
      std::copy_n(rest_.begin() + static_cast<std::ptrdiff_t>(used_), n,
                  out.begin() + static_cast<std::ptrdiff_t>(filled));
      used_ += n;
      filled += n;
    }
    return filled;
  }

 private:
  PodReader pods_;
  std::span<const PodArrival> rest_;
  std::size_t used_ = 0;
};

}  // namespace

struct TraceWorkload::PodNames {
  std::once_flag once;
  std::vector<std::pair<std::uint32_t, std::string>> by_row;  // Sorted.
};

TraceWorkload::TraceWorkload(const std::filesystem::path& path, Catalog catalog)
    : path_(path.string()), catalog_(std::move(catalog)), names_(std::make_unique<PodNames>()) {
  RecordReader reader(path_);
  const v1alpha1::Header header = read_header(reader);
  info_.producer = header.producer();
  info_.workload_name = header.workload_name();
  info_.notes.assign(header.notes().begin(), header.notes().end());
  pods_ = header.pods();
  last_arrival_ = Time{header.last_arrival_ns()};
  v1alpha1::Record record;
  while (reader.next(record)) {
    if (!record.has_node()) return;
    nodes_.push_back(node_of(reader, record.node(), catalog_));
  }
  reader.fail("is missing; expected more pods or the end record: the trace is cut off");
}

TraceWorkload::~TraceWorkload() = default;

std::unique_ptr<ArrivalStream> TraceWorkload::open(Catalog& catalog, std::uint64_t, std::uint32_t) const {
  return std::make_unique<TraceStream>(path_, catalog);
}

std::string TraceWorkload::pod_name(std::uint32_t row) const {
  std::call_once(names_->once, [this] {
    Catalog catalog = catalog_;
    PodReader reader(path_, catalog);
    while (const std::vector<PodArrival>* pods = reader.next_batch()) {
      for (int i = 0; i < reader.names().size(); ++i) {
        if (!reader.names()[i].empty())
          names_->by_row.emplace_back((*pods)[static_cast<std::size_t>(i)].row, reader.names()[i]);
      }
    }
    std::ranges::stable_sort(names_->by_row, {}, &std::pair<std::uint32_t, std::string>::first);
  });
  const auto found = std::ranges::lower_bound(names_->by_row, row, {}, &std::pair<std::uint32_t, std::string>::first);
  return found != names_->by_row.end() && found->first == row ? found->second : Workload::pod_name(row);
}

}  // namespace berth
