#include "results/manifest.hpp"

#include <gtest/gtest.h>

#include <filesystem>

namespace berth {
namespace {

// Written by hand, byte for byte: the file is meant for diff.
TEST(Manifest, Bytes) {
  Manifest manifest{"0.1.0",      {"berth", "study", "a b.yaml"}, {{"a b.yaml", {sha256_text("abc"), 3}}},    {"openb"},
                    {"best-fit"}, {1, 18446744073709551615U},     {{"horizon", "24h0m0s"}, {"\xff", "\"q\""}}};
  EXPECT_EQ(manifest_json(manifest), R"({
  "berth_version": "0.1.0",
  "arguments": [
    "berth",
    "study",
    "a b.yaml"
  ],
  "inputs": [
    {
      "path": "a b.yaml",
      "size_bytes": 3,
      "sha256": "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    }
  ],
  "scenarios": [
    "openb"
  ],
  "policies": [
    "best-fit"
  ],
  "seeds": [
    1,
    18446744073709551615
  ],
  "options": {
    "horizon": "24h0m0s",
    "�": "\"q\""
  }
}
)");
}

TEST(Manifest, DescribesInputs) {
  const auto path = std::filesystem::temp_directory_path() / "berth-manifest-input";
  write_file_atomically(path, "abc");
  const ManifestInput input = describe_input(path);
  std::filesystem::remove(path);
  EXPECT_EQ(input.path, path.string());
  EXPECT_EQ(input.digest, (FileDigest{"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", 3}));
}

}  // namespace
}  // namespace berth
