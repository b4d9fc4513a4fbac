// No Dockerfile crashes the builder: it is built, or refused in one line.
#include <gtest/gtest.h>

#include "sim/engine/rng.hpp"
#include "tests/support/temp_dir.hpp"
#include "workloads/images/image_build.hpp"

namespace berth::docker {
namespace {

constexpr const char* kSeed = R"(# syntax=docker/dockerfile:1
# escape=\
ARG GO=1.22
FROM --platform=$BUILDPLATFORM golang:${GO:-1.21} AS build
WORKDIR /src
ARG TARGETOS TARGETARCH V="a b"
COPY --link go.mod go.su[m] ./
RUN --mount=type=cache,target=/go/pkg/mod,sharing=locked --mount=type=secret,id=k,required=false \
    # why
    GOOS=${TARGETOS} go build -ldflags "-X v=$V" -o /out/app ./... && echo 'done' | tee log
COPY <<-"EOF" <<two /conf/
	x = $V
	EOF
y = ${V#a}
two
ONBUILD COPY --from=build /out /o
# berth: adds=12MiB takes=3s
RUN <<EOF bash
set -e
apt-get update && apt-get install -y curl
EOF
FROM build AS next
ENV A=1 B="x\"y" C=${A:+z} D='q'
LABEL a.b="c d" e=f
EXPOSE 80 443/tcp 9000-9002
VOLUME ["/data", "/d 2"]
ADD --checksum=sha256:ab https://example.com/a.tar.gz /t/
HEALTHCHECK --interval=5s --retries=2 CMD ["curl", "-f", "localhost"]
FROM scratch
COPY --from=next --chown=1:1 --exclude=*.md /conf/ /c
COPY --from=0 /out/app /app
USER ${U:-nobody}
STOPSIGNAL SIGTERM
SHELL ["/bin/sh", "-c"]
ENTRYPOINT ["/app"]
CMD serve "$A" [x
)";

TEST(DockerfileMutation, BuiltOrRefusedInOneLine) {
  const test::TempDir folder;
  folder.file("go.mod", "module m\n");
  folder.file("go.sum", "\n");
  folder.file("Dockerfile", kSeed);
  const ImageLibrary library;
  const std::string seed = kSeed;
  const std::string alphabet = "\\\"'${}[]<>-=:#/*?!,.`&|;\n\t 0aE\xC3\xA9";
  int built = 0;
  int refused = 0;
  for (std::uint32_t n = 0; n < 800; ++n) {
    SCOPED_TRACE(testing::Message() << "mutation " << n);
    Rng rng(7, 0, n, Purpose::kTest);
    std::string text = seed;
    for (std::uint32_t edits = n == 0 ? 0 : 1 + rng.below(6); edits > 0; --edits) {
      const std::size_t at = rng.below(static_cast<std::uint32_t>(text.size()));
      const std::size_t length = std::min<std::size_t>(1 + rng.below(6), text.size() - at);
      switch (rng.below(5)) {
        case 0:
          text.erase(at, length);
          break;
        case 1:
          text.insert(at, 1, alphabet[rng.below(static_cast<std::uint32_t>(alphabet.size()))]);
          break;
        case 2:
          text[at] = static_cast<char>(rng.below(256));
          break;
        case 3:
          text.insert(rng.below(static_cast<std::uint32_t>(text.size())), text.substr(at, length));
          break;
        case 4:
          text.resize(std::max<std::size_t>(at, 1));
          break;
      }
      if (text.empty()) text.push_back('\n');
    }
    try {
      const Dockerfile file = parse_dockerfile(text, "D");
      BuildContext context = BuildContext::open(folder.path(), folder.path() / "Dockerfile");
      BuildCache cache;
      const BuildResult result = build_image(file, context, library, {}, cache);
      for (const BuildStep& step : result.steps) {
        ASSERT_GE(step.unpacked_bytes, 0);
        ASSERT_GE(step.finish, step.start);
      }
      ++built;
      if (n == 0) {  // Unchanged, it is built whole.
        ASSERT_EQ(result.skipped_stages.size(), 0U);
      }
    } catch (const InputError& e) {
      const std::string what = e.what();
      ASSERT_NE(n, 0U) << what;
      ASSERT_EQ(what.find('\n'), std::string::npos) << what;
      ASSERT_NE(what.find("expected"), std::string::npos) << what;
      ++refused;
    }
  }
  EXPECT_GT(built, 60);  // Both ends of the road were seen.
  EXPECT_GT(refused, 60);
}

}  // namespace
}  // namespace berth::docker
