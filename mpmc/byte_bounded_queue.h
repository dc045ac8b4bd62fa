// mpmc/byte_bounded_queue.h — a queue for many producers and consumers with a budget in bytes.
//
// Each push says how many bytes its value stands for (the payload behind a pointer, say); the queue
// holds at most `max_bytes` of them, and at most `capacity` values. Use it where values differ so
// much that a bound on their number bounds no memory; use BoundedQueue otherwise, it is cheaper.
//
// Guarantees
//   Those of BoundedQueue for order, memory ordering, closing, thread safety, lifetime. Further:
//   Budget           The bytes of values inside never exceed max_bytes, not for a moment. A value
//                    counts with the bytes that its push said, from before it is inside until its
//                    pop has taken it out.
//   Memory ordering  Besides: a push that found room because of a pop comes after that pop.
//   Too large        A value of more than max_bytes would never fit: its push answers kTooLarge at
//                    once, also when the queue is closed or full, and hands it back.
//   Exactness        kFull: at some moment during the call bytes or number would have exceeded the
//                    bound, counting values whose push or pop is under way. kEmpty is exact.
//   Fairness         None between large and small values: a large one waits until enough room is
//                    left at once, and small ones may keep taking it.
//   Progress         As BoundedQueue's TryX. The account is one more word that every push and pop
//                    changes: two more locked instructions for a value's way through the queue.
//   Memory           sizeof(T) + 16 bytes a slot, for `capacity` slots, allocated once.
//
// Example: byte_bounded_queue_example.cc
#ifndef WEFT_MPMC_BYTE_BOUNDED_QUEUE_H_
#define WEFT_MPMC_BYTE_BOUNDED_QUEUE_H_

#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <utility>

#include "base/atomics.h"
#include "mpmc/internal/lap_ring.h"
#include "mpmc/internal/weight_account.h"
#include "mpmc/pop_result.h"
#include "mpmc/push_result.h"

namespace weft {

// The bounds of a ByteBoundedQueue.
struct ByteBounds {
  // The most bytes inside, from 1 to 2^40 - 1.
  uint64_t max_bytes = 0;
  // The most values inside, from 1 to 2^24 - 1.
  std::size_t capacity = 0;
};

// A value together with the bytes that it stands for.
template <typename T>
struct Weighed {
  T value;
  uint64_t bytes;
};

namespace mpmc_internal {

// See the top of this file; ByteBoundedQueue below is its public name.
template <typename T, typename Atomics>
class BasicByteBoundedQueue {
  static_assert(std::is_nothrow_move_constructible_v<T>,
                "ByteBoundedQueue<T>: a claimed slot must be filled, so T's move may not throw");

 public:
  using value_type = Weighed<T>;
  // One pop may make room for several pushes, or for none.
  static constexpr bool kIsBoundedByWeight = true;

  // Makes an empty queue. Precondition (checked): the limits of ByteBounds.
  explicit BasicByteBoundedQueue(const ByteBounds& bounds)
      : account_(bounds.max_bytes, bounds.capacity), ring_(bounds.capacity, "ByteBoundedQueue") {}

  BasicByteBoundedQueue(const BasicByteBoundedQueue&) = delete;
  BasicByteBoundedQueue& operator=(const BasicByteBoundedQueue&) = delete;

  // Appends the value, or hands it back with kFull, kTooLarge or kClosed.
  PushResult<Weighed<T>> TryPush(Weighed<T> value) {
    const PushOutcome admitted = account_.Admit(value.bytes);
    if (admitted != PushOutcome::kOk) {
      return PushResult<Weighed<T>>::Refused(RefusalWhenOpen(admitted), std::move(value));
    }
    const uint64_t bytes = value.bytes;
    PushResult<Weighed<T>> result = ring_.template Push<Answer::kExact>(std::move(value));
    if (!result.ok()) account_.Discharge(bytes);
    return result;
  }

  // Takes the oldest value, or says kEmpty, or kClosed when the queue is closed and drained.
  PopResult<Weighed<T>> TryPop() {
    PopResult<Weighed<T>> result = ring_.template Pop<Answer::kExact>();
    if (result.ok()) account_.Discharge(result->bytes);
    return result;
  }

  // As BoundedQueue's.
  bool Close() { return ring_.Close(); }
  bool IsClosed() const { return ring_.IsClosed(); }

  // Values and bytes inside; approximate while other threads work on the queue, exact otherwise.
  std::size_t SizeHint() const { return ring_.SizeHint(); }
  uint64_t BytesHint() const { return account_.BytesHint(); }

  std::size_t capacity() const { return ring_.capacity(); }
  uint64_t max_bytes() const { return account_.max_bytes(); }

 private:
  // A closed queue stays refused for good, a full one does not: who asks must be told apart.
  PushOutcome RefusalWhenOpen(PushOutcome refusal) const {
    return refusal == PushOutcome::kFull && ring_.IsClosed() ? PushOutcome::kClosed : refusal;
  }

  WeightAccount<Atomics> account_;
  LapRing<Weighed<T>, Atomics> ring_;
};

}  // namespace mpmc_internal

template <typename T>
using ByteBoundedQueue = mpmc_internal::BasicByteBoundedQueue<T, StdAtomics>;

}  // namespace weft

#endif  // WEFT_MPMC_BYTE_BOUNDED_QUEUE_H_
