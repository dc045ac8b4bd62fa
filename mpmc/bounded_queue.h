// mpmc/bounded_queue.h — a fixed-capacity queue for many producers and many consumers.
//
// A value pushed by one thread is popped by exactly one thread. Use it to hand work between threads
// when the backlog must be bounded; use channel/ when the consumer is a task; use deque/ when one
// thread owns the work and others only help; use UnboundedQueue when a push may never be refused.
// To sleep until there is room or a value, wrap it in a BlockingQueue (blocking_queue.h).
//
// Trade-offs
//   A slot costs sizeof(T) + 8 bytes (rounded to alignment), allocated once. A thread stopped
//   between claiming a slot and finishing with it delays whoever needs that slot next: operations
//   are not lock-free (see Progress).
//
// Guarantees
//   Thread safety    All methods may be called from any thread at once; construction and
//                    destruction may not overlap any of them. BoundedMpscQueue: methods that pop,
//                    only one thread at a time.
//   Order            FIFO: values leave in the order in which their pushes claimed slots; hence
//                    FIFO for each producer.
//   Exactness        TryX, PushOverwriting and SpinX: kFull ("empty") means that the queue was full
//                    (empty) at some moment during the call; the queue is linearizable. Pushes and
//                    pops count from their claim; an open reservation counts as a value, an
//                    abandoned one until a pop comes past it. PollX is not exact.
//   Capacity         Exactly `capacity` values fit, for every capacity from 1 up.
//   Memory ordering  What X did before a push that answered kOk is visible to Y after the pop that
//                    returned that value; what X did before Close() is visible to Y after kClosed.
//   Progress         PollX, Close and observers: lock-free; they never wait for a stopped thread.
//                    TryX and PushOverwriting: wait, spinning and then yielding, for a thread that
//                    has claimed the slot in question and not finished with it, and for nothing
//                    else. SpinX: wait for room or a value too. Never takes a lock, never sleeps.
//                    To say kFull or "empty" takes TryX some 100 to 300 ns: it watches its slot
//                    before it takes the other side's cache line. PollX answers at once.
//   Complexity       O(1), bulk O(values), plus that waiting; no allocation after construction.
//   Requirements     T is nothrow destructible. TryPush, PollPush, SpinPush, PushOverwriting, their
//                    pops and bulk forms: T is nothrow move constructible too (bulk pop: nothrow
//                    move assignable). TryReserve and TryConsume serve every other T.
//
// Example: bounded_queue_example.cc
#ifndef WEFT_MPMC_BOUNDED_QUEUE_H_
#define WEFT_MPMC_BOUNDED_QUEUE_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <type_traits>
#include <utility>

#include "base/atomics.h"
#include "mpmc/bulk_result.h"
#include "mpmc/internal/lap_ring.h"
#include "mpmc/internal/reservation.h"
#include "mpmc/pop_result.h"
#include "mpmc/push_result.h"
#include "mpmc/queue_shape.h"

namespace weft {

namespace mpmc_internal {

// See the top of this file; BoundedQueue below is its public name.
template <typename T, typename Atomics, QueueConsumers kConsumers, QueueSlots kSlots>
class BasicBoundedQueue {
  using Ring = LapRing<T, Atomics, kConsumers, kSlots>;
  static constexpr bool kMoves = std::is_nothrow_move_constructible_v<T>;

 public:
  using value_type = T;
  // A claimed slot; see TryReserve().
  using Reservation = SlotReservation<Ring>;

  // The largest capacity that a queue may have.
  static constexpr std::size_t kMaxCapacity = Ring::kMaxCapacity;

  // Makes an empty queue with room for `capacity` values. Precondition (checked): 1 <= capacity <=
  // kMaxCapacity.
  explicit BasicBoundedQueue(std::size_t capacity) : ring_(capacity, "BoundedQueue") {}

  // Destroys the values that are still inside.
  ~BasicBoundedQueue() = default;

