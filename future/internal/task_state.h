// future/internal/task_state.h — the state of a spawned task in one atomic word: whether it is
// queued, woken or complete, who waits for it, and who still refers to it.
//
// Life, as the bits kActive, kNotified and kComplete:
//
//   kActive               queued or polled: exactly one thread or queue has it. Tasks are born so.
//   kActive | kNotified   woken since it became active: one more poll, if one has begun
//   0                     waits for a wake
//   kComplete             its future is destroyed, its result published; wakes do nothing
//
// A first poll and one after a single wake touch the word by a load alone; so does a poll that asks
// for another one at once (Context::PollAgain), after which the task simply stays active. A task
// whose handle finds it in its own thread's queue and runs it, while nobody else refers to it, ends
// without any change of the word; and so does a task without handle and wakers. References are
// counted for Wakers only; the handle is a bit, and so is being active. The cell is destroyed by
// whoever takes the last of them away.
//
// The joiner's waker lies in two words that only the handle writes. kJoiner says that the finisher
// may read them. The finisher reads first and claims by the very CAS that completes the task, after
// which it does not touch the cell: so a handle may free the cell as soon as it sees kComplete. If
// the handle ever put another waker there (kReplaced), what was read before the CAS may be stale;
// the finisher then reads afterwards, and kJoiner keeps the cell alive until it has.
//
// Happens-before edges:
//   (1) wake of an active task (CAS, release) -> the poll that it causes (BeginPoll or EndPoll,
//       acquire). A wake of a waiting task reaches its poll through the executor's queue.
//   (2) end of a poll (CAS, release) -> the wake that queues again, or who looks at the task (CAS,
//       acquire) -> next poll.
//   (3) drop of a reference, of the handle, of the run (release) -> destruction (acquire).
//   (4) the joiner's waker is in its slot (CAS, release) -> the finisher reads it (acquire).
//   (5) the result is there (CAS, release) -> the handle takes it (load or CAS, acquire).
#ifndef WEFT_FUTURE_INTERNAL_TASK_STATE_H_
#define WEFT_FUTURE_INTERNAL_TASK_STATE_H_

#include <atomic>
#include <cstdint>
#include <utility>

#include "base/check.h"
#include "future/waker.h"

namespace weft::future_internal {

template <typename Atomics>
class TaskState {
 public:
  // What is to be done after a step.
  enum class Then : unsigned char {
    kNothing,
    kSchedule,  // the caller has the task, which became active: it queues it
    kDestroy,   // the caller took the last reference away: it destroys the cell
  };

  // A task that is queued, with a handle.
  TaskState() = default;
  TaskState(const TaskState&) = delete;
  TaskState& operator=(const TaskState&) = delete;

  // Before all else: there is no handle.
  void BeginDetached() { word_.store(kActive, std::memory_order_relaxed); }

  // ---- Wakers.

  // One more. The caller has one already, or is the run.
  void AddWaker() {
    const uint32_t before = word_.fetch_add(kWaker, std::memory_order_relaxed);
    WEFT_CHECK(before < kMaxWakers) << "a task has more than " << kMaxWakers / kWaker
                                    << " wakers; somebody clones them without end";
  }

  [[nodiscard]] Then DropWaker() {
    const uint32_t before = word_.fetch_sub(kWaker, std::memory_order_acq_rel);  // (3)
    return DestroyIfGone(before - kWaker);
  }

  [[nodiscard]] Then Wake() { return Notify(0, 0); }

  // Wakes, and gives up the waker's reference.
  [[nodiscard]] Then WakeAndDrop() { return Notify(0, kWaker); }

  // Takes a task that waits, as if to poll it, so that its future may be looked at; EndPoll() gives
  // it back, and tells of a wake in between. False: it is queued, polled, looked at or complete.
  [[nodiscard]] bool TryClaim() {
    uint32_t word = word_.load(std::memory_order_relaxed);
    while ((word & (kActive | kComplete)) == 0) {
      // (2)
      if (word_.compare_exchange_weak(word, word | kActive, std::memory_order_acquire,
                                      std::memory_order_relaxed)) {
        return true;
      }
    }
    return false;
  }

  // ---- The run: whoever has the active task.

