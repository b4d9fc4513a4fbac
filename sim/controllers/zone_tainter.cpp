#include "sim/controllers/zone_tainter.hpp"

#include <algorithm>

namespace berth::controllers {

bool TokenBucket::try_accept(Time now) {
  constexpr std::int64_t kSecond = 1'000'000'000;
  const std::int64_t ns = (now - last_).ns;
  const double elapsed = static_cast<double>(ns / kSecond) + static_cast<double>(ns % kSecond) / 1e9;  // As Go adds up.
  const double tokens = std::min(1.0, tokens_ + elapsed * rate_) - 1;
  // A wait of less than a nanosecond is none.
  if (tokens < 0 && static_cast<std::int64_t>(1e9 * (-tokens / rate_)) > 0) return false;
  last_ = now;
  tokens_ = tokens;
  return true;
}

bool ZoneTainter::add(NodeId node, Time now) {
  if (!known_.insert(static_cast<std::uint32_t>(node)).second) return false;
  const auto behind =
      std::upper_bound(line_.begin(), line_.end(), now, [](Time t, const Item& i) { return t < i.due; });
  line_.insert(behind, {now, node});
  return true;
}

void ZoneTainter::remove(NodeId node) {
  if (known_.erase(static_cast<std::uint32_t>(node)) == 0) return;
  std::erase_if(line_, [node](const Item& i) { return i.node == node; });
}

void ZoneTainter::set_rate(float per_second, Time now) {
  if (per_second <= 0) {
    bucket_.reset();
    return;
  }
  if (bucket_ && bucket_->rate() == per_second) return;
  TokenBucket next(per_second);
  if (!bucket_ || !bucket_->try_accept(now)) next.try_accept(now);
  bucket_ = next;
}

void ZoneTainter::run(Time now, const std::function<bool(NodeId)>& taint) {
  while (!line_.empty()) {
    if (!bucket_ || !bucket_->try_accept(now) || now < line_.front().due) return;
    const Item item = line_.front();
    line_.erase(line_.begin());
    if (taint(item.node)) continue;
    const Time again = now + milliseconds(50) + nanoseconds(1);
    const auto behind =
        std::upper_bound(line_.begin(), line_.end(), again, [](Time t, const Item& i) { return t < i.due; });
    line_.insert(behind, {again, item.node});
  }
}

}  // namespace berth::controllers
