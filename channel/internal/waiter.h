// channel/internal/waiter.h — a suspended operation in the list of its channel.
#ifndef WEFT_CHANNEL_INTERNAL_WAITER_H_
#define WEFT_CHANNEL_INTERNAL_WAITER_H_

#include <utility>

#include "absl/container/inlined_vector.h"
#include "base/intrusive_list.h"
#include "future/context.h"
#include "future/waker.h"

namespace weft::channel_internal {

// The life of one operation. All transitions happen under the channel's mutex.
enum class WaitState : unsigned char {
  kIdle,     // Not in a list: before the first poll, or finished.
  kWaiting,  // In the list; the waker is set.
  kGranted,  // Out of the list: a receiver may take one value, a sender's value has been taken.
  kClosed,   // Out of the list: the channel was closed.
};

// Lives inside a future, hence inside the frame of the coroutine that waits: waiting allocates
// nothing. Written under the channel's mutex.
struct Waiter : IntrusiveListNode<Waiter> {
  WaitState state = WaitState::kIdle;
  Waker waker;            // Set while kWaiting.
  void* value = nullptr;  // A sender's value; unused by receivers.
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

// Makes `waiter` wake the task that polls now. Returns the waker that it replaces, which the caller
// drops after releasing the lock.
[[nodiscard]] inline Waker UpdateWaker(Waiter& waiter, const Context& cx) {
  if (waiter.waker.WillWake(cx.waker())) return Waker();
  return std::exchange(waiter.waker, cx.waker().Clone());
}

}  // namespace weft::channel_internal

#endif  // WEFT_CHANNEL_INTERNAL_WAITER_H_
