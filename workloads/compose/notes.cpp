#include "workloads/compose/notes.hpp"

#include <fmt/format.h>

namespace berth::compose {

void Notes::add(const std::string& what, const Place& place) {
  const auto [at, added] = known_.emplace(what, notes_.size());
  if (added) notes_.push_back({what, place, 0});
  ++notes_[at->second].times;
}

std::vector<std::string> Notes::lines() const {
  std::vector<std::string> lines;
  lines.reserve(notes_.size());
  for (const Note& note : notes_) {
    const std::string place = to_string(note.first);
    lines.push_back(fmt::format("{}{}{}{}", place, place.empty() ? "" : ": ", note.what,
                                note.times > 1 ? fmt::format(" ({} times)", note.times) : std::string()));
  }
  return lines;
}

}  // namespace berth::compose
