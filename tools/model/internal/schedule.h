// tools/model/internal/schedule.h — an execution as a text that runs it again.
#ifndef WEFT_TOOLS_MODEL_INTERNAL_SCHEDULE_H_
#define WEFT_TOOLS_MODEL_INTERNAL_SCHEDULE_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tools/model/internal/graph.h"

namespace weft::model_internal {

// One event: whose it is and how it went.
struct ScheduledEvent {
  enum class What : char {
    kRead = 'r',      // Of the write `source_index` of thread `source_thread`; -1: initial value.
    kSpurious = 'x',  // The same for a weak CAS that fails for no reason.
    kWrite = 'w',     // `number` is its place in the modification order at the end.
    kChoice = 'c',    // `number` is chosen.
    kPause = 'p',
    // A store that is read early: the event `source_index` of its thread, to the `number`-th atomic
    // that `source_thread` made; `value` is stored, `place` is its place in modification order.
    kPromise = 'h',
    kOther = 'o',
  };
  What what = What::kOther;
  int thread = 0;
  int source_thread = -1;
  int source_index = 0;
  uint64_t number = 0;
  uint64_t value = 0;
  uint64_t place = 0;
};

using Schedule = std::vector<ScheduledEvent>;

// The events of `history`, in its order: "0o 1w1 0r1.1".
std::string Print(const Graph& graph, const std::vector<EventId>& history);

std::string Print(const ScheduledEvent& promise);

// Nothing if the text is no schedule.
std::optional<Schedule> Parse(std::string_view text);

}  // namespace weft::model_internal

#endif  // WEFT_TOOLS_MODEL_INTERNAL_SCHEDULE_H_
