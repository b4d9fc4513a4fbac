// Markov-modulated Poisson arrivals. The path of states has draws of its own, so that it is the same whether one asks
// for arrivals or for rates. Model: Fischer, Meier-Hellstern, "The MMPP cookbook", Performance Evaluation 18, 1993.
#include <utility>

#include "sim/engine/distribution.hpp"
#include "sim/engine/error.hpp"
#include "workloads/traffic/segment_arrivals.hpp"

namespace berth {
namespace {

class MmppSegments final : public RateSegments {
 public:
  MmppSegments(const std::vector<MmppState>& states, const Rng& rng) : states_(states), rng_(rng) {
    double total = 0;
    for (const MmppState& state : states_) total += state.mean_sojourn.seconds();
    double rest = rng_.uniform() * total;
    while (state_ + 1 < states_.size() && rest >= states_[state_].mean_sojourn.seconds()) {
      rest -= states_[state_++].mean_sojourn.seconds();
    }
  }
  bool next(Segment& out) override {
    const MmppState& state = states_[state_];
    const Time until = at_ + from_seconds(exponential(rng_, state.mean_sojourn.seconds()));
    out = {at_, until, state.rate * 1e-9};
    at_ = until;
    state_ = (state_ + 1) % states_.size();
    return true;
  }

 private:
  const std::vector<MmppState>& states_;
  Rng rng_;
  std::size_t state_ = 0;
  Time at_{};
};

class MmppProcess final : public ArrivalProcess {
 public:
  MmppProcess(std::vector<MmppState> states, ArrivalSpan span) : states_(std::move(states)), span_(span) {
    double most = 0;
    for (const MmppState& state : states_) {
      if (state.rate != 0) check_rate(state.rate, "rate of a state");
      most = std::max(most, state.rate);
      if (state.mean_sojourn < microseconds(1)) {
        throw InputError("sojourn of a state is " + to_string(state.mean_sojourn) + "; expected 1us or more");
      }
    }
    if (most == 0) throw InputError("no state has a rate; expected one state or more with a rate above 0");
  }
  std::unique_ptr<RequestArrivals> open(std::uint64_t seed, std::uint32_t replication,
                                        std::uint32_t source) const override {
    return segment_arrivals(
        std::make_unique<MmppSegments>(states_, Rng(seed, replication, source | 0x8000'0000, Purpose::kTraffic)),
        Rng(seed, replication, source, Purpose::kTraffic), span_);
  }

 private:
  std::vector<MmppState> states_;
  ArrivalSpan span_;
};

}  // namespace

std::shared_ptr<const ArrivalProcess> mmpp_arrivals(std::vector<MmppState> states, ArrivalSpan span) {
  return std::make_shared<MmppProcess>(std::move(states), span);
}

}  // namespace berth
