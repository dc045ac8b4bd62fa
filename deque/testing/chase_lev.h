// deque/testing/chase_lev.h — the Chase-Lev work-stealing deque over one-word items.
//
// The algorithm of [ChaseLev2005] with the memory orders of [Le2013], in a form without stand-alone
// fences: the two places where [Le2013] has a sequentially consistent fence are sequentially
// consistent accesses here, which ThreadSanitizer understands and which cost the same on x86.
//
// Notation: items have indices that only grow; `top` is the index of the oldest item, `bottom` the
// index behind the newest. Item i lies in slot i mod capacity. The deque is empty when top ==
// bottom (or, for an instant inside Pop, bottom == top - 1).
//
// Happens-before edges; each end names its number:
//   (1) Push -> Steal        bottom: release store, acquire load. The item and the buffer that
//                            holds it are visible to the thief that saw its index.
//   (2) Steal -> Push        top: release side of the CAS, acquire load. The thief has read the
//                            slot before the owner overwrites it for the next lap.
//   (3) Pop <-> Steal        Pop writes bottom, then reads top; Steal writes top (CAS), then (the
//                            next Steal) reads bottom; all four are seq_cst. If the owner's read of
//                            top misses the CAS that made top == b, every thief that starts from
//                            top == b sees that bottom is b. So an item behind top is popped
//                            without a CAS.
//   (4) Grow -> Steal        buffer: release store, acquire load. The slots of a new buffer are
//                            visible to who sees the buffer.
#ifndef WEFT_DEQUE_TESTING_CHASE_LEV_H_
#define WEFT_DEQUE_TESTING_CHASE_LEV_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <type_traits>
#include <utility>

#include "base/cache_line.h"
#include "deque/internal/ring_word.h"

namespace weft::deque_internal {

// One owner calls Push, Pop and Capacity; any thread calls Steal and Size. `Word` is trivially
// copyable and fits a lock-free atomic. `Atomics` is StdAtomics or a model's.
template <typename Word, typename Atomics>
class ChaseLev {
  static_assert(std::is_trivially_copyable_v<Word>);

 public:
  // Precondition: `capacity` is a power of two.
  explicit ChaseLev(std::size_t capacity)
      : newest_buffer_(std::make_unique<Buffer>(capacity)), buffer_(newest_buffer_.get()) {}

  ChaseLev(const ChaseLev&) = delete;
  ChaseLev& operator=(const ChaseLev&) = delete;

  // Owner only. Grows when full; if that throws std::bad_alloc, nothing has changed.
  void Push(Word word) {
    const std::int64_t b = bottom_.load(std::memory_order_relaxed);  // written by the owner only
    Buffer* buffer = newest_buffer_.get();
    if (b - oldest_top_seen_ >= buffer->capacity()) {
      oldest_top_seen_ = top_.load(std::memory_order_acquire);  // (2)
      if (b - oldest_top_seen_ >= buffer->capacity()) buffer = Grow(oldest_top_seen_, b);
    }
    buffer->Put(b, word);
    bottom_.store(b + 1, std::memory_order_release);  // (1)
  }

  // Owner only. Takes the newest item. Never answers kLost for an item that another thread took: to
  // the owner the deque is empty then.
  Taken Pop(Word* word) {
    const std::int64_t b = bottom_.load(std::memory_order_relaxed) - 1;
    // Only the owner adds items, so a deque that looks empty to it is empty: no seq_cst store
    // needed.
    if (top_.load(std::memory_order_relaxed) > b) return Taken::kEmpty;
    bottom_.store(b, std::memory_order_seq_cst);            // (3)
    std::int64_t t = top_.load(std::memory_order_seq_cst);  // (3)
    if (t < b) {
      *word = newest_buffer_->Get(b);
      return Taken::kItem;
    }
    // One item or none is left: thieves may be at it, and the CAS decides.
    bool won = false;
    if (t == b) {
      *word = newest_buffer_->Get(b);
      // Success is (3): it moves top like a thief. Failure: t is not used again.
      won = top_.compare_exchange_strong(t, t + 1, std::memory_order_seq_cst,
                                         std::memory_order_relaxed);
    }
    // Relaxed: top == b + 1 now, so no thief takes an item on the strength of this value.
    bottom_.store(b + 1, std::memory_order_relaxed);
    return won ? Taken::kItem : Taken::kEmpty;
  }

