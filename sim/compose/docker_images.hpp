// Images of the one host: which of a project's are there, pulled or built, and when. Pulls go through the container
// runtime's model (sim/kubelet/image_puller), builds through that of BuildKit (workloads/images/image_build).
// Source: docker compose, pkg/compose/{pull,build}.go: all missing images are pulled at once, then all builds run at
// once; docker: max-concurrent-downloads 3.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "sim/cluster/event.hpp"
#include "sim/cluster/image.hpp"
#include "sim/compose/docker_host.hpp"
#include "sim/compose/run_result.hpp"
#include "sim/engine/engine.hpp"
#include "sim/kubelet/image_puller.hpp"
#include "sim/network/flow_network.hpp"
#include "workloads/compose/compose_file.hpp"
#include "workloads/images/image_config.hpp"
#include "workloads/images/image_library.hpp"

namespace berth::compose {

// Assumed: a line of 400 Mbit/s and an SSD, as `berth build` has it (docker::kBuildRates).
struct DockerRates {
  std::int64_t download_bytes_per_second = 50'000'000;
  std::int64_t unpack_bytes_per_second = 100'000'000;
  Duration resolve = milliseconds(500);  // Tag to manifest to config.
  std::uint32_t max_concurrent_downloads = 3;
};

class DockerImages final : private ImagePullListener, private ImageDistribution {
 public:
  // Told when everything a project needs is on the disk.
  class Listener {
   public:
    virtual void images_ready() = 0;
    virtual void images_failed(const std::string& why) = 0;

   protected:
    ~Listener() = default;
  };
  enum Detail : std::uint16_t { kBuilt = DockerHost::kFirstFree, kNothingToDo, kFirstFree };

  DockerImages(Engine<berth::Event>& engine, std::vector<RunEvent>& log, Listener& listener,
               const ImageLibrary& library, const DockerRates& rates);

  // Looks at what each service needs and works out builds. `present`: images that the host has already. Throws
  // InputError for a Dockerfile that cannot be built.
  void plan(const Project& project, const std::vector<std::string>& present);
  void begin();

  // HEALTHCHECK of the service's image, if it is built here and has one.
  const docker::ImageHealthcheck* healthcheck(std::uint32_t service) const;
  std::vector<ImageReport>& reports() { return reports_; }
  std::vector<std::string>& notes() { return notes_; }

  // Of kImageEvent, kFlowEvent, and of kDockerEvent with a detail from kBuilt on.
  void handle(const berth::Event& event);

 private:
  enum class Way : std::uint8_t { kNone, kPull, kBuild };
  struct Wanted {
    ImageId id{};
    Way way = Way::kNone;
    bool missing = false;  // Never pulled, and not there.
    Duration build_time;
    std::optional<docker::ImageHealthcheck> health;
  };

  void plan_service(const Project& project, std::uint32_t service, const std::vector<std::string>& present);
  void plan_build(const Service& service, const std::string& name, Wanted& wanted);
  void stand_in(const std::string& name, Wanted& wanted);
  std::optional<std::string> dockerfile_text(const Build& build) const;
  void begin_builds();
  void log(RunEventKind kind, std::size_t image);

  // ImageDistribution: every layer comes from its registry over the host's line.
  FetchRoute route(const LayerFetch& fetch) override;
  // ImagePullListener
  void pull_finished(std::uint32_t tag, PullOutcome outcome) override;
  void disk_grew(NodeId) override {}
  void prefetch_wanted(NodeId, ImageId) override {}

  Engine<berth::Event>* engine_;
  std::vector<RunEvent>* log_;
  Listener* listener_;
  const ImageLibrary* library_;
  DockerRates rates_;
  ImageCatalog catalog_;
  Journal journal_;  // The runtime's own records, which nobody reads here.
  FlowNetwork network_;
  ImagePuller puller_;
  std::vector<Wanted> wanted_;  // Beside reports_.
  std::vector<ImageReport> reports_;
  std::vector<std::uint32_t> of_service_;
  std::map<std::string, std::uint32_t> by_name_;  // Canonical, to reports_.
  std::vector<std::string> notes_;
  std::size_t pulls_left_ = 0;
  std::size_t builds_left_ = 0;
};

}  // namespace berth::compose
