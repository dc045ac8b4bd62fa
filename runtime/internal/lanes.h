// runtime/internal/lanes.h — the queued tasks of the classes kHigh and kLow, for all workers.
//
// Each class has one queue for the whole runtime: its tasks begin first in, first out, whoever
// queued them, and none is kept behind what its worker does for long. kNormal stays with the
// workers' own queues, which cost no locked instruction; a runtime whose tasks are all of that
// class reads one byte more for each run.
//
// For the idle protocol a lane is one more queue to look at, as the injector is: whoever pushes
// wakes one, and IsEmpty() is exact.
#ifndef WEFT_RUNTIME_INTERNAL_LANES_H_
#define WEFT_RUNTIME_INTERNAL_LANES_H_

#include <atomic>

#include "base/cache_line.h"
#include "base/check.h"
#include "future/executor.h"
#include "mpmc/pop_result.h"
#include "mpmc/unbounded_queue.h"

namespace weft::runtime_internal {

// See the head of the file. Thread-safe.
class Lanes {
 public:
  // Precondition: `priority` is not kNormal.
  void Push(TaskPriority priority, Runnable* runnable) {
    // Before the push: who sees the task sees this.
    if (!AreUsed()) are_used_.store(true, std::memory_order_relaxed);
    (void)LaneOf(priority).Push(runnable);  // Never closed, so never refused.
  }

  // The oldest of a class, or null. Precondition: `priority` is not kNormal.
  Runnable* TryPop(TaskPriority priority) {
    UnboundedQueue<Runnable*>& lane = LaneOf(priority);
    if (lane.IsEmpty()) return nullptr;
    const PopResult<Runnable*> result = lane.TryPop();
    return result ? *result : nullptr;
  }

  // Whether both were empty, each at some moment during the call.
  bool IsEmpty() const { return high_.IsEmpty() && low_.IsEmpty(); }

  // Whether there ever was such a task, as far as this thread knows.
  bool AreUsed() const { return are_used_.load(std::memory_order_relaxed); }

 private:
  UnboundedQueue<Runnable*>& LaneOf(TaskPriority priority) {
    WEFT_DCHECK(priority != TaskPriority::kNormal) << "Lanes: kNormal has no lane";
    return priority == TaskPriority::kHigh ? high_ : low_;
  }

  alignas(kCacheLineSize) std::atomic<bool> are_used_{false};
  UnboundedQueue<Runnable*> high_;
  UnboundedQueue<Runnable*> low_;
};

}  // namespace weft::runtime_internal

#endif  // WEFT_RUNTIME_INTERNAL_LANES_H_
