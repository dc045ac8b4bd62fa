// deque/internal/split_ring.h — a growing work-stealing ring whose owner needs no fence.
//
//   index     top          split            tail
//   slots  | . | 4 | 5 | 6 | 7 | 8 | 9 | 10 | . |      item i lies in slot i mod capacity
//              ^ public part   ^ private part
//              thieves: CAS    owner: plain loads and stores
//
// The owner pushes and pops at tail. What lies between split and tail is its own: to pop, it stores
// the lower tail and looks whether tail has come down to `pop_limit`. Thieves take from top, by one
// compare-and-swap of the word {top, split - top} (ring_word.h). A thief that finds nothing public
// asks: it lowers `push_limit` and raises `pop_limit`, so that the owner's next operation takes its
// slow path and shares. If the owner does not answer for some microseconds, the thief opens the
// deque itself: it raises pop_limit, runs the heavy half of an asymmetric barrier, and swaps {top,
// 0} for {top, open}. From then on everything below tail is public. One barrier serves all thieves
// until the owner's next pop.
//
// A pop that is asked makes the deque hot: {top, hot}. All of it stays public then, and the owner
// pops like Chase and Lev, with a full fence, until some pops in a row have seen no steal; then it
// closes the deque, with half of it public. So a thief that keeps coming need not ask each time.
//
// README.md § Design argues why no item is taken twice, and why answer and opening do not cross.
//
// Happens-before edges; each end names its number:
//   (1) push -> thief        tail: release, acquire. The item, and the buffer that holds it. Pops
//                            release too: a thief may learn of older items from a lowered tail.
//   (2) thief -> push        word: release side of the swap, acquire. The thief has read the slot
//                            before the owner overwrites it for a later index.
//   (3) pop <-> opening      tail and pop_limit, by the asymmetric barrier.
//   (4) owner -> thief       word: release, acquire. The shared items and their buffer; the limits
//                            stored before, which the reader's own stores to them follow.
//   (5) opener -> thief      word: release, acquire. The barrier precedes the read of tail.
//   (6) growth -> thief      buffer: release, acquire. What a buffer is made of.
//   (7) pop <-> thief        hot: tail, then word, and word, then tail; all seq_cst.
#ifndef WEFT_DEQUE_INTERNAL_SPLIT_RING_H_
#define WEFT_DEQUE_INTERNAL_SPLIT_RING_H_

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <limits>
#include <type_traits>

#include "base/cache_line.h"
#include "deque/internal/ring_buffers.h"
#include "deque/internal/ring_heat.h"
#include "deque/internal/ring_options.h"
#include "deque/internal/ring_word.h"

namespace weft::deque_internal {

// One owner calls what the first part of the class has; any thread calls the rest. `Word` is
// trivially copyable and fits a lock-free atomic. `Atomics` is StdAtomics or a model's.
template <typename Word, typename Atomics>
class SplitRing {
  static_assert(std::is_trivially_copyable_v<Word>);

 public:
  explicit SplitRing(const RingOptions& options)
      : tail_(options.first_index),
        push_limit_(options.first_index + std::min(options.capacity, options.max_items)),
        pop_limit_(options.mode == RingMode::kSplit ? options.first_index : kTripped),
        options_(options),
        buffers_(options.capacity),
        word_(RingWord::Empty(options.mode, options.first_index).bits()) {
    owner_buffer_ = buffers_.current();
    buffer_.store(owner_buffer_, std::memory_order_relaxed);
  }

  SplitRing(const SplitRing&) = delete;
  SplitRing& operator=(const SplitRing&) = delete;

  // ---- For the owner -------------------------------------------------------------------------

  // False: there are max_items. Throws std::bad_alloc: nothing has changed.
  bool Push(Word word) {
    return PushAll(1, [word](std::int64_t) { return word; });
  }

