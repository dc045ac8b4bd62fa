// runtime/internal/job_state.h — how the owner of a stolen job learns of its end: it looks, then
// sleeps; the thief's last touch of the job says whom to wake.
//
// Happens-before edges; each end names its number:
//   (1) thief -> owner       state: release, acquire. The result or exception of the job.
// That there is somebody to wake needs no edge: end and announcement of sleep are two
// read-modify-writes of one word, so the later one sees the earlier; and who is named has existed
// since before the two threads started. A wake may be left from an earlier sleep, so each sleep is
// followed by a look; that this one sees the end which its own wake announced, is promised by the
// waker: what precedes a wake is visible after the sleep that it ends.
#ifndef WEFT_RUNTIME_INTERNAL_JOB_STATE_H_
#define WEFT_RUNTIME_INTERNAL_JOB_STATE_H_

#include <atomic>
#include <cstdint>

#include "base/atomics.h"

namespace weft::runtime_internal {

// Of a job that is stolen once. Threads have names: even numbers but zero, as addresses are.
template <typename Atomics>
class BasicJobState {
 public:
  using Name = std::uintptr_t;
  static constexpr Name kNobody = 0;
  static constexpr Name kEnded = 2;  // no address

  // Thief. Relaxed: its name is a hint, and is dropped when the owner sleeps already.
  void Begin(Name thief) {
    Name expected = kNobody;
    state_.compare_exchange_strong(expected, thief, std::memory_order_relaxed,
                                   std::memory_order_relaxed);
  }

  // Thief, last. The owner that must be woken, or kNobody. The job may be gone.
  Name End() {
    const Name before = state_.exchange(kEnded, std::memory_order_release);  // (1)
    return (before & kAsleep) != 0 ? before - kAsleep : kNobody;
  }

  // Owner. The thief, or kNobody before it has begun, or kEnded.
  Name Look() const { return state_.load(std::memory_order_acquire); }  // (1)

  // Owner, whose Look() did not say kEnded. Returns when it would; calls sleep(), which a wake of
  // `owner` ends, also one that came before, and after which what preceded that wake is visible.
  template <typename Sleep>
  void AwaitEnd(Name owner, Sleep sleep) const {
    Name state = state_.load(std::memory_order_relaxed);
    while (state != kEnded &&
           !state_.compare_exchange_weak(state, owner | kAsleep, std::memory_order_relaxed,
                                         std::memory_order_relaxed)) {
    }
    while (Atomics::Recheck(Look() != kEnded)) sleep();
  }

 private:
  static constexpr Name kAsleep = 1;

  mutable typename Atomics::template Atomic<Name> state_{kNobody};
};

using JobState = BasicJobState<StdAtomics>;

}  // namespace weft::runtime_internal

#endif  // WEFT_RUNTIME_INTERNAL_JOB_STATE_H_
