#include "policies/autoscalers/fixed.hpp"

#include "policies/params.hpp"
#include "policies/registry.hpp"

namespace berth {
namespace {

const Register<PodAutoscaler, FixedAutoscaler> kRegistered{"fixed", "always the same number of replicas"};

}  // namespace

FixedAutoscaler::FixedAutoscaler(const Params& params)
    : replicas_(static_cast<std::int32_t>(params.integer(
          "replicas", {.fallback = 1, .min = 0, .max = 1'000'000, .help = "the scale, whatever happens"}))) {}

}  // namespace berth