  BasicBoundedQueue(const BasicBoundedQueue&) = delete;
  BasicBoundedQueue& operator=(const BasicBoundedQueue&) = delete;

  // Appends `value`, or hands it back with kFull or kClosed, both exact.
  PushResult<T> TryPush(T value)
    requires kMoves
  {
    return ring_.template Push<Answer::kExact>(std::move(value));
  }

  // Takes the oldest value, or says kEmpty, or kClosed when the queue is closed and drained.
  PopResult<T> TryPop()
    requires kMoves
  {
    return ring_.template Pop<Answer::kExact>();
  }

  // Like TryPush, but cheap to call in a loop: looks at its own side only and waits for nobody.
  // Hands the value back with kBusy when the next slot is not free: the queue is full, or a pop has
  // not finished with that slot. Answers kClosed too.
  PushResult<T> PollPush(T value)
    requires kMoves
  {
    return ring_.template Push<Answer::kWeak>(std::move(value));
  }

  // Like TryPop, but cheap to call in a loop: looks at its own side only and waits for nobody. Says
  // kBusy when the next slot holds no finished value, also when the queue is closed and drained:
  // ask TryPop() now and then.
  PopResult<T> PollPop()
    requires kMoves
  {
    return ring_.template Pop<Answer::kWeak>();
  }

  // Appends `value` as soon as there is room: kOk, or the value back with kClosed. Spins, then
  // yields; for waits of nanoseconds to microseconds. BlockingQueue sleeps.
  PushResult<T> SpinPush(T value)
    requires kMoves
  {
    TurnWait<Atomics> wait;
    for (;;) {
      const typename Ring::Claim claim = ring_.template ClaimPush<Answer::kWeak>();
      if (claim.ok()) {
        Ring::Fill(claim, std::move(value));
        return PushResult<T>::Ok();
      }
      if (claim.push_outcome() == PushOutcome::kClosed) {
        return PushResult<T>::Refused(PushOutcome::kClosed, std::move(value));
      }
      wait.Once();
    }
  }

  // Takes the oldest value as soon as there is one, or says kClosed. Waits like SpinPush().
  PopResult<T> SpinPop()
    requires kMoves
  {
    TurnWait<Atomics> wait;
    for (;;) {
      PopResult<T> result = ring_.template Pop<Answer::kWeak>();
      if (result.ok()) return result;
      if (wait.IsLong()) {  // Only the exact answer knows of a close.
        PopResult<T> exact = ring_.template Pop<Answer::kExact>();
        if (exact.outcome() != PopOutcome::kEmpty) return exact;
      }
      wait.Once();
    }
  }

  // Appends `value`, in one step with taking the oldest value out if the queue is full. kOk with
  // the displaced value, or the value back with kClosed.
  OverwriteResult<T> PushOverwriting(T value)
    requires(kMoves && kConsumers == QueueConsumers::kMany)
  {
    OverwriteResult<T> result;
    const typename Ring::Claim claim = ring_.ClaimPushOverwriting(result.displaced);
    result.outcome = claim.push_outcome();
    if (claim.ok()) {
      Ring::Fill(claim, std::move(value));
    } else {
      result.rejected.emplace(std::move(value));
    }
    return result;
  }

  // Appends a prefix of `values` by one claim, so that nothing comes between them: kOk and their
  // number (the rest is untouched; there may be room for more), or kFull or kClosed and 0. Exact as
  // TryPush is for its first value. An empty span is kOk.
  BulkPushResult TryPushBulk(std::span<T> values)
    requires kMoves
  {
    if (values.empty()) return {PushOutcome::kOk, 0};
    auto [claim, count] = ring_.ClaimPushes(values.size());
    const PushOutcome outcome = claim.push_outcome();
    for (T& value : values.first(count)) {
      Ring::Fill(claim, std::move(value));
      claim = ring_.Next(claim);
    }
    return {outcome, count};
  }

