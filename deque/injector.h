// deque/injector.h — the queue through which everybody gives work to a group of deque owners.
//
// Any thread pushes; owners take one item, or a batch that goes to their own deque, from where
// others steal it. First in, first out.
//
// Differs from mpmc/unbounded_queue.h in that it gives batches to a Deque at the price of one item,
// answers like a Stealer, and waits for nothing to happen: no close, no blocking pop.
//
// Trade-offs
//   16 bytes per item (and, for types that Deque boxes, an allocation each). One block of 63 items
//   is allocated for each 63 pushes, and freed when they have been taken.
//
// Guarantees
//   Thread safety    All methods may be called from any thread. No call may overlap destruction.
//   Exactly once     Each pushed item is returned by one steal, or destroyed with the injector.
//   Order            FIFO in the order in which pushes claimed their places; so for each producer.
//   Memory ordering  If X pushed an item and Y stole it, all X did before the push is visible to Y.
//   Progress         Producers compete by compare-and-swap; one of them always wins. A producer
//                    that is stopped between claiming a place and filling it delays the thief that
//                    takes that place, and, at the last place of a block, the others: blocking in
//                    that sense, like every queue of tickets. Who waits yields the processor.
//   Complexity       O(1) for each item. Memory: the blocks that hold items, and at most one more.
//   Errors           Push may throw std::bad_alloc; the injector is then unchanged.
//
// Example: injector_example.cc
#ifndef WEFT_DEQUE_INJECTOR_H_
#define WEFT_DEQUE_INJECTOR_H_

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "base/atomics.h"
#include "base/check.h"
#include "deque/deque.h"
#include "deque/internal/ring_word.h"
#include "deque/internal/segmented_queue.h"
#include "deque/internal/slot.h"
#include "deque/steal_result.h"

namespace weft {

// See the head of the file. Neither copied nor moved.
template <typename T>
class Injector {
 public:
  static constexpr std::size_t kMaxBatch = 63;

  Injector() = default;
  Injector(const Injector&) = delete;
  Injector& operator=(const Injector&) = delete;
  ~Injector() {
    while (Steal()) {
    }
  }

  // Adds an item at the end.
  void Push(T item) {
    const deque_internal::SlotWord word = Codec::Encode(std::move(item));
    try {
      queue_.Push(word);
    } catch (...) {
      (void)Codec::Decode(word);  // the item would leak
      throw;
    }
  }

  // Takes the oldest item. One attempt.
  StealResult<T> Steal() {
    deque_internal::SlotWord word;
    std::uint64_t taken = 0;
    return deque_internal::ResultOf<T>(queue_.StealUpTo(1, &word, &taken), word);
  }

  // Takes the oldest items, at most half of them (rounded up) and at most `limit`: returns the
  // oldest and pushes the others, in their order, to `into`, whose owner the caller must be. A
  // bounded `into` without room for more gets none. Precondition (checked): `limit` is positive.
  // May throw std::bad_alloc: nothing was taken.
  template <DequeOrder order>
  StealResult<T> StealHalf(Deque<T, order>* into, std::size_t limit = kMaxBatch) {
    WEFT_CHECK(limit > 0) << "Injector::StealHalf(into, limit): expected a positive limit, found 0";
    const std::size_t half = std::max<std::size_t>((SizeHint() + 1) / 2, 1);
    const std::size_t most = into->ReserveForBatch(std::min({limit, half, kMaxBatch}));
    std::array<deque_internal::SlotWord, kMaxBatch> words;
    std::uint64_t taken = 0;
    const deque_internal::Taken outcome = queue_.StealUpTo(most, words.data(), &taken);
    if (outcome == deque_internal::Taken::kItem) into->PushRest({words.data(), taken});
    return deque_internal::ResultOf<T>(outcome, words[0]);
  }

  // Number of items; exact when nobody is at work.
  std::size_t SizeHint() const { return queue_.Size(); }

  // Whether SizeHint() is 0.
  bool IsEmptyHint() const { return SizeHint() == 0; }

 private:
  using Codec = deque_internal::SlotCodec<T>;

  deque_internal::SegmentedQueue<deque_internal::SlotWord, StdAtomics> queue_;
};

}  // namespace weft

#endif  // WEFT_DEQUE_INJECTOR_H_
