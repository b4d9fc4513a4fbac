// The journal as a file: JSON lines, first what the nodes are, then what happened, one record a line. Same run, same
// bytes. For people, jq, and the test that two runs are the same.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "results/files.hpp"
#include "sim/cluster/journal.hpp"

namespace berth {

class JournalWriter final : public JournalSink {
 public:
  using PodName = std::function<std::string(std::uint32_t row)>;
  // zstd-compressed if the name ends in ".zst". Throws InputError if it cannot be written; nothing appears under `path`
  // before commit().
  JournalWriter(const std::filesystem::path& path, PodName pod_name);
  ~JournalWriter() override;

  void begin(const JournalContext& context) override;
  void write(std::span<const Record> batch) override;
  void finish(Time end) override;
  void commit();

 private:
  struct Compressor;
  void flush(bool last);
  void details(const Record& record);
  void size_of(const NodeSpec& node);
  std::string container_name(const Record& record) const;

  AtomicFile file_;
  PodName pod_name_;
  std::unique_ptr<Compressor> compressor_;
  JournalContext context_;
  std::string lines_;
  std::vector<std::uint32_t> rows_;    // By pod: its row, for names.
  std::vector<TemplateId> templates_;  // By pod: its template, if containers have names there.
};

}  // namespace berth