  // Moves the oldest values, as many as are finished and fit, into the front of `values` by one
  // claim: kOk and their number (there may be more), or kEmpty or kClosed and 0. Exact as TryPop is
  // for its first value. An empty span is kOk.
  BulkPopResult TryPopBulk(std::span<T> values)
    requires(std::is_nothrow_move_assignable_v<T>)
  {
    if (values.empty()) return {PopOutcome::kOk, 0};
    auto [claim, count] = ring_.ClaimPops(values.size());
    const PopOutcome outcome = claim.pop_outcome();
    for (T& value : values.first(count)) {
      value = std::move(Ring::ValueOf(claim));
      ring_.Release(claim);
      claim = ring_.Next(claim);
    }
    return {outcome, count};
  }

  // Claims the next slot, to construct a value in place: kOk, kFull or kClosed, exact. Commit() on
  // the result hands the value over. If it is not committed, because the constructor threw or the
  // caller changed its mind, the slot is left as a hole that pops skip: values before and behind it
  // keep their order. Any exception of T's constructor goes to the caller of Commit().
  Reservation TryReserve() { return Reservation(ring_.template ClaimPush<Answer::kExact>()); }

  // Calls `use(T&&)` on the oldest value where it lies, then destroys it: kOk, kEmpty or kClosed,
  // exact. If `use` throws, the value is destroyed and the exception goes on; the queue is intact.
  // `use` must not call this queue, and should be short: its slot is claimed meanwhile.
  template <typename Use>
  PopOutcome TryConsume(Use&& use) {
    const typename Ring::Claim claim = ring_.template ClaimPop<Answer::kExact>();
    if (!claim.ok()) return claim.pop_outcome();
    struct Releaser {
      Ring& ring;
      const typename Ring::Claim& claim;
      ~Releaser() { ring.Release(claim); }
    } releaser{ring_, claim};
    std::invoke(std::forward<Use>(use), std::move(Ring::ValueOf(claim)));
    return PopOutcome::kOk;
  }

  // Refuses every push that has not claimed its slot yet, with kClosed; pops go on until the queue
  // is drained and say kClosed then. Returns whether this call closed the queue; further ones
  // change nothing.
  bool Close() { return ring_.Close(); }

  bool IsClosed() const { return ring_.IsClosed(); }

  // Number of values inside; approximate while other threads work on the queue, exact otherwise
  // (reservations count as in Exactness).
  std::size_t SizeHint() const { return ring_.SizeHint(); }

  // Whether SizeHint() is zero; the same limits apply.
  bool IsEmptyHint() const { return SizeHint() == 0; }

  // Pushes and pops since construction; approximate as SizeHint() is. They cost nothing to keep:
  // the tickets count. An abandoned reservation is one of each.
  uint64_t PushCount() const { return ring_.PushCount(); }
  uint64_t PopCount() const { return ring_.PopCount(); }

  // The number of values that fit.
  std::size_t capacity() const { return ring_.capacity(); }

 private:
  Ring ring_;
};

}  // namespace mpmc_internal

// The queue for many producers and many consumers.
template <typename T, QueueSlots kSlots = QueueSlots::kPacked>
using BoundedQueue = mpmc_internal::BasicBoundedQueue<T, StdAtomics, QueueConsumers::kMany, kSlots>;

// The same for one consumer, which pops without a compare-and-swap. Everything that pops or
// consumes is called by one thread at a time, and what one consumer did happens before what the
// next one does. It cannot overwrite: that would make producers consumers.
template <typename T, QueueSlots kSlots = QueueSlots::kPacked>
using BoundedMpscQueue =
    mpmc_internal::BasicBoundedQueue<T, StdAtomics, QueueConsumers::kOne, kSlots>;

}  // namespace weft

#endif  // WEFT_MPMC_BOUNDED_QUEUE_H_
