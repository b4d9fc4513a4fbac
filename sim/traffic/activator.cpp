#include "sim/traffic/activator.hpp"

#include <algorithm>
#include <bit>

#include "sim/engine/error.hpp"

namespace berth {
std::uint32_t Activator::find(std::uint32_t pod, std::uint32_t generation) const {
  const auto it = std::ranges::find_if(
      places_, [&](const Place& place) { return place.pod == pod && place.generation == generation; });
  return it == places_.end() ? kNone : static_cast<std::uint32_t>(it - places_.begin());
}

void Activator::ready(std::uint32_t pod, std::uint32_t generation) {
  std::uint32_t number = find(pod, generation);
  if (number == kNone && free_.empty()) {
    number = static_cast<std::uint32_t>(places_.size());
    places_.emplace_back();
    if (places_.size() > room_.size() * 64) room_.push_back(0);
  } else if (number == kNone) {
    const auto lowest = std::ranges::min_element(free_);
    number = *lowest;
    free_.erase(lowest);
  }
  Place& place = places_[number];
  place.pod = pod;
  place.generation = generation;
  if (place.ready) return;
  place.ready = true;
  ready_.push_back(number);
  set_room(number);
}

void Activator::gone(std::uint32_t pod, std::uint32_t generation) {
  const std::uint32_t number = find(pod, generation);
  if (number == kNone || !places_[number].ready) return;
  places_[number].ready = false;
  std::erase(ready_, number);
  set_room(number);
  free_if_empty(number);
}

void Activator::free_if_empty(std::uint32_t number) {
  Place& place = places_[number];
  if (place.ready || place.in_flight > 0) return;
  place = {};
  free_.push_back(number);
}

void Activator::set_room(std::uint32_t number) {
  if (concurrency_ == 0) return;
  const Place& place = places_[number];
  const std::uint64_t bit = std::uint64_t{1} << (number % 64);
  const bool had = (room_[number / 64] & bit) != 0;
  const bool has = place.ready && place.in_flight < concurrency_;
  if (had == has) return;
  room_[number / 64] ^= bit;
  room_count_ += has ? 1 : -1;
}

// The first place at or behind `from` that has room, around the end. There is one.
std::uint32_t Activator::next_with_room(std::uint32_t from) const {
  const auto words = static_cast<std::uint32_t>(room_.size());
  if (from >= words * 64) from = 0;
  std::uint64_t word = room_[from / 64] & (~std::uint64_t{0} << (from % 64));
  for (std::uint32_t w = from / 64;; w = w + 1 == words ? 0 : w + 1, word = room_[w]) {
    if (word != 0) return w * 64 + static_cast<std::uint32_t>(std::countr_zero(word));
  }
}

std::uint32_t Activator::take() {
  if (!has_room()) return kNone;
  std::uint32_t number = 0;
  if (concurrency_ > 0) {
    number = next_with_room(concurrency_ <= kFirstAvailable ? 0 : turn_);
    turn_ = number + 1;
  } else {
    const auto n = static_cast<std::uint32_t>(ready_.size());
    std::uint32_t first = 0;
    std::uint32_t second = n > 1 ? 1 : 0;
    if (n > 2) {
      first = rng_.below(n);
      second = rng_.below(n - 1);
      if (second >= first) ++second;
    }
    number = ready_[first];
    const std::uint32_t other = ready_[second];
    const std::uint32_t here = places_[number].in_flight;
    const std::uint32_t there = places_[other].in_flight;
    if (here > there || (here == there && n > 1 && rng_.below(2) == 0)) number = other;
  }
  ++places_[number].in_flight;
  set_room(number);
  return number;
}

void Activator::give_back(std::uint32_t number) {
  BERTH_CHECK(places_[number].in_flight > 0);
  --places_[number].in_flight;
  set_room(number);
  free_if_empty(number);
}

std::string Activator::verify(std::uint64_t in_flight) const {
  std::uint64_t sum = 0;
  std::size_t ready = 0;
  std::uint32_t room = 0;
  for (const Place& place : places_) {
    sum += place.in_flight;
    ready += place.ready ? 1 : 0;
    room += place.ready && place.in_flight < concurrency_ ? 1 : 0;
  }
  if (sum != in_flight) return "requests handed on are not those of its places";
  if (ready != ready_.size()) return "its list of ready pods is wrong";
  if (concurrency_ > 0 && room != room_count_) return "places with room are miscounted";
  return {};
}

}  // namespace berth