  // Adds word_at(0), word_at(1), ..., `count` of them, in one step. False and exceptions as for
  // Push().
  template <typename WordAt>
  [[gnu::always_inline]] bool PushAll(std::int64_t count, WordAt word_at) {
    const std::int64_t t = Tail();
    if (t + count > push_limit_.load(std::memory_order_relaxed)) [[unlikely]] {
      if (!PrepareSlowly(t, count)) return false;
    }
    Buffer* const buffer = owner_buffer_;
    for (std::int64_t i = 0; i < count; ++i) buffer->Put(t + i, word_at(i));
    tail_.store(t + count, std::memory_order_release);  // (1)
    return true;
  }

  // Makes room for `count` items, so that that many may be pushed. False and exceptions as for
  // Push().
  bool Reserve(std::int64_t count) { return MakeRoom(Tail(), count); }

  // Takes the newest item. Not for kFifo. Never answers kLost.
  Taken Pop(Word* word) {
    const std::int64_t t = Tail() - 1;
    // An owner that finds nothing shall not disturb thieves, nor tell them of a pop under way.
    if (t < pop_limit_.load(std::memory_order_relaxed)) [[unlikely]]
      return PopSlow(t, word);
    tail_.store(t, std::memory_order_release);                          // (1) (3)
    Atomics::LightBarrier();                                            // (3)
    if (t < pop_limit_.load(std::memory_order_relaxed)) [[unlikely]] {  // (3)
      return PopSlow(t, word);
    }
    *word = owner_buffer_->Get(t);
    return Taken::kItem;
  }

  // For kFifo only. Takes up to `limit` of the oldest items in one step; returns how many.
  std::int64_t PopOldest(std::int64_t limit, Word* words) {
    const std::int64_t t = Tail();
    while (true) {
      const RingWord seen = Load();
      const std::int64_t count = std::min(limit, seen.Distance(t));
      if (count <= 0) return FoundEmpty(t), 0;
      for (std::int64_t i = 0; i < count; ++i) words[i] = owner_buffer_->Get(seen.RingIndex() + i);
      if (Swap(seen, seen.Taking(count))) return count;
    }
  }

  std::int64_t Capacity() const { return std::min(owner_buffer_->capacity(), options_.max_items); }
  const RingOptions& options() const { return options_; }

  // ---- For any thread ------------------------------------------------------------------------

  // Takes the oldest item, in one attempt (which may ask the owner, and wait for its answer).
  Taken Steal(Word* word) {
    std::int64_t taken = 0;
    return StealItems(1, word, &taken);
  }

  // Takes up to `limit` of the oldest items and at most half of those that are public (one of a hot
  // deque), all in one step, into words[0...]. Precondition: limit > 0.
  Taken StealUpTo(std::int64_t limit, Word* words, std::int64_t* taken) {
    return StealItems(limit, words, taken);
  }

  // A number that was right at some time between two reads; 0 and up. Relaxed: a hint.
  std::int64_t Size() const {
    const RingWord seen(word_.load(std::memory_order_relaxed));
    return std::max<std::int64_t>(seen.Distance(tail_.load(std::memory_order_relaxed)), 0);
  }

 private:
  using Buffer = RingBuffer<Word, Atomics>;
  template <typename U>
  using Atomic = typename Atomics::template Atomic<U>;

  // Values of the limits that no index reaches.
  static constexpr std::int64_t kAsked = std::numeric_limits<std::int64_t>::min();
  static constexpr std::int64_t kTripped = std::numeric_limits<std::int64_t>::max();
  static constexpr std::int64_t kTrippedForMany = kTripped - 1;  // by a thief of batches

  std::int64_t Tail() const { return tail_.load(std::memory_order_relaxed); }  // for the owner

  RingWord Load() const {
    return RingWord(word_.load(std::memory_order_seq_cst));  // (2) (4) (5) (7)
  }

  // Swaps the word if it is still `seen`. Success needs no acquire side: nothing has changed since
  // `seen` was loaded with it. Failure: relaxed, the value is not used.
  bool Swap(RingWord seen, RingWord next) {
    std::uint64_t bits = seen.bits();
    return word_.compare_exchange_strong(bits, next.bits(), std::memory_order_release,
                                         std::memory_order_relaxed);  // (2) (4) (5)
  }

