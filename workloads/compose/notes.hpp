// What was met and plays no part in a simulation: once for each field, with where it was first and how often.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "sim/engine/error.hpp"

namespace berth::compose {

class Notes {
 public:
  // `what` is the whole text of the note but for the place; equal texts are one note.
  void add(const std::string& what, const Place& place);
  // "compose.yaml:7:5: services.*.cap_add is not modelled (3 times)", in the order of first sight.
  std::vector<std::string> lines() const;

 private:
  struct Note {
    std::string what;
    Place first;
    std::size_t times = 0;
  };
  std::vector<Note> notes_;
  std::map<std::string, std::size_t> known_;
};

}  // namespace berth::compose
