// `berth conformance`: recorded decisions of the real Kubernetes components, replayed and compared.
#pragma once

#include <string>

namespace berth {

// Every *.jsonl and *.jsonl.gz in the folder (or the one file), whatever component it was recorded from: its header
// line says. Prints a line per flavour with what was compared and equal, and the first difference with both sides.
// False on any difference. Throws InputError for bad input. O(size of the files).
// `markdown`: as the table of a page, without differences.
bool compare_recordings(const std::string& path, bool markdown);

}  // namespace berth