  // Before a push of `count` items: makes room, and answers a request, so that what is pushed is
  // public at once.
  [[gnu::noinline]] bool PrepareSlowly(std::int64_t t, std::int64_t count) {
    const bool asked = push_limit_.load(std::memory_order_relaxed) == kAsked;
    const bool has_room = MakeRoom(t, count);
    if (asked) Answer(t);
    return has_room;
  }

  // Sees to it that indices t to t + count - 1 are free, and sets push_limit anew. That may undo a
  // request of this moment; the thief asks again.
  bool MakeRoom(std::int64_t t, std::int64_t count) {
    const std::int64_t top = Load().Top(t);  // (2)
    const std::int64_t wanted = t - top + count;
    if (wanted > options_.max_items) return false;
    while (wanted > owner_buffer_->capacity()) Grow(top, t);
    if (wanted > Quarter()) was_needed_ = true;
    SetPushLimit(top);
    return true;
  }

  // The next slow push: when the ring is full, or, to consider shrinking, more than a quarter full.
  void SetPushLimit(std::int64_t top) {
    const bool considers = !was_needed_ && !buffers_.is_smallest();
    push_limit_.store(top + (considers ? std::min(Quarter(), Capacity()) : Capacity()),
                      std::memory_order_relaxed);
  }
  std::int64_t Quarter() const { return std::max<std::int64_t>(owner_buffer_->capacity() / 4, 1); }

  void Grow(std::int64_t top, std::int64_t t) {
    const Buffer* const old = owner_buffer_;
    owner_buffer_ = buffers_.Grow();
    for (std::int64_t i = top; i < t; ++i) owner_buffer_->Put(i, old->Get(i));
    buffer_.store(owner_buffer_, std::memory_order_release);  // (6)
    was_needed_ = true;
  }

  // A push that is asked to share: opens the deque, unless something is public already. The owner
  // needs no barrier: its own later pops see its own limit.
  void Answer(std::int64_t t) {
    const RingWord seen = Load();
    if (push_limit_.load(std::memory_order_relaxed) == kAsked) SetPushLimit(seen.Top(t));
    if (seen.is_open() || seen.shared() > 0) return;
    pop_limit_.store(kTripped, std::memory_order_relaxed);
    // Fails when a thief has opened it.
    (void)Swap(seen, RingWord::Open(seen.Top(t)));
  }

  // Tail is t or t + 1. Item t is public, or the limit was raised.
  [[gnu::noinline]] Taken PopSlow(std::int64_t t, Word* word) {
    const RingWord first = Load();
    if (first.Distance(t) < 0) return FoundEmpty(t + 1);
    if (first.is_hot()) return PopHot(t, word);
    tail_.store(t, std::memory_order_release);  // (1)
    while (true) {
      const RingWord seen = Load();
      const std::int64_t top = seen.Top(t);
      if (top > t) return FoundEmpty(t + 1);
      const bool takes_all = top + seen.shared() >= t;
      if (!(takes_all ? SwapAndLimit(seen, RingWord::Closed(t + 1, 0), t + 1) : Share(seen, t)))
        continue;
      *word = owner_buffer_->Get(t);
      if (takes_all) MoveUp(top, t);
      return Taken::kItem;
    }
  }

  // Answers a request, if nothing is public. A thief of batches would get one item at a time of a
  // hot deque: for it half of what lies below t is made public.
  bool Share(RingWord seen, std::int64_t t) {
    if (seen.shared() > 0) return SwapAndLimit(seen, seen, seen.Top(t) + seen.shared());
    if (pop_limit_.load(std::memory_order_relaxed) == kTrippedForMany) return ShareHalf(seen, t);
    return SwapAndLimit(seen, RingWord::Hot(seen.Top(t)), kTripped);
  }
  bool ShareHalf(RingWord seen, std::int64_t t) {
    const std::int64_t half = std::min((seen.Distance(t) + 1) / 2, options_.max_shared);
    const std::int64_t top = seen.Top(t);
    return SwapAndLimit(seen, RingWord::Closed(top, half), top + half);
  }