  // Whether RequestStop() was called before this poll.
  [[nodiscard]] bool BeginPoll() {
    // Relaxed: what came before the task was queued is seen through the queue.
    uint32_t word = word_.load(std::memory_order_relaxed);
    if ((word & kNotified) != 0) {
      word = word_.fetch_and(~kNotified, std::memory_order_acquire);  // (1)
    }
    return (word & kStop) != 0;
  }

  // The poll ended pending. kSchedule: woken meanwhile. kDestroy: nothing can wake it any more.
  [[nodiscard]] Then EndPoll() {
    uint32_t word = word_.load(std::memory_order_relaxed);
    while (true) {
      const bool is_woken = (word & kNotified) != 0;
      const uint32_t next = word & ~(is_woken ? kNotified : kActive);
      // (1), (2), (3)
      if (word_.compare_exchange_weak(word, next, std::memory_order_acq_rel,
                                      std::memory_order_relaxed)) {
        return is_woken ? Then::kSchedule : DestroyIfGone(next);
      }
    }
  }

  // The result is set and the future is gone. Gives the joiner's waker, which is still to be woken.
  // If the second is kNothing, the cell may be gone.
  [[nodiscard]] std::pair<Waker, Then> Complete() {
    uint32_t word = word_.load(std::memory_order_acquire);  // (3), (4)
    while (true) {
      if ((word & kReplaced) != 0) return CompleteReplaced();
      const bool has_joiner = (word & kJoiner) != 0;
      const Waker::Raw joiner = has_joiner ? ReadSlot() : Waker::Raw();
      const uint32_t next = (word & ~(kActive | kJoiner)) | kComplete;
      // Release: (3), (5). Acquire: (3), (4); on failure alone, because a word without handle and
      // wakers is changed by nobody else, and one with a joiner not back to what it was.
      if (word_.compare_exchange_weak(word, next, std::memory_order_release,
                                      std::memory_order_acquire)) {
        return {Waker(joiner.vtable, joiner.data), DestroyIfGone(next)};
      }
    }
  }

  // When the future is gone: whether nobody but the run refers to the task. Then nobody can come,
  // and nobody has to be told: the caller destroys the cell instead of Complete().
  [[nodiscard]] bool IsOnlyTheRuns() const {
    return (word_.load(std::memory_order_acquire) & ~kFlags) == kActive;  // (3)
  }

  // For a run on the handle's thread, inside a call of the handle, when the result is set and the
  // future is gone: whether nobody else refers to the task. Then nobody has to be told: the caller
  // destroys the cell instead of Complete() and DropHandle().
  [[nodiscard]] bool IsOnlyTheHandles() const {
    return (word_.load(std::memory_order_acquire) & ~kFlags) == (kActive | kHandle);  // (3)
  }

  // ---- The handle.

  // Edge (5).
  bool IsComplete() const { return (word_.load(std::memory_order_acquire) & kComplete) != 0; }

  // Whether the task is complete; if not, keeps a clone of `waker` for that moment.
  [[nodiscard]] bool PollJoin(const Waker& waker) {
    uint32_t word = word_.load(std::memory_order_acquire);  // (5)
    if ((word & kComplete) != 0) return true;
    uint32_t mark = kJoiner;
    Waker previous;
    if ((word & kJoiner) != 0) {
      const Waker::Raw raw = ReadSlot();
      const BorrowedWaker current(raw.vtable, raw.data);
      if (current.get().WillWake(waker)) return false;
      if (!Update(word, 0, kJoiner)) return true;
      previous = Waker(raw.vtable, raw.data);
      mark |= kReplaced;
    }
    const Waker::Raw raw = waker.Clone().IntoRaw();
    slot_vtable_.store(raw.vtable, std::memory_order_relaxed);
    slot_data_.store(raw.data, std::memory_order_relaxed);
    if (Update(word, mark, 0)) return false;
    previous = Waker(raw.vtable, raw.data);
    return true;
  }

  // Asks the task to stop, and wakes it.
  [[nodiscard]] Then RequestStop() { return Notify(kStop, 0); }

