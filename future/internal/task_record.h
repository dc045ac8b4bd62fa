// future/internal/task_record.h — what is known of a task that is listed in a TaskRegistry.
//
// Lies behind the cell, and only behind those that are listed.
#ifndef WEFT_FUTURE_INTERNAL_TASK_RECORD_H_
#define WEFT_FUTURE_INTERNAL_TASK_RECORD_H_

#include <atomic>
#include <cstdint>
#include <source_location>

#include "base/instant.h"
#include "base/intrusive_list.h"

namespace weft::future_internal {

class CellBase;

struct TaskRecord : IntrusiveListNode<TaskRecord> {
  TaskRecord(CellBase* of, std::source_location location, Instant now)
      : cell(of), spawned_at(location), spawned(now), changed(now) {}

  CellBase* const cell;
  const std::source_location spawned_at;  // line 0: not known
  const Instant spawned;
  // The registry's. Together they tell which of two tasks of one thread is older.
  uint32_t shard = 0;
  uint64_t number = 0;

  // Written by the run, for whoever looks: relaxed.
  std::atomic<int> worker{-1};  // that polls the task or did so last; -1: none
  std::atomic<uint64_t> polls{0};
  std::atomic<Instant> changed;  // when the latest poll began, or ended
};

}  // namespace weft::future_internal

#endif  // WEFT_FUTURE_INTERNAL_TASK_RECORD_H_