  // Chase-Lev's pop: without a swap, unless it is the last item.
  Taken PopHot(std::int64_t t, Word* word) {
    tail_.store(t, std::memory_order_seq_cst);  // (1) (7)
    const RingWord seen = Load();
    const std::int64_t below = seen.Distance(t);
    if (below < 0) return FoundEmpty(t + 1);
    const bool cools = heat_.Cools(seen.Top(t), options_);
    *word = owner_buffer_->Get(t);
    if (below > 0) {
      if (cools) (void)ShareHalf(seen, t);
      return Taken::kItem;
    }
    // Thieves may be at the last item too, and the swap decides.
    if (!(cools ? SwapAndLimit(seen, RingWord::Closed(t + 1, 0), t + 1)
                : Swap(seen, RingWord::Hot(t + 1)))) {
      return FoundEmpty(t + 1);
    }
    heat_.Moved(t + 1);
    tail_.store(t + 1, std::memory_order_relaxed);  // as in FoundEmpty()
    return Taken::kItem;
  }

  // Stores the limit first: a thief that reads the new word and then raises the limit must not have
  // its store undone by ours.
  bool SwapAndLimit(RingWord seen, RingWord next, std::int64_t limit) {
    pop_limit_.store(limit, std::memory_order_relaxed);
    if (Swap(seen, next)) return true;  // (4)
    // A thief that read the word before may be opening the deque, and counts on its limit.
    pop_limit_.store(kTripped, std::memory_order_relaxed);
    return false;
  }

  // What lies in [top, t) is the owner's again: it gets fresh indices from t + 1 on. In ascending
  // order, since the ring may be full.
  void MoveUp(std::int64_t top, std::int64_t t) {
    const Buffer* const from = owner_buffer_;
    const std::int64_t count = t - top;
    for (std::int64_t i = 0; i < count; ++i) owner_buffer_->Put(t + 1 + i, from->Get(top + i));
    tail_.store(t + 1 + count, std::memory_order_release);  // (1)
  }

  // Nothing lies below t. Relaxed: who takes an item on the strength of this value of tail has read
  // an older word, and fails to swap it.
  Taken FoundEmpty(std::int64_t t) {
    if (Tail() != t) tail_.store(t, std::memory_order_relaxed);
    ShrinkWhenEmpty(t);
    return Taken::kEmpty;
  }

  // The owner found the deque empty at tail == t. If it has held no more than a quarter of its
  // capacity since it was last found empty, that is halved. Skips an index, so that the word
  // changes: a thief that has read a slot of the larger buffer fails.
  void ShrinkWhenEmpty(std::int64_t t) {
    if (buffers_.is_smallest()) return;
    if (was_needed_) {
      was_needed_ = false;
      if (push_limit_.load(std::memory_order_relaxed) != kAsked) SetPushLimit(t);
      return;
    }
    const std::int64_t limit = options_.mode == RingMode::kSplit ? t + 1 : kTripped;
    if (!SwapAndLimit(Load(), RingWord::Empty(options_.mode, t + 1), limit)) return;
    owner_buffer_ = buffers_.Shrink();
    buffer_.store(owner_buffer_, std::memory_order_release);  // (6)
    tail_.store(t + 1, std::memory_order_relaxed);            // as in FoundEmpty()
    SetPushLimit(t + 1);
  }

