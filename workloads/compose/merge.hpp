// Several trees to one. Short forms that would merge otherwise than long ones are written out first (lists of
// NAME=value, depends_on and networks as lists, build as a string); then maps merge, lists append, what is unique by a
// key replaces what has the same key, and commands replace each other.
// Source: Compose specification, 13-merge.md; compose-go, override/merge.go and uncity.go.
#pragma once

#include <string>

#include "workloads/compose/tree.hpp"

namespace berth::compose {

// Brings the services and other parts of one document into the form that merges. Throws InputError for forms that are
// none (an environment that is a number …).
void canonicalize(Node& document);

// `over` on top of `base`, both canonical. !reset removes, !override replaces. Throws InputError where the two are of
// kinds that do not merge. O(nodes).
void merge_documents(Node& base, Node over);
// The same for one service; `path` is for errors.
void merge_service(Node& base, Node over, const std::string& path);

// What `tag` asks for in a file that merges with none: values under !reset are gone.
void drop_reset(Node& node);

}  // namespace berth::compose
