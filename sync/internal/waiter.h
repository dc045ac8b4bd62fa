// sync/internal/waiter.h — a suspended task in the list of what it waits for.
#ifndef WEFT_SYNC_INTERNAL_WAITER_H_
#define WEFT_SYNC_INTERNAL_WAITER_H_

#include <cstddef>
#include <utility>

#include "absl/container/inlined_vector.h"
#include "base/intrusive_list.h"
#include "future/context.h"
#include "future/waker.h"

namespace weft::sync_internal {

// The life of one wait. All transitions happen under the mutex of what is waited for.
enum class WaitState : unsigned char {
  kIdle,       // Not in a list: before the first poll, or finished.
  kWaiting,    // In the list; the waker is set.
  kGranted,    // Out of the list: it got what it waited for, and must pass it on if it is stopped.
  kBroadcast,  // Out of the list together with all others: nothing to pass on.
};

// Lives inside a future, hence inside the frame of the coroutine that waits: waiting allocates
// nothing.
struct Waiter : IntrusiveListNode<Waiter> {
  WaitState state = WaitState::kIdle;
  Waker waker;            // Set while kWaiting.
  std::size_t count = 1;  // How many permits it asks for.
};

// Wakers collected under a lock, to be woken after it is released: declare it before the lock.
class WakeList {
 public:
  WakeList() = default;
  WakeList(const WakeList&) = delete;
  WakeList& operator=(const WakeList&) = delete;
  ~WakeList() {
    for (Waker& waker : wakers_) std::move(waker).Wake();
  }

  void Add(Waker waker) { wakers_.push_back(std::move(waker)); }

 private:
  absl::InlinedVector<Waker, 2> wakers_;
};

// Puts `waiter` at the end of `list`, to wake the task that polls now.
inline void StartWaiting(IntrusiveList<Waiter>& list, Waiter& waiter, const Context& cx) {
  waiter.waker = cx.waker().Clone();
  waiter.state = WaitState::kWaiting;
  list.PushBack(&waiter);
}

// Takes `waiter` out of its list. Returns its waker, which the caller drops after releasing the
// lock.
[[nodiscard]] inline Waker StopWaiting(Waiter& waiter) {
  waiter.Unlink();
  waiter.state = WaitState::kIdle;
  return std::move(waiter.waker);
}

// Makes `waiter` wake the task that polls now. Returns the waker that it replaces, which the caller
// drops after releasing the lock.
[[nodiscard]] inline Waker UpdateWaker(Waiter& waiter, const Context& cx) {
  if (waiter.waker.WillWake(cx.waker())) return Waker();
  return std::exchange(waiter.waker, cx.waker().Clone());
}

// Ends the wait of `waiter`, which has left its list.
inline void Finish(Waiter& waiter, WaitState state, WakeList& wakes) {
  waiter.state = state;
  wakes.Add(std::move(waiter.waker));
}

}  // namespace weft::sync_internal

#endif  // WEFT_SYNC_INTERNAL_WAITER_H_
