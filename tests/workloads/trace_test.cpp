// Berth's trace format: what goes in comes out, and a file that is not whole and well-formed never passes for one.
#include "workloads/trace.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>
#include <zstd.h>

#include <csignal>
#include <fstream>
#include <functional>
#include <iterator>

#include "sim/engine/error.hpp"
#include "sim/engine/rng.hpp"

namespace berth {
namespace {

using testing::HasSubstr;

class TraceTest : public testing::Test {
 protected:
  // In memory where there is such a place: thousands of small files are written.
  TraceTest()
      : folder_((std::filesystem::exists("/dev/shm") ? "/dev/shm" : std::filesystem::temp_directory_path()) /
                ("berth-trace-test-" + std::to_string(::getpid()))) {
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
    path_ = folder_ / "t.pb.zst";
  }
  ~TraceTest() override { std::filesystem::remove_all(folder_); }

  std::filesystem::path folder_;
  std::filesystem::path path_;
};

std::string read_bytes(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

void write_bytes(const std::filesystem::path& path, std::string_view bytes) {
  std::ofstream out(path, std::ios::binary);
  out << bytes;
}

// Everything of a template or node by name, so that two catalogs can be compared whatever their numbers.
template <class Spec>
std::string details(const Catalog& catalog, const Spec& spec) {
  std::vector<std::string> extended;
  for (const ExtendedAmount& e : spec.extended) {
    extended.push_back(catalog.extended_name(e.resource) + "=" + std::to_string(e.amount));
  }
  std::sort(extended.begin(), extended.end());
  std::string text;
  for (const std::string& e : extended) text += " " + e;
  for (const Label& l : spec.labels) text += " [" + l.key + ":" + l.value + "]";
  return text;
}

std::string describe(const Catalog& catalog, const PodTemplate& t) {
  std::vector<std::string> models;
  for (std::size_t m = 0; m < kMaxGpuModels; ++m) {
    if ((t.gpu.models >> m & 1) != 0) models.push_back(catalog.gpu_model_name(static_cast<GpuModelId>(m)));
  }
  std::sort(models.begin(), models.end());
  std::string text = std::to_string(t.request.cpu_milli) + "m " + std::to_string(t.request.memory_bytes) + "B " +
                     std::to_string(t.request.ephemeral_storage_bytes) + "B " + std::to_string(t.gpu.count) + "x" +
                     std::to_string(t.gpu.milli) + " p" + std::to_string(t.priority) + " " +
                     catalog.namespace_name(t.namespace_id);
  for (const std::string& m : models) text += " " + m;
  if (!t.gpu_spec.empty()) text += " \"" + t.gpu_spec + "\"";
  return text + details(catalog, t);
}

std::string describe(const Catalog& catalog, const NodeSpec& n) {
  return n.name + " " + std::to_string(n.allocatable.cpu_milli) + "m " + std::to_string(n.allocatable.memory_bytes) +
         "B " + std::to_string(n.allocatable.ephemeral_storage_bytes) + "B " + std::to_string(n.pods) + " " +
         std::to_string(n.gpu_count) + "x" + (n.gpu_count > 0 ? catalog.gpu_model_name(n.gpu_model) : "-") +
         details(catalog, n);
}

// One line for each node and each pod; `chunk` is how many pods are asked for at once.
std::vector<std::string> lines_of(const Workload& workload, std::span<const NodeSpec> nodes, std::size_t chunk = 100) {
  Catalog catalog = workload.catalog();
  const auto stream = workload.open(catalog, 1, 0);
  std::vector<std::string> lines;
  for (const NodeSpec& node : nodes) lines.push_back(describe(catalog, node));
  std::vector<PodArrival> pods(chunk);
  while (const std::size_t n = stream->next(pods)) {
    for (std::size_t i = 0; i < n; ++i) {
      lines.push_back(std::to_string(pods[i].at.ns) + " " + std::to_string(pods[i].run_time.ns) + " " +
                      std::to_string(pods[i].start_delay.ns) + " " + workload.pod_name(pods[i].row) + " #" +
                      std::to_string(pods[i].row) + " " + describe(catalog, catalog[pods[i].pod_template]));
    }
  }
  return lines;
}

std::vector<std::string> lines_of(const std::filesystem::path& path, std::size_t chunk = 100) {
  const TraceWorkload trace(path);
  return lines_of(trace, trace.nodes(), chunk);
}

struct Made {
  std::vector<NodeSpec> nodes;
  std::unique_ptr<MemoryWorkload> workload;
};

// A workload with some of everything.
Made random_workload(std::uint64_t seed, std::uint32_t pods) {
  Rng rng(seed, 0, 0, Purpose::kTest);
  Catalog catalog;
  const auto name = [&rng](const char* prefix, std::uint32_t n) { return prefix + std::to_string(rng.below(n)); };
  const auto extended = [&] {
    std::vector<ExtendedAmount> list;
    for (std::uint32_t i = rng.below(3); i > 0; --i) {
      const ExtendedId id = catalog.extended("example.com/" + std::to_string(rng.below(3)) + std::to_string(i));
      list.push_back({id, std::int64_t{1} + rng.below(1000)});
    }
    std::sort(list.begin(), list.end(), [](const auto& a, const auto& b) { return a.resource < b.resource; });
    return list;
  };
  const auto labels = [&] {
    std::vector<Label> list;
    for (std::uint32_t i = 0; i < rng.below(3); ++i) list.push_back({"key" + std::to_string(i), name("välue\xFF", 9)});
    return list;
  };
  Made made;
  for (std::uint32_t i = rng.below(10); i > 0; --i) {
    NodeSpec node;
    node.name = name("node-", 1000);
    node.allocatable = {rng.below(128'000), std::int64_t{rng.u32()} << 10, rng.u32()};
    node.pods = 1 + rng.below(500);
    node.gpu_count = static_cast<std::uint16_t>(rng.below(2) * rng.below(kMaxGpusPerNode + 1));
    if (node.gpu_count > 0) node.gpu_model = catalog.gpu_model(name("gpu", 5));
    node.extended = extended();
    node.labels = labels();
    made.nodes.push_back(node);
  }
  std::vector<TemplateId> templates;
  for (int i = 0; i < 20; ++i) {
    PodTemplate t;
    t.request = {rng.below(64'000), std::int64_t{rng.u32()} << 8, rng.u32()};
    if (rng.below(2) == 0) {
      t.gpu.count = static_cast<std::uint16_t>(1 + rng.below(4));
      t.gpu.milli = static_cast<std::uint16_t>(t.gpu.count == 1 ? 1 + rng.below(1000) : 1000);
      for (std::uint32_t m = rng.below(3); m > 0; --m)
        t.gpu.models |= 1ULL << index(catalog.gpu_model(name("gpu", 60)));
    }
    if (t.gpu.models != 0) t.gpu_spec = name("spec|", 3);
    t.priority = static_cast<std::int32_t>(rng.u32());
    t.namespace_id = catalog.namespace_id(name("team-", 5));
    t.extended = extended();
    t.labels = labels();
    templates.push_back(catalog.intern(t));
  }
  std::vector<PodArrival> arrivals;
  std::vector<std::string> names;
  Time now{};
  const bool shuffled = rng.below(2) == 0;
  const bool delays = rng.below(2) == 0;
  for (std::uint32_t i = 0; i < pods; ++i) {
    now = now + Duration{static_cast<std::int64_t>(rng.u64() >> (20 + rng.below(44)))};
    const Duration run_time =
        rng.below(4) == 0 ? kForever : Duration{static_cast<std::int64_t>(rng.u64() >> (2 + rng.below(62)))};
    const Duration delay = delays ? Duration{rng.u32()} : Duration{};
    arrivals.push_back({now, run_time, delay, templates[rng.below(20)], shuffled ? pods - 1 - i : i});
  }
  for (std::uint32_t i = 0; i < pods; ++i) {
    names.push_back(rng.below(3) == 0 ? "pod-" + std::to_string(i) : name("näme-", 100'000));
  }
  if (rng.below(3) == 0) names.clear();
  made.workload = std::make_unique<MemoryWorkload>(std::move(catalog), std::move(arrivals), std::move(names));
  return made;
}

// -------------------------------------------------------------------------------- bytes made by hand, per trace.proto

std::string varint(std::uint64_t value) {
  std::string out;
  for (; value >= 0x80; value >>= 7) out += static_cast<char>(value | 0x80);
  return out + static_cast<char>(value);
}
std::string number(int field, std::uint64_t value) {
  return varint(static_cast<unsigned>(field) << 3) + varint(value);
}
std::string bytes(int field, std::string_view value) {
  return varint(static_cast<unsigned>(field) << 3 | 2) + varint(value.size()) + std::string(value);
}
std::string column(int field, std::initializer_list<std::uint64_t> values) {
  std::string packed;
  for (const std::uint64_t value : values) packed += varint(value);
  return bytes(field, packed);
}
std::string record(int kind, std::string_view message) {
  const std::string body = bytes(kind, message);
  return varint(body.size()) + body;
}
std::string header(std::uint64_t pods, std::uint64_t last_ns, std::uint64_t version = 1) {
  return record(1, bytes(1, "berth-trace") + number(2, version) + number(5, pods) + number(6, last_ns));
}
std::string end_record(std::uint64_t pods) {
  return record(5, number(1, pods));
}
std::string zstd(std::string_view plain) {
  std::string out(ZSTD_compressBound(plain.size()), '\0');
  out.resize(ZSTD_compress(out.data(), out.size(), plain.data(), plain.size(), 1));
  return out;
}
const std::string kTemplate = record(3, number(1, 500));
std::string two_pods(std::uint64_t second_delta, std::uint64_t second_template, std::uint64_t second_row_step = 0) {
  return record(4, column(1, {7, second_delta}) + column(2, {0, 11}) + column(4, {0, second_template}) +
                       column(5, {0, second_row_step}));
}

TEST_F(TraceTest, ReadsBytesMadeByHand) {
  write_bytes(path_,
              zstd(header(2, 10) +
                   record(2, bytes(1, "n0") + number(2, 64'000) + number(5, 110) + number(6, 8) + bytes(7, "A100")) +
                   kTemplate + two_pods(3, 0, 4) + end_record(2)));  // Row step 4: zigzag for +2.
  const TraceWorkload trace(path_);
  EXPECT_EQ(trace.pods(), 2U);
  EXPECT_EQ(trace.last_arrival(), Time{10});
  EXPECT_THAT(lines_of(path_), testing::ElementsAre("n0 64000m 0B 0B 110 8xA100",
                                                    "7 9223372036854775807 0 pod-0 #0 500m 0B 0B 0x0 p0 default",
                                                    "10 10 0 pod-3 #3 500m 0B 0B 0x0 p0 default"));
}

TEST_F(TraceTest, EmptyTraceIsATrace) {
  EXPECT_EQ(write_trace(path_, {"berth test", "nothing", {"a note"}}, {}, MemoryWorkload({}, {}, {}), 1, 0), 0U);
  const TraceWorkload trace(path_);
  EXPECT_EQ(trace.info().producer, "berth test");
  EXPECT_EQ(trace.info().workload_name, "nothing");
  EXPECT_THAT(trace.info().notes, testing::ElementsAre("a note"));
  EXPECT_EQ(lines_of(path_).size(), 0U);
}

TEST_F(TraceTest, RandomWorkloadsComeBackTheSame) {
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed=" << seed);
    const Made made = random_workload(seed, seed < 58 ? static_cast<std::uint32_t>(seed * seed) : 9'000);
    const std::uint64_t pods = write_trace(path_, {}, made.nodes, *made.workload, 1, 0);
    ASSERT_EQ(pods, made.workload->arrivals().size());
    const std::vector<std::string> expected = lines_of(*made.workload, made.nodes);
    ASSERT_EQ(lines_of(path_), expected);
    ASSERT_EQ(lines_of(path_, 1 + seed * 97), expected);
    const TraceWorkload trace(path_);
    ASSERT_EQ(trace.pods(), pods);
    ASSERT_EQ(trace.last_arrival(), pods == 0 ? Time{} : made.workload->arrivals().back().at);
  }
}

TEST_F(TraceTest, IsOneStandardZstdStream) {  // As `zstd -d` reads it: every frame, and nothing but frames.
  const Made made = random_workload(3, 500);
  write_trace(path_, {}, made.nodes, *made.workload, 1, 0);
  const std::string packed = read_bytes(path_);
  std::string plain(1 << 20, '\0');
  const std::size_t size = ZSTD_decompress(plain.data(), plain.size(), packed.data(), packed.size());
  ASSERT_FALSE(ZSTD_isError(size)) << ZSTD_getErrorName(size);
  plain.resize(size);
  EXPECT_THAT(plain.substr(0, 32), HasSubstr("berth-trace"));
  EXPECT_EQ(plain.substr(plain.size() - end_record(500).size()), end_record(500));
}

struct Bad {
  const char* name;
  std::string file;
  const char* message;
};
class BadTrace : public TraceTest, public testing::WithParamInterface<Bad> {};

TEST_P(BadTrace, IsOneLineOfError) {
  write_bytes(path_, GetParam().file);
  try {
    lines_of(path_);
    FAIL() << "was read";
  } catch (const InputError& error) {
    const std::string text = error.what();
    EXPECT_TRUE(text.starts_with(path_.string() + ": ")) << text;
    EXPECT_THAT(text, HasSubstr(GetParam().message));
    EXPECT_EQ(text.find('\n'), std::string::npos);
  }
}

// 2^64 - 5, which a writer that lets time go backwards by 5 ns would produce.
constexpr std::uint64_t kMinusFive = ~std::uint64_t{4};
const std::string kHead = header(2, 10);

INSTANTIATE_TEST_SUITE_P(
    Table, BadTrace,
    testing::Values(
        Bad{"Empty", "", "the file is empty"},
        Bad{"NotZstd", "kind: Scenario\n", "record 1: the zstd stream is broken"},
        Bad{"OnlyAnEmptyFrame", zstd(""), "record 1: is missing"},
        Bad{"NotProtobuf", zstd("\x08hello, world"), "record 1: is no message"},
        Bad{"OtherProtobuf", zstd(record(1, bytes(1, "another"))), "record 1: is no header of a Berth trace"},
        Bad{"NoHeader", zstd(kTemplate), "record 1: is no header"},
        Bad{"NewerVersion", zstd(header(0, 0, 2)),
            "record 1: format version 2 is newer than this Berth reads; expected 1"},
        Bad{"VersionZero", zstd(header(0, 0, 0)), "record 1: format version 0; expected 1"},
        Bad{"HugeRecord", zstd(kHead + varint(std::uint64_t{17} << 20)), "record 2: takes 17825792 bytes"},
        Bad{"EndlessLength", zstd(kHead + std::string(20, '\xFF')), "record 2: its length is no number"},
        Bad{"CutWithinRecord", zstd(kHead + kTemplate.substr(0, 4)), "record 2: cut off within a record"},
        Bad{"NoEnd", zstd(kHead + kTemplate + two_pods(3, 0)), "record 4: is missing"},
        Bad{"NoEndAfterNode", zstd(header(0, 0) + record(2, bytes(1, "n"))), "record 3: is missing"},
        Bad{"BackwardsInTime", zstd(kHead + kTemplate + two_pods(kMinusFive, 0)), "record 3: pod 1 comes"},
        Bad{"TemplateTooHigh", zstd(kHead + kTemplate + two_pods(3, 1)),
            "record 3: pod 1 has template 1; expected one of the 1 defined so far"},
        Bad{"NegativeRow", zstd(kHead + kTemplate + two_pods(3, 0, 3)), "record 3: pod 1 has no row"},  // Zigzag -2.
        Bad{"FewerPods", zstd(header(3, 10) + kTemplate + two_pods(3, 0) + end_record(3)),
            "record 4: the end record says 3 pods, but 2 came"},
        Bad{"HeaderDisagrees", zstd(header(3, 10) + kTemplate + two_pods(3, 0) + end_record(2)),
            "the header says 3 pods"},
        Bad{"LastArrivalDisagrees", zstd(header(2, 11) + kTemplate + two_pods(3, 0) + end_record(2)),
            "another last arrival"},
        Bad{"AfterTheEnd", zstd(kHead + kTemplate + two_pods(3, 0) + end_record(2) + end_record(2)),
            "record 5: comes after"},
        Bad{"TwoHeaders", zstd(kHead + kTemplate + kHead), "record 3: is a second header"},
        Bad{"LateNode", zstd(kHead + kTemplate + record(2, bytes(1, "n"))), "record 3: is a node"},
        Bad{"UnknownRecord", zstd(kHead + record(9, "x")), "record 2: is of no kind"},
        Bad{"RaggedColumns",
            zstd(kHead + kTemplate + record(4, column(1, {1, 2}) + column(2, {0}) + column(4, {0, 0}))),
            "record 3: its columns differ in length"},
        Bad{"NegativeCpu", zstd(kHead + record(3, number(1, kMinusFive))), "record 2: cpu_milli"},
        Bad{"TooManyGpus", zstd(kHead + record(2, number(6, 17) + bytes(7, "A"))), "record 2: gpu_count is 17"},
        Bad{"GpuWithoutModel", zstd(kHead + record(2, number(6, 1))), "record 2: gpu_model does not go"},
        Bad{"SharedPair", zstd(kHead + record(3, number(4, 2) + number(5, 500))),
            "record 2: gpu_count 2 with gpu_milli 500"},
        Bad{"LabelTwice", zstd(kHead + record(3, bytes(10, bytes(1, "k")) + bytes(10, bytes(1, "k")))),
            "label's key comes twice"},
        Bad{"ZeroOfResource", zstd(kHead + record(3, bytes(7, bytes(1, "r")))), "record 2: 0 of r"}),
    [](const auto& bad) { return std::string(bad.param.name); });

TEST_F(TraceTest, MissingFileSaysWhy) {
  try {
    const TraceWorkload trace(folder_ / "absent.pb.zst");
    FAIL();
  } catch (const InputError& error) {
    EXPECT_EQ(error.what(), (folder_ / "absent.pb.zst").string() + ": cannot open: No such file or directory");
  }
}

TEST_F(TraceTest, NoTruncationPassesForATrace) {
  const Made made = random_workload(7, 40);
  write_trace(path_, {}, made.nodes, *made.workload, 1, 0);
  const std::string whole = read_bytes(path_);
  const std::filesystem::path cut = folder_ / "cut.pb.zst";
  for (std::size_t size = 0; size < whole.size(); ++size) {
    SCOPED_TRACE(testing::Message() << size << " of " << whole.size() << " bytes");
    write_bytes(cut, whole.substr(0, size));
    ASSERT_THROW(lines_of(cut), InputError);
  }
}

TEST_F(TraceTest, FlippedBytesAreNoticedOrHarmless) {
  const Made made = random_workload(8, 40);
  write_trace(path_, {}, made.nodes, *made.workload, 1, 0);
  const std::vector<std::string> expected = lines_of(path_);
  const std::string packed = read_bytes(path_);
  std::string plain(1 << 20, '\0');
  plain.resize(ZSTD_decompress(plain.data(), plain.size(), packed.data(), packed.size()));
  const std::filesystem::path broken = folder_ / "broken.pb.zst";
  Rng rng(8, 0, 1, Purpose::kTest);
  int noticed = 0;
  for (int i = 0; i < 2'000; ++i) {
    std::string copy = packed;
    copy[rng.below(static_cast<std::uint32_t>(copy.size()))] ^= static_cast<char>(1 + rng.below(255));
    write_bytes(broken, copy);
    try {
      ASSERT_EQ(lines_of(broken), expected);  // The flip was in the padding.
    } catch (const InputError&) {
      ++noticed;
    }
    // The same below the checksum: values may change here, but it must read or throw, whatever comes.
    copy = plain;
    for (std::uint32_t flips = 1 + rng.below(3); flips > 0; --flips) {
      copy[rng.below(static_cast<std::uint32_t>(copy.size()))] ^= static_cast<char>(1 + rng.below(255));
    }
    write_bytes(broken, zstd(copy));
    try {
      lines_of(broken);
    } catch (const InputError&) {
    }
  }
  EXPECT_GT(noticed, 1'800);
}

TEST_F(TraceTest, UnclosedWriterLeavesNothing) {
  write_bytes(path_, "the older file");
  {
    const Made made = random_workload(1, 20'000);
    TraceWriter writer(path_, {}, made.workload->catalog());
    writer.write(made.workload->arrivals());
  }
  EXPECT_EQ(read_bytes(path_), "the older file");
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder_), {}), 1);
}

TEST_F(TraceTest, UnwritablePlacesSayWhy) {
  const auto message = [](const std::filesystem::path& path) -> std::string {
    try {
      TraceWriter writer(path, {}, Catalog{});
      writer.close();
    } catch (const InputError& error) {
      return error.what();
    }
    return "written";
  };
  const std::string absent = (folder_ / "absent" / "t.pb.zst").string();
  EXPECT_EQ(message(absent), absent + ": cannot create: No such file or directory");
  EXPECT_EQ(message(folder_), folder_.string() + ": cannot create: Is a directory");
  EXPECT_FALSE(std::filesystem::exists(absent));
}

TEST_F(TraceTest, FullDiskSaysWhyAndLeavesNothing) {  // A limit on the file's size stands in for a full disk.
  const Made made = random_workload(2, 30'000);
  rlimit old{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &old), 0);
  const rlimit small{50'000, old.rlim_max};
  const auto old_handler = std::signal(SIGXFSZ, SIG_IGN);
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  std::string message;
  try {
    write_trace(path_, {}, made.nodes, *made.workload, 1, 0);
  } catch (const InputError& error) {
    message = error.what();
  }
  ::setrlimit(RLIMIT_FSIZE, &old);
  std::signal(SIGXFSZ, old_handler);
  EXPECT_EQ(message, path_.string() + ": cannot write: File too large");
  EXPECT_TRUE(std::filesystem::is_empty(folder_));
}

}  // namespace
}  // namespace berth
