// mpmc/bounded_queue.h — a fixed-capacity queue for many producers and many consumers.
//
// A value pushed by one thread is popped by exactly one thread. Use it to hand work between threads
// when the backlog must be bounded; use channel/ when the consumer is a task; use deque/ when one
// thread owns the work and others only help; use UnboundedQueue when a push may never be refused.
//
// Trade-offs
//   A slot costs sizeof(T) + 8 bytes (rounded to alignment), allocated once. A thread stopped
//   between claiming a slot and finishing with it delays whoever needs that slot next: operations
//   are not lock-free (see Progress).
//
// Guarantees
//   Thread safety    All methods may be called from any thread at once; construction and
//                    destruction may not overlap any of them.
//   Order            FIFO: values leave in the order in which their pushes claimed slots; hence
//                    FIFO for each producer.
//   Exactness        kFull and "empty" are exact: the queue was full (empty) at some moment during
//                    the call, pushes and pops counted from their claim.
//   Capacity         Exactly `capacity` values fit, for every capacity from 1 up.
//   Memory ordering  What X did before a push that answered kOk is visible to Y after the TryPop
//                    that returned that value.
//   Progress         A call that finds a slot claimed but unfinished waits for the thread that
//                    claimed it: it spins, then yields the processor. Never takes a lock.
//   Complexity       O(1) plus that waiting; no allocation after construction.
//   Precondition     T is nothrow move constructible and nothrow destructible (checked at compile
//                    time).
//
// Example: bounded_queue_example.cc
#ifndef WEFT_MPMC_BOUNDED_QUEUE_H_
#define WEFT_MPMC_BOUNDED_QUEUE_H_

#include <cstddef>
#include <optional>
#include <utility>

#include "base/atomics.h"
#include "mpmc/internal/lap_ring.h"
#include "mpmc/push_result.h"

namespace weft {

// See the top of this file.
template <typename T>
class BoundedQueue {
 public:
  // The largest capacity that a queue may have.
  static constexpr std::size_t kMaxCapacity = mpmc_internal::LapRing<T, StdAtomics>::kMaxCapacity;

  // Makes an empty queue with room for `capacity` values. Precondition (checked): 1 <= capacity <=
  // kMaxCapacity.
  explicit BoundedQueue(std::size_t capacity) : ring_(capacity) {}

  // Destroys the values that are still inside.
  ~BoundedQueue() = default;

  BoundedQueue(const BoundedQueue&) = delete;
  BoundedQueue& operator=(const BoundedQueue&) = delete;

  // Appends `value`, or hands it back with kFull.
  PushResult<T> TryPush(T value) { return ring_.TryPush(std::move(value)); }

  // Takes the oldest value, or answers nothing when the queue is empty.
  std::optional<T> TryPop() { return ring_.TryPop(); }

  // Number of values inside; approximate while other threads work on the queue, exact otherwise.
  std::size_t SizeHint() const { return ring_.SizeHint(); }

  // Whether SizeHint() is zero; the same limits apply.
  bool IsEmptyHint() const { return SizeHint() == 0; }

  // The number of values that fit.
  std::size_t capacity() const { return ring_.capacity(); }

 private:
  mpmc_internal::LapRing<T, StdAtomics> ring_;
};

}  // namespace weft

#endif  // WEFT_MPMC_BOUNDED_QUEUE_H_