  // Inlined, so that a limit of one leaves no loop.
  [[gnu::always_inline]] Taken StealItems(std::int64_t limit, Word* words, std::int64_t* taken) {
    for (int attempt = 0; attempt < options_.attempts; ++attempt) {
      const RingWord seen = Load();
      const std::int64_t available =
          seen.is_open() ? seen.Distance(tail_.load(std::memory_order_seq_cst))  // (1) (7)
                         : seen.shared();
      if (available > 0) {
        // The buffer is read after what says that there are items: an older one may lack them.
        const Buffer* const buffer = buffer_.load(std::memory_order_acquire);  // (6)
        // The owner of a hot deque pops without a swap, unless it is the last item.
        const std::int64_t most = seen.is_hot() ? 1 : (available + 1) / 2;
        *taken = std::min(limit, most);
        for (std::int64_t i = 0; i < *taken; ++i) words[i] = buffer->Get(seen.RingIndex() + i);
        return Swap(seen, seen.Taking(*taken)) ? Taken::kItem : Taken::kLost;
      }
      const Taken answer = seen.is_open() ? Taken::kEmpty : Ask(seen, limit);
      if (answer != Taken::kItem) return answer;
    }
    return Taken::kLost;
  }

  // Nothing was public. kItem: there may be something now.
  [[gnu::noinline]] Taken Ask(RingWord seen, std::int64_t limit) {
    const std::int64_t hidden = seen.Distance(tail_.load(std::memory_order_relaxed));
    // In the middle of a pop that takes back what was public: there may be items.
    if (hidden < 0) return Taken::kLost;
    Trip(&push_limit_, kAsked);  // the next push will be public at once
    if (hidden == 0) return Taken::kEmpty;
    Trip(&pop_limit_, limit == 1 ? kTripped : kTrippedForMany);
    if (!WaitForChange(seen)) OpenFor(seen);
    return Taken::kItem;
  }

  // Relaxed: a request may be lost or come late; nothing but speed rests on it.
  static void Trip(Atomic<std::int64_t>* limit, std::int64_t value) {
    if (limit->load(std::memory_order_relaxed) == value) return;
    limit->store(value, std::memory_order_relaxed);
  }

  bool WaitForChange(RingWord seen) const {
    for (int i = 0; i < options_.patience; ++i) {
      if (word_.load(std::memory_order_relaxed) != seen.bits()) return true;
      Atomics::SpinPause();
    }
    return false;
  }

  // Opens the deque for an owner that does not answer, if the word is still `seen`.
  void OpenFor(RingWord seen) {
    // Another thief's barrier serves both; should that one be stopped, a second does no harm.
    const bool is_first = opening_.exchange(1, std::memory_order_relaxed) == 0;
    if (!is_first && WaitForChange(seen)) return;
    pop_limit_.store(kTripped, std::memory_order_relaxed);
    Atomics::HeavyBarrier();                                    // (3)
    (void)Swap(seen, RingWord(seen.bits() | RingWord::kOpen));  // (5)
    opening_.store(0, std::memory_order_relaxed);
  }

  // Written by the owner at each operation; read by thieves.
  alignas(kCacheLineSize) Atomic<std::int64_t> tail_;

  // Read by the owner at each operation; written rarely, by thieves that ask and by the owner's
  // slow paths. A push at or above push_limit is slow, a pop below pop_limit too.
  alignas(kCacheLineSize) Atomic<std::int64_t> push_limit_;
  Atomic<std::int64_t> pop_limit_;
  Buffer* owner_buffer_;     // buffers_.current()
  Atomic<Buffer*> buffer_;   // the same for thieves
  Atomic<int> opening_{0};   // 1 while a thief opens the deque: a hint
  bool was_needed_ = false;  // the owner's: more than a quarter full since last found empty
  const RingOptions options_;
  // The owner's own. What a hot pop writes is not beside what a thief reads.
  RingBuffers<Word, Atomics> buffers_;
  RingHeat heat_;

  // A RingWord. Written by thieves, and by the owner's slow paths.
  alignas(kCacheLineSize) Atomic<std::uint64_t> word_;
};

}  // namespace weft::deque_internal

#endif  // WEFT_DEQUE_INTERNAL_SPLIT_RING_H_
