// mpmc/internal/turn_wait.h — what a loop does between two looks at what another thread is to
// change.
#ifndef WEFT_MPMC_INTERNAL_TURN_WAIT_H_
#define WEFT_MPMC_INTERNAL_TURN_WAIT_H_

#include "base/atomics.h"
#include "base/backoff.h"

namespace weft::mpmc_internal {

// For a slot that another thread has claimed and not finished. Over any atomics: one pause a turn,
// which is what a model checker wants to see.
template <typename Atomics>
class TurnWait {
 public:
  void Once() { Atomics::SpinPause(); }
  // Whether it has taken so long that a dearer look is in order.
  bool IsLong() const { return true; }
  // Whether to look at the slot again before asking the other side.
  bool Watch() { return false; }
};

// On the real machine: longer and longer pauses, so that looking does not slow the other thread
// down, then the rest of the time slice, because the other thread may need this processor.
template <>
class TurnWait<StdAtomics> {
 public:
  void Once() {
    if (backoff_.IsSpent()) {
      StdAtomics::Yield();
    } else {
      backoff_.Spin();
    }
  }
  bool IsLong() const { return backoff_.IsSpent(); }
  // A few times, since to ask takes the counter's cache line from the very thread that is to come.
  // The first time for about as long as a line travels: by then there may be several values; all
  // together as long as a round trip, some 100 to 300 ns.
  bool Watch() {
    if (watches_ == kWatches) return false;
    for (int i = watches_ == 0 ? kFirstWatch : 1; i > 0; --i) StdAtomics::SpinPause();
    ++watches_;
    return true;
  }

 private:
  static constexpr int kWatches = 6;
  static constexpr int kFirstWatch = 4;  // Pauses.

  SpinBackoff backoff_;
  int watches_ = 0;
};

// How long a thread spins before it sleeps. Over any atomics: not at all.
template <typename Atomics>
class SpinPhase {
 public:
  static constexpr bool IsSpent() { return true; }
  void Once() {}
};

// On the real machine: some microseconds, about what a sleep and a wake cost.
template <>
class SpinPhase<StdAtomics> {
 public:
  bool IsSpent() const { return backoff_.IsSpent(); }
  void Once() { backoff_.Spin(); }

 private:
  SpinBackoff backoff_;
};

}  // namespace weft::mpmc_internal

#endif  // WEFT_MPMC_INTERNAL_TURN_WAIT_H_