  // Any thread. Takes the oldest item.
  Taken Steal(Word* word) {
    std::int64_t t = top_.load(std::memory_order_seq_cst);  // (3)
    if (t >= bottom_.load(std::memory_order_seq_cst)) {     // (1) (3)
      return Taken::kEmpty;
    }
    // The slot is read before the CAS: afterwards the owner may overwrite it. And the buffer is
    // read after bottom: an older buffer may lack the item.
    const Word candidate = buffer_.load(std::memory_order_acquire)->Get(t);  // (4)
    // Success is (2) and (3). Failure: t is not used again, and the candidate is dropped.
    if (!top_.compare_exchange_strong(t, t + 1, std::memory_order_seq_cst,
                                      std::memory_order_relaxed)) {
      return Taken::kLost;
    }
    *word = candidate;
    return Taken::kItem;
  }

  // Any thread. A number that was right at some time between two reads; 0 and up. Relaxed: a hint.
  std::size_t Size() const {
    const std::int64_t t = top_.load(std::memory_order_relaxed);
    const std::int64_t b = bottom_.load(std::memory_order_relaxed);
    return b > t ? static_cast<std::size_t>(b - t) : 0;
  }

  // Owner only. Slots of the newest buffer.
  std::size_t Capacity() const { return static_cast<std::size_t>(newest_buffer_->capacity()); }

 private:
  // A ring of slots. Slots start with a value, because a thief whose top is stale may read a slot
  // of a new buffer that was never filled; its CAS fails then.
  class Buffer {
   public:
    explicit Buffer(std::size_t capacity)
        : mask_(static_cast<std::int64_t>(capacity) - 1),
          slots_(std::make_unique<Slot[]>(capacity)) {}

    std::int64_t capacity() const { return mask_ + 1; }

    // Relaxed: (1) and (4) publish the slot, (2) protects it.
    Word Get(std::int64_t index) const { return At(index).load(std::memory_order_relaxed); }
    void Put(std::int64_t index, Word word) { At(index).store(word, std::memory_order_relaxed); }

    // Keeps the buffer that this one replaces.
    void KeepAlive(std::unique_ptr<Buffer> previous) { previous_ = std::move(previous); }

   private:
    using Slot = typename Atomics::template Atomic<Word>;

    Slot& At(std::int64_t index) const { return slots_[static_cast<std::size_t>(index & mask_)]; }

    const std::int64_t mask_;
    const std::unique_ptr<Slot[]> slots_;
    // Thieves may still read older buffers, so each lives as long as the deque. Their sizes halve:
    // together they are smaller than the newest.
    std::unique_ptr<Buffer> previous_;
  };

  Buffer* Grow(std::int64_t t, std::int64_t b) {
    auto bigger = std::make_unique<Buffer>(Capacity() * 2);
    for (std::int64_t i = t; i < b; ++i) bigger->Put(i, newest_buffer_->Get(i));
    bigger->KeepAlive(std::move(newest_buffer_));
    newest_buffer_ = std::move(bigger);
    buffer_.store(newest_buffer_.get(), std::memory_order_release);  // (4)
    return newest_buffer_.get();
  }

  // Written by the owner, read by thieves.
  alignas(kCacheLineSize) typename Atomics::template Atomic<std::int64_t> bottom_{0};
  // Owner only: a lower bound of top, refreshed when the buffer seems full.
  std::int64_t oldest_top_seen_ = 0;
  std::unique_ptr<Buffer> newest_buffer_;
  // Written by the owner when it grows, read by thieves.
  typename Atomics::template Atomic<Buffer*> buffer_;

  // Written by thieves, and by the owner for the last item.
  alignas(kCacheLineSize) typename Atomics::template Atomic<std::int64_t> top_{0};
};

}  // namespace weft::deque_internal

#endif  // WEFT_DEQUE_TESTING_CHASE_LEV_H_
