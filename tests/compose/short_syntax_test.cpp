// Ports, mounts, commands, durations and image names in one string, by the specification's examples.
#include "workloads/compose/short_syntax.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace berth::compose {
namespace {

std::string port(const char* text) {
  std::string error;
  const auto p = parse_short_port(text, error);
  if (!p) return "error";
  return fmt::format("{} {}-{} {}-{} {}", p->host_ip, p->published ? p->published->first : 0,
                     p->published ? p->published->last : 0, p->target.first, p->target.last, p->protocol);
}

TEST(ShortPort, Forms) {
  EXPECT_EQ(port("3000"), "0.0.0.0 0-0 3000-3000 tcp");
  EXPECT_EQ(port("3000-3005"), "0.0.0.0 0-0 3000-3005 tcp");
  EXPECT_EQ(port("8000:8001"), "0.0.0.0 8000-8000 8001-8001 tcp");
  EXPECT_EQ(port("9090-9091:8080-8081"), "0.0.0.0 9090-9091 8080-8081 tcp");
  EXPECT_EQ(port("8000-9000:80"), "0.0.0.0 8000-9000 80-80 tcp");
  EXPECT_EQ(port("127.0.0.1:8001:8001"), "127.0.0.1 8001-8001 8001-8001 tcp");
  EXPECT_EQ(port("127.0.0.1:5000-5010:5000-5010"), "127.0.0.1 5000-5010 5000-5010 tcp");
  EXPECT_EQ(port("127.0.0.1::5000"), "127.0.0.1 0-0 5000-5000 tcp");
  EXPECT_EQ(port("[::1]:6000:6000"), "::1 6000-6000 6000-6000 tcp");
  EXPECT_EQ(port("::1:6000:6000"), "::1 6000-6000 6000-6000 tcp");
  EXPECT_EQ(port("6060:6060/udp"), "0.0.0.0 6060-6060 6060-6060 udp");
  EXPECT_EQ(port("53/UDP"), "0.0.0.0 0-0 53-53 udp");
  for (const char* bad : {"", "a", "80:", ":80", "80:a", "a:80", "0", "65536", "80/http", "90-80", "1-2:1-3",
                          "1.2.3:80:80", "300.0.0.1:80:80", "80:80:80", "-1", "8 0"}) {
    EXPECT_EQ(port(bad), "error") << bad;
  }
}

std::string mount(const char* text) {
  std::string error;
  const auto m = parse_short_mount(text, error);
  if (!m) return "error";
  return fmt::format("{}|{}|{}{}", m->source, m->target, m->is_path ? "path" : "name", m->read_only ? "|ro" : "");
}

TEST(ShortMount, Forms) {
  EXPECT_EQ(mount("/var/lib/mysql"), "|/var/lib/mysql|name");
  EXPECT_EQ(mount("data:/var/lib/mysql"), "data|/var/lib/mysql|name");
  EXPECT_EQ(mount("./cache:/tmp/cache"), "./cache|/tmp/cache|path");
  EXPECT_EQ(mount("~/configs:/etc/configs/:ro"), "~/configs|/etc/configs/|path|ro");
  EXPECT_EQ(mount("/opt/data:/data:rw,z"), "/opt/data|/data|path");
  EXPECT_EQ(mount("/:/host:ro,rslave"), "/|/host|path|ro");
  EXPECT_EQ(mount("C:\\data:/data"), "C:\\data|/data|path");
  EXPECT_EQ(mount("c:/data:/data:ro"), "c:/data|/data|path|ro");
  EXPECT_EQ(mount("..:/up"), "..|/up|path");
  for (const char* bad : {"", ":", "a:", ":/x", "ab:/x:", "ab:/x:wo", "ab:/x:ro:z", "ab::b"}) {
    EXPECT_EQ(mount(bad), "error") << bad;
  }
}

TEST(SplitCommand, IsAShellsQuoting) {
  const auto words = [](const char* text) { return fmt::format("{}", fmt::join(*split_command(text), "|")); };
  EXPECT_EQ(words("bundle exec thin -p 3000"), "bundle|exec|thin|-p|3000");
  EXPECT_EQ(words("  a   b\tc\n d "), "a|b|c|d");
  EXPECT_EQ(words("sh -c \"echo 'hi there'\""), "sh|-c|echo 'hi there'");
  EXPECT_EQ(words("a'b c'd \"\" e\\ f"), "ab cd||e f");
  EXPECT_EQ(words(R"("a\"b\n" 'a\b')"), "a\"b\\n|a\\b");
  EXPECT_EQ(words(""), "");
  EXPECT_EQ(split_command("a 'b"), std::nullopt);
  EXPECT_EQ(split_command("a \"b"), std::nullopt);
}

TEST(ComposeDuration, Units) {
  const auto ns = [](const char* text) { return parse_compose_duration(text).value_or(Duration{-1}).ns; };
  EXPECT_EQ(ns("2.5s"), 2'500'000'000);
  EXPECT_EQ(ns("10s"), 10'000'000'000);
  EXPECT_EQ(ns("1m30s"), 90'000'000'000);
  EXPECT_EQ(ns("2h32m"), 9'120'000'000'000);
  EXPECT_EQ(ns("5h34m56s"), 20'096'000'000'000);
  EXPECT_EQ(ns("1500us"), 1'500'000);
  EXPECT_EQ(ns("250ms"), 250'000'000);
  EXPECT_EQ(ns("1d"), 86'400'000'000'000);
  EXPECT_EQ(ns("1w2d"), 777'600'000'000'000);
  EXPECT_EQ(ns("0"), 0);
  for (const char* bad : {"", "10", "s", "-1s", "1x", "1 s", "1s 2", "1e3s", "99999999w", "1.2.3s"}) {
    EXPECT_EQ(ns(bad), -1) << bad;
  }
}

TEST(ImageReference, Forms) {
  const std::string digest = "@sha256:" + std::string(64, 'a');
  for (const std::string& good : {std::string("redis"), std::string("redis:5"), std::string("library/redis"),
                                  std::string("docker.io/library/redis"), std::string("my_private.registry:5000/redis"),
                                  std::string("localhost:5000/a/b:T_1.x"), "redis" + digest, "redis:5" + digest,
                                  std::string("ghcr.io/open-telemetry/demo:latest-ad")}) {
    EXPECT_TRUE(is_image_reference(good)) << good;
  }
  for (const char* bad :
       {"", ":", "a:", "Redis", "a b", ":5", "a//b", "/a", "a/", "a:b c", "a@sha256:xyz", "-a", "a-", "a:-x", ":-ad"}) {
    EXPECT_FALSE(is_image_reference(bad)) << bad;
  }
}

}  // namespace
}  // namespace berth::compose
