// runtime/trace.h — what the workers of a Runtime did, for ui.perfetto.dev.
#ifndef WEFT_RUNTIME_TRACE_H_
#define WEFT_RUNTIME_TRACE_H_

#include <string>

#include "runtime/observe.h"

namespace weft {

// The trace as JSON that ui.perfetto.dev opens: a track for each worker, runs as slices, arrows
// from where a task was queued to its run. Runs whose begin was dropped are left out.
std::string FormatTrace(const RuntimeTrace& trace);

}  // namespace weft

#endif  // WEFT_RUNTIME_TRACE_H_
