// sync/internal/acquire_future.h — waits for permits and then makes a guard of them.
#ifndef WEFT_SYNC_INTERNAL_ACQUIRE_FUTURE_H_
#define WEFT_SYNC_INTERNAL_ACQUIRE_FUTURE_H_

#include <cstddef>
#include <utility>

#include "base/check.h"
#include "future/context.h"
#include "future/poll.h"
#include "sync/internal/permits.h"
#include "sync/internal/waiter.h"

namespace weft::sync_internal {

// The future of Semaphore::Acquire() and AsyncMutex::Lock(). Safe to drop; moved only before its
// first poll (checked). `Guard` is made from the permits' owner and their number.
template <typename Owner, typename Guard>
class [[nodiscard]] AcquireFuture {
 public:
  using Output = Guard;

  AcquireFuture(Owner* owner, Permits* permits, std::size_t count)
      : owner_(owner), permits_(permits) {
    waiter_.count = count;
  }
  AcquireFuture(AcquireFuture&& other) noexcept
      : AcquireFuture(other.owner_, other.permits_, other.waiter_.count) {
    WEFT_CHECK(!other.is_polled_)
        << "an Acquire() or Lock() future was moved after its first poll; "
           "move it before";
  }
  AcquireFuture& operator=(AcquireFuture&&) = delete;
  ~AcquireFuture() {
    if (is_waiting_) permits_->Drop(waiter_);
  }

  Poll<Guard> poll(Context& cx) {
    is_polled_ = true;
    const Poll<void> poll = permits_->PollAcquire(waiter_, cx);
    is_waiting_ = poll.IsPending();
    if (poll.IsPending()) return kPending;
    if (poll.IsStopped()) return kStopped;
    return Guard(owner_, waiter_.count);
  }

 private:
  Owner* owner_;
  Permits* permits_;
  Waiter waiter_;
  bool is_polled_ = false;   // Owner of the future only.
  bool is_waiting_ = false;  // Owner of the future only: the last poll answered kPending.
};

}  // namespace weft::sync_internal

#endif  // WEFT_SYNC_INTERNAL_ACQUIRE_FUTURE_H_
