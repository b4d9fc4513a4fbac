// A timeline in the format of ui.perfetto.dev: protobuf messages as published in perfetto_trace.proto. Times are exact
// nanoseconds, tracks nest as deep as they do here, and arrows are drawn.
#pragma once

#include "results/timeline.hpp"

namespace berth {

// Writes a whole trace file (customary name: *.pftrace). Every lane of a track is a Perfetto track; the lanes of one
// track have the same name and parent, which the viewer shows as one. Counters are children of their track. A slice
// that is not over has no end, and runs to the end of the trace. The arrow between two slices that begin together
// leaves the longer. O(n log n) time; besides the timeline, a few 32-bit numbers a slice. Same timeline, same bytes.
void write_perfetto_trace(const Timeline& timeline, const ChunkSink& sink);

}  // namespace berth