  // The handle goes, and its waker with it.
  [[nodiscard]] std::pair<Waker, Then> DropHandle() {
    uint32_t word = word_.load(std::memory_order_acquire);  // (5), (3)
    while ((word & kComplete) == 0) {
      // Read first: without the handle, the cell may be gone at once. Nobody else writes it.
      const bool has_joiner = (word & kJoiner) != 0;
      const Waker::Raw joiner = has_joiner ? ReadSlot() : Waker::Raw();
      const uint32_t next = word & ~(kHandle | kJoiner);
      // Release: (3). Acquire: (3), (5); on failure alone, because a word of a handle alone is
      // changed by nobody else.
      if (word_.compare_exchange_weak(word, next, std::memory_order_release,
                                      std::memory_order_acquire)) {
        return {Waker(joiner.vtable, joiner.data), DestroyIfGone(next)};
      }
    }
    // Nobody but the handle is left: nobody can come.
    if ((word & ~kFlags) == kHandle) return {Waker(), Then::kDestroy};
    word = word_.fetch_and(~kHandle, std::memory_order_acq_rel);  // (3)
    return {Waker(), DestroyIfGone(word & ~kHandle)};
  }

 private:
  static constexpr uint32_t kNotified = 1;
  static constexpr uint32_t kComplete = 2;
  static constexpr uint32_t kStop = 4;
  static constexpr uint32_t kReplaced = 8;
  static constexpr uint32_t kFlags = 15;
  // What keeps the cell alive.
  static constexpr uint32_t kJoiner = 16;
  static constexpr uint32_t kActive = 32;
  static constexpr uint32_t kHandle = 64;
  static constexpr uint32_t kWaker = 128;  // the unit of a count
  static constexpr uint32_t kMaxWakers = 1u << 31;

  static Then DestroyIfGone(uint32_t word) {
    return (word & ~kFlags) == 0 ? Then::kDestroy : Then::kNothing;
  }

  Then Notify(uint32_t flags, uint32_t dropped) {
    // Relaxed: a task that is complete needs no wake, whoever completed it.
    uint32_t word = word_.load(std::memory_order_relaxed);
    while (true) {
      if ((word & kComplete) != 0) return dropped == 0 ? Then::kNothing : DropWaker();
      const bool is_active = (word & kActive) != 0;
      const uint32_t next = ((word | flags) | (is_active ? kNotified : kActive)) - dropped;
      // (1), (2)
      if (word_.compare_exchange_weak(word, next, std::memory_order_acq_rel,
                                      std::memory_order_relaxed)) {
        return is_active ? Then::kNothing : Then::kSchedule;
      }
    }
  }

  // Sets and clears bits unless the task is complete; returns whether it is not.
  bool Update(uint32_t word, uint32_t set, uint32_t cleared) {
    while ((word & kComplete) == 0) {
      // Release: (4). Acquire: (5).
      if (word_.compare_exchange_weak(word, (word | set) & ~cleared, std::memory_order_release,
                                      std::memory_order_acquire)) {
        return true;
      }
    }
    return false;
  }

  std::pair<Waker, Then> CompleteReplaced() {
    uint32_t word = word_.load(std::memory_order_relaxed);
    // (3), (4), (5)
    while (!word_.compare_exchange_weak(word, (word & ~kActive) | kComplete,
                                        std::memory_order_acq_rel, std::memory_order_relaxed)) {
    }
    if ((word & kJoiner) == 0) return {Waker(), DestroyIfGone(word & ~kActive)};
    const Waker::Raw joiner = ReadSlot();
    word = word_.fetch_and(~kJoiner, std::memory_order_acq_rel);  // (3)
    return {Waker(joiner.vtable, joiner.data), DestroyIfGone(word & ~kJoiner)};
  }

  Waker::Raw ReadSlot() const {
    return {slot_vtable_.load(std::memory_order_relaxed),
            slot_data_.load(std::memory_order_relaxed)};
  }

  template <typename T>
  using Atomic = typename Atomics::template Atomic<T>;

  Atomic<const Waker::VTable*> slot_vtable_{nullptr};
  Atomic<void*> slot_data_{nullptr};
  Atomic<uint32_t> word_{kActive | kHandle};  // last: a cell puts its flags behind it
};

}  // namespace weft::future_internal

#endif  // WEFT_FUTURE_INTERNAL_TASK_STATE_H_
