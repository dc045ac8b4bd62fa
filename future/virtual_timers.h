// future/virtual_timers.h — the timer service of executors whose clock is virtual: tests and
// simulations.
//
// A plain map from deadlines to wakers: timers that are due at the same instant fire in the order
// in which they were armed. Whoever owns the clock asks for the next deadline, moves the clock, and
// takes the due wakers out.
//
//   Thread safety    All methods may be called from any thread, but for one slot not concurrently.
//   Complexity       O(log n), one allocation for each armed timer.
#ifndef WEFT_FUTURE_VIRTUAL_TIMERS_H_
#define WEFT_FUTURE_VIRTUAL_TIMERS_H_

#include <map>
#include <optional>

#include "absl/base/thread_annotations.h"
#include "base/instant.h"
#include "base/mutex.h"
#include "future/executor.h"
#include "future/waker.h"

namespace weft {

// See the head of the file.
class VirtualTimers final : public TimerService {
 public:
  // TimerService.
  void Arm(TimerSlot& slot, Instant deadline, Waker waker) override;
  void Cancel(TimerSlot& slot) override;

  // The earliest deadline. None for timers that are armed for the infinite future: they are never
  // due, however far the clock is moved.
  std::optional<Instant> Next();

  // Takes one due timer's waker out; wake it without holding a lock.
  std::optional<Waker> PopDue(Instant now);

 private:
  struct Entry {
    TimerSlot* slot;
    Waker waker;
  };
  using Entries = std::multimap<Instant, Entry>;  // a slot's storage holds its iterator

  Mutex mutex_;
  Entries entries_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace weft

#endif  // WEFT_FUTURE_VIRTUAL_TIMERS_H_
