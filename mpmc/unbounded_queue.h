// mpmc/unbounded_queue.h — a queue for many producers and many consumers that never fills up.
//
// Use it for hand-over points where refusing is no option and something else bounds the backlog;
// use BoundedQueue when the queue itself must bound it.
//
// Model: a chain of segments of about 32 KiB. A push takes the next ticket with one fetch_add and
// fills the slot of that ticket; a pop takes the oldest filled slot with one compare-and-swap.
// Drained segments are kept for reuse or their memory goes back to the system.
//
// Guarantees
//   Thread safety    All methods may be called from any thread at once; construction and
//                    destruction may not overlap any of them.
//   Order            FIFO over all producers and consumers (linearizable): values leave in the
//                    order in which their pushes took tickets. A bulk push may be split where a
//                    segment ends, and other values may then come between its parts.
//   Exactness        "Empty" is exact: the queue was empty at some moment during the call, pushes
//                    and pops counted from their claim. PollPop() is the exception.
//   Closing          After Close(), pushes are refused and pops drain what is left; then they say
//                    kClosed.
//   Memory ordering  What X did before a push is visible to Y after the pop that returned its
//   value.
//   Progress         Push: wait-free but for the one push in a segment's worth that opens the next
//                    segment, and those that meet it there: they take a lock. TryPop: lock-free on
//                    filled slots; waits for a push that took its ticket and has not filled it; the
//                    pop of a segment's last value takes the lock, with its value in hand.
//                    PollPop: the same without the waiting. IsEmpty, SizeHint: wait-free.
//                    Close: takes the lock.
//   Complexity       O(1) a value. Push allocates a segment when the backlog grows by one. A TryPop
//                    that comes after the last value looks a second time, some hundred nanoseconds
//                    later, before it says kEmpty; the next ones, at that place, say it at once.
//   Memory           The backlog, and at most 3 segments; plus one for each thread that was stopped
//                    in the middle of taking a value out (it pins its segment, unless T is
//                    trivially copyable and at most 32 bytes), plus 24 bytes for
//                    each segment that there ever was at once. Pages beyond that are given back by
//                    the pop that drains them; their addresses stay reserved until the queue ends.
//   Errors           Push throws std::bad_alloc when memory is exhausted; the queue is unchanged.
//   Precondition     T is nothrow move constructible and nothrow destructible (checked at compile
//                    time).
//
// Example: unbounded_queue_example.cc
#ifndef WEFT_MPMC_UNBOUNDED_QUEUE_H_
#define WEFT_MPMC_UNBOUNDED_QUEUE_H_

#include <cstddef>
#include <span>
#include <utility>

#include "base/atomics.h"
#include "mpmc/bulk_result.h"
#include "mpmc/internal/segment_queue.h"
#include "mpmc/pop_result.h"
#include "mpmc/push_result.h"

namespace weft {

// See the top of this file.
template <typename T>
class UnboundedQueue {
  using Queue = mpmc_internal::SegmentQueue<T, StdAtomics>;

 public:
  using value_type = T;

  // Values in one segment: the unit in which memory is taken and given back.
  static constexpr std::size_t kSegmentSlots = Queue::kSegmentSlots;
  // Bytes of one segment.
  static constexpr std::size_t kSegmentBytes = Queue::kSegmentBytes;

  // Makes an empty queue; allocates its first segment. Throws std::bad_alloc.
  UnboundedQueue() = default;

  UnboundedQueue(const UnboundedQueue&) = delete;
  UnboundedQueue& operator=(const UnboundedQueue&) = delete;

  // Destroys the values that are still inside.
  ~UnboundedQueue() = default;

  // Appends `value`, or hands it back with kClosed. Throws std::bad_alloc; `value` is then lost
  // with the argument, and the queue is as it was.
  PushResult<T> Push(T value) { return queue_.Push(std::move(value)); }

  // Appends values[0], values[1], ... by one claim for each run that fits into a segment: kOk and
  // how many were moved from, or kClosed and 0. Fewer than all: the queue was closed or memory was
  // exhausted on the way, which a further call tells; the rest is untouched. Throws std::bad_alloc
  // only when it has moved none. An empty span is kOk.
  BulkPushResult PushBulk(std::span<T> values) { return queue_.PushBulk(values); }

  // Takes the oldest value, or says kEmpty, or kClosed when the queue is closed and drained.
  PopResult<T> TryPop() { return queue_.TryPop(); }

  // Like TryPop, but cheap to call in a loop: it waits for nobody and leaves the producers' cache
  // line alone. Says kBusy when the oldest value is not there: the queue is empty, or closed and
  // drained, or the oldest push is unfinished though later ones may be complete. Ask TryPop() now
  // and then.
  PopResult<T> PollPop() { return queue_.PollPop(); }

  // Takes the oldest value as soon as there is one, or says kClosed. Spins, then yields; for waits
  // of nanoseconds to microseconds.
  PopResult<T> SpinPop() { return queue_.SpinPop(); }

  // Moves the oldest values into out[0], out[1], ... by one claim for up to 64 of a segment: kOk
  // and how many, or kEmpty or kClosed and 0, exact as TryPop is. Fewer than out.size(): what
  // followed was not there, or not finished. An empty span is kOk. Precondition (compile time): T
  // is nothrow move assignable.
  BulkPopResult TryPopBulk(std::span<T> out) { return queue_.TryPopBulk(out); }

  // Refuses every push that has not taken its ticket yet; pops go on until the queue is drained.
  // Returns whether this call closed the queue; further ones change nothing.
  bool Close() { return queue_.Close(); }

  // Whether Close() was called.
  bool IsClosed() const { return queue_.IsClosed(); }

  // Whether the queue was empty at some moment during the call.
  bool IsEmpty() const { return queue_.IsEmpty(); }

  // Number of values inside, counted from their claims; approximate while other threads work on the
  // queue (never below zero, never less than what is and stays inside), exact otherwise.
  std::size_t SizeHint() const { return queue_.SizeHint(); }

 private:
  Queue queue_;
};

}  // namespace weft

#endif  // WEFT_MPMC_UNBOUNDED_QUEUE_H_
