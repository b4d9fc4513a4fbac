// One manifest text, read.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "workloads/manifest/manifest.hpp"

namespace berth::test {

inline manifest::Manifests read_text(std::string_view text, const std::string& file = "f.yaml") {
  manifest::Manifests out;
  manifest::read_manifest(text, file, out);
  return out;
}

// The only object in the text, which must be of type T.
template <class T>
T only(std::string_view text) {
  const manifest::Manifests found = read_text(text);
  for (const manifest::Rejected& r : found.rejected) ADD_FAILURE() << r.message;
  if (found.objects.size() != 1) {
    ADD_FAILURE() << found.objects.size() << " objects";
    return {};
  }
  const T* object = std::get_if<T>(&found.objects[0].object);
  if (object == nullptr) ADD_FAILURE() << found.objects[0].kind << " is of another type";
  return object == nullptr ? T{} : *object;
}

// The only rejection's message.
inline std::string rejection(std::string_view text, const std::string& file = "f.yaml") {
  const manifest::Manifests found = read_text(text, file);
  return found.rejected.size() == 1 ? found.rejected[0].message : std::to_string(found.rejected.size()) + " rejections";
}

// "kind: what" lines of all notes.
inline std::string notes_of(const manifest::Manifests& found) {
  std::string out;
  for (const manifest::Notes::Note& note : found.notes.list()) out += manifest::to_string(note) + "\n";
  return out;
}

}  // namespace berth::test
