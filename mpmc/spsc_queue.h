// mpmc/spsc_queue.h — a fixed-capacity queue from one thread to one other.
//
// The cheapest way to pass values between two threads that are known: no read-modify-write, and in
// a stream the two threads exchange a cache line once in many values. With more producers or
// consumers take BoundedQueue.
//
//   producer                                consumer
//     TryPush(value)                          TryPop()
//     TryPrepare(...), Publish()              Front(), PopFront()        in place
//     TryPushBulk(span)                       TryPopBulk(span)
//                                             Readable(), PopFront(n)    in place
//                                             IsDrained()
//     Close()                                 Abandon()
//
// Guarantees
//   Thread safety    The left column: one thread at a time; the right one: one thread at a time;
//                    the rest: anyone. Debug builds stop a second thread. To hand a side over, call
//                    ReleaseProducer() or ReleaseConsumer() and order the two threads yourself.
//                    Construction and destruction may not overlap any call.
//   Order            FIFO.
//   Exactness        kFull and kEmpty are exact: true at some moment during the call.
//   Capacity         Exactly `capacity` values fit, for every capacity from 1 up. A value that is
//                    in place with the producer (prepared) or the consumer (front) takes its slot.
//   Closing          After Close(), the consumer drains what is left and is told kClosed. After
//                    Abandon(), the producer is told kClosed instead of kFull, so at the latest
//                    when it has filled the ring; what is left is destroyed with the queue.
//   Memory ordering  What the producer did before a push is visible to the consumer after the pop
//                    of that value, and before Close() after kClosed. What the consumer did before
//                    a pop is visible to the producer once it uses that slot again.
//   Progress         Wait-free, every operation. A push that finds little room, less than 64 slots
//                    or a quarter of the ring, pauses while it sees the consumer go on, for a few
//                    microseconds at most: to go on slot by slot would cost both of them more.
//   Complexity       O(1), bulk O(values); allocated once. Values of up to 28 bytes lie in blocks
//                    of a cache line, which has 8 bytes of its own (so 7 words); larger ones take
//                    8 bytes more each.
//   Errors           A constructor of T that throws in TryPush, TryPrepare or TryPop leaves the
//                    queue as it was. Bulk operations ask for nothrow moves (compile time).
//   Precondition     T is nothrow destructible.
//
// Example: spsc_queue_example.cc
#ifndef WEFT_MPMC_SPSC_QUEUE_H_
#define WEFT_MPMC_SPSC_QUEUE_H_

#include <cstddef>
#include <span>
#include <utility>

#include "base/atomics.h"
#include "mpmc/bulk_result.h"
#include "mpmc/internal/spsc_ring.h"
#include "mpmc/pop_result.h"
#include "mpmc/push_result.h"

namespace weft {

// See the top of this file.
template <typename T>
class SpscQueue {
 public:
  using value_type = T;

  // The largest capacity that a queue may have.
  static constexpr std::size_t kMaxCapacity = mpmc_internal::SpscRing<T, StdAtomics>::kMaxCapacity;

  // Makes an empty queue with room for `capacity` values. Precondition (checked): 1 <= capacity <=
  // kMaxCapacity.
  explicit SpscQueue(std::size_t capacity) : ring_(capacity) {}

  SpscQueue(const SpscQueue&) = delete;
  SpscQueue& operator=(const SpscQueue&) = delete;

  // Destroys the values that are still inside.
  ~SpscQueue() = default;

  // ---- The producer's side ----

  // Appends `value`, or hands it back with kFull or kClosed.
  PushResult<T> TryPush(T value) { return ring_.TryPush(std::move(value)); }

  // Constructs a value from `args` in the next slot and returns it, or null when the queue is full
  // or closed. The producer may work on it in place; the consumer sees it after Publish(), which
  // comes before any other push. If it never comes, the value is destroyed with the queue.
  template <typename... Args>
  T* TryPrepare(Args&&... args) {
    return ring_.TryPrepare(std::forward<Args>(args)...);
  }

  // Appends the value that TryPrepare() returned. Precondition (checked): there is one.
  void Publish() { ring_.PublishPrepared(); }

  // Appends as many of `values`, from the first, as there is room for: kOk and their number, or
  // kFull or kClosed and 0. The rest is untouched. An empty span is kOk.
  BulkPushResult TryPushBulk(std::span<T> values) { return ring_.TryPushBulk(values); }

  // Ends the pushing: further pushes answer kClosed.
  void Close() { ring_.Close(); }

  // ---- The consumer's side ----

  // Takes the oldest value, or says kEmpty, or kClosed when the queue is closed and drained.
  PopResult<T> TryPop() { return ring_.TryPop(); }

  // The oldest value, where it lies, or null when the queue is empty. Valid until it is popped.
  T* Front() { return ring_.Front(); }

  // Values from the oldest on that lie side by side in one block: all that are known without a new
  // look at the producer, so no promise of more than one; none when the queue is empty. Valid until
  // popped. For long runs take TryPopBulk().
  std::span<T> Readable() { return ring_.Readable(); }

  // Whether the queue is closed and drained: there will never be a value again.
  bool IsDrained() { return ring_.IsDrained(); }

  // Destroys the `count` oldest values. Precondition (checked in debug builds): the last Front() or
  // Readable() has shown as many.
  void PopFront(std::size_t count = 1) { ring_.PopFront(count); }

  // Moves the oldest values, as many as there are and fit, into the front of `out`: kOk and their
  // number, or kEmpty or kClosed and 0. An empty span is kOk.
  BulkPopResult TryPopBulk(std::span<T> out) { return ring_.TryPopBulk(out); }

  // Tells the producer that nobody will pop any more; see Closing. Pops answer kClosed from now on.
  void Abandon() { ring_.Abandon(); }

  // ---- Anyone ----

  // Number of values inside; approximate while others work on the queue, exact otherwise.
  std::size_t SizeHint() const { return ring_.SizeHint(); }

  // The number of values that fit.
  std::size_t capacity() const { return ring_.capacity(); }

  // Lets another thread become the producer (the consumer). What the former one did must happen
  // before what the next one does.
  void ReleaseProducer() { ring_.ReleaseProducer(); }
  void ReleaseConsumer() { ring_.ReleaseConsumer(); }

 private:
  mpmc_internal::SpscRing<T, StdAtomics> ring_;
};

}  // namespace weft

#endif  // WEFT_MPMC_SPSC_QUEUE_H_
