// deque/internal/nested_split.h — the split deque for strictly nested forks, whose jobs lie on the
// stack of the thread that forks.
//
// As split_ring.h, which has the argument, with these differences. Whoever pops knows the index
// that it pushed, so the owner loads nothing but a limit; a slot is pinned from its push until the
// fork that owns it has joined, so a thief reads it after its swap, and no buffer is ever replaced;
// a stolen index stays in use until its job has ended, and is then given back by Restore(), which
// lowers top. What tells states of the word apart is the turn (fork_word.h).
//
// Happens-before edges; each end names its number:
//   (1) push -> thief        tail: release, acquire. The slot and the job; pops release too.
//   (3) pop <-> opening      tail and pop_limit, by the asymmetric barrier.
//   (4) owner -> thief       word: release, acquire. The shared slots; limits and tail before it.
//   (5) opener -> thief      word: release, acquire. The barrier precedes the read of tail.
//   (7) pop <-> thief        without asymmetric barriers: tail, then word, and word, then tail; two
//                            seq_cst fences.
//   (8) push <-> sleeper     tail and the request, by the asymmetric barrier: a thief asks, runs
//                            the heavy half and looks a last time before it sleeps. Without
//                            asymmetric barriers each push counts as asked, and the owner fences.
// There is no edge (2): that a slot is free again follows from the end of the stolen job, which the
// owner awaits.
#ifndef WEFT_DEQUE_INTERNAL_NESTED_SPLIT_H_
#define WEFT_DEQUE_INTERNAL_NESTED_SPLIT_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>

#include "base/cache_line.h"
#include "deque/internal/fork_word.h"
#include "deque/internal/ring_word.h"

namespace weft::deque_internal {

// What became of a job that was pushed.
enum class Offered {
  kFull,    // nothing: the stack is as deep as it gets
  kQuiet,   // thieves that look will find it
  kWanted,  // the same, and a thief had asked since the last such push; it may have gone to sleep
};

struct NestedOptions {
  bool asymmetric = true;  // whether there are asymmetric barriers, and they shall be used
  int capacity = 1'024;    // deepest nesting of jobs that can be stolen; at most kMaxIndex
  int patience = 64;       // as in RingOptions
  int attempts = 3;        // as in RingOptions
};

// One owner calls what the first part of the class has; any thread calls Steal and Size.
template <typename Word, typename Atomics>
class NestedSplit {
 public:
  explicit NestedSplit(const NestedOptions& options)
      : push_limit_(options.asymmetric ? options.capacity : kAsked),
        pop_limit_(options.asymmetric ? 0 : kTripped),
        options_(options),
        slots_(std::make_unique<Atomic<Word>[]>(static_cast<std::size_t>(options.capacity) + 1)),
        word_(options.asymmetric ? 0 : ForkWord::kOpen) {}

  NestedSplit(const NestedSplit&) = delete;
  NestedSplit& operator=(const NestedSplit&) = delete;

  // ---- For the owner -------------------------------------------------------------------------

  // The index of the next push.
  int Depth() const { return tail_.load(std::memory_order_relaxed); }

  // Precondition: t == Depth().
  Offered Push(int t, Word job) {
    Slot(t).store(job, std::memory_order_relaxed);
    tail_.store(t + 1, std::memory_order_release);        // (1) (8)
    Atomics::LightBarrier();                              // (8)
    if (t < push_limit_.load(std::memory_order_relaxed))  // (8)
      return Offered::kQuiet;
    return PushSlow(t);
  }

  // Precondition: t is the index of the newest push that was not popped. True: the job is the
  // caller's. False: it was stolen; Restore(t) must follow when it has ended.
  bool Pop(int t) {
    tail_.store(t, std::memory_order_release);                             // (1) (3)
    Atomics::LightBarrier();                                               // (3)
    return t >= pop_limit_.load(std::memory_order_relaxed) || PopSlow(t);  // (3)
  }

  // Index t is free again. The effects of the stolen job are visible to the caller.
  void Restore(int t) {
    // Before the swap: a thief that sees the new top must see that nothing is there (4).
    tail_.store(t, std::memory_order_relaxed);
    while (true) {
      const ForkWord seen = Load();
      if (options_.asymmetric ? SwapAndLimit(seen, seen.Next(t, static_cast<std::uint64_t>(t)), t)
                              : Swap(seen, seen.Next(t, ForkWord::kOpen))) {
        return;
      }
    }
  }

  const NestedOptions& options() const { return options_; }

  // ---- For any thread ------------------------------------------------------------------------

  // Takes the oldest job, in one attempt (which may ask the owner, and wait for its answer).
  Taken Steal(Word* job) {
    for (int attempt = 0; attempt < options_.attempts; ++attempt) {
      const ForkWord seen = Load();
      if (!options_.asymmetric) Atomics::Fence(std::memory_order_seq_cst);  // (7)
      const int available = seen.is_open()
                                ? End(tail_.load(std::memory_order_acquire)) - seen.top()  // (1)
                                : seen.split() - seen.top();
      if (available > 0) {
        const int top = seen.top();
        if (!Swap(seen, seen.Taking())) return Taken::kLost;
        *job = Slot(top).load(std::memory_order_relaxed);  // pinned until the job has ended
        return Taken::kItem;
      }
      if (seen.is_open()) return Taken::kEmpty;
      (void)Ask();
      if (tail_.load(std::memory_order_relaxed) <= seen.top()) return Taken::kEmpty;
      AskPop();
      if (!WaitForChange(seen)) OpenFor(seen);
    }
    return Taken::kLost;
  }

  // Asks that the next push answer kWanted (8). False: somebody has, and no push since.
  bool Ask() {
    if (push_limit_.load(std::memory_order_relaxed) == kAsked) return false;
    push_limit_.store(kAsked, std::memory_order_relaxed);
    return true;
  }

  // How many jobs can be stolen. Relaxed: a hint.
  int Size() const {
    const ForkWord seen(word_.load(std::memory_order_relaxed));
    const int size = End(tail_.load(std::memory_order_relaxed)) - seen.top();
    return size > 0 ? size : 0;
  }

 private:
  template <typename U>
  using Atomic = typename Atomics::template Atomic<U>;

  static constexpr int kAsked = 0;
  static constexpr int kTripped = std::numeric_limits<int>::max();

  Atomic<Word>& Slot(int index) const { return slots_[static_cast<std::size_t>(index)]; }

  ForkWord Load() const { return ForkWord(word_.load(std::memory_order_acquire)); }  // (4) (5)

  // As in split_ring.h.
  bool Swap(ForkWord seen, ForkWord next) {
    std::uint64_t bits = seen.bits();
    return word_.compare_exchange_strong(bits, next.bits(), std::memory_order_release,
                                         std::memory_order_relaxed);  // (4) (5)
  }
  bool SwapAndLimit(ForkWord seen, ForkWord next, int limit) {
    pop_limit_.store(limit, std::memory_order_relaxed);
    if (Swap(seen, next)) return true;  // (4)
    pop_limit_.store(kTripped, std::memory_order_relaxed);
    return false;
  }

  // The end of the jobs that may be stolen: what is pushed at the capacity is withdrawn at once.
  int End(int tail) const { return tail < options_.capacity ? tail : options_.capacity; }

  // The stack is full, or a thief has asked: then it is opened.
  [[gnu::noinline]] Offered PushSlow(int t) {
    if (t == options_.capacity) {
      tail_.store(t, std::memory_order_release);  // (1)
      return Offered::kFull;
    }
    if (!options_.asymmetric) return Offered::kWanted;
    push_limit_.store(options_.capacity, std::memory_order_relaxed);
    const ForkWord seen = Load();
    if (seen.is_open() || seen.split() > seen.top()) return Offered::kWanted;
    // The owner needs no barrier: its own later pops see its own limit.
    pop_limit_.store(kTripped, std::memory_order_relaxed);
    (void)Swap(seen, seen.Next(seen.top(), ForkWord::kOpen));  // fails when a thief has opened it
    return Offered::kWanted;
  }

  // The job at t is public, or the limit was raised.
  [[gnu::noinline]] bool PopSlow(int t) {
    if (!options_.asymmetric) return PopFenced(t);
    while (true) {
      const ForkWord seen = Load();
      if (seen.top() > t) break;
      // Takes back the newer half of what is public, or shares the older half of what is not.
      const int split = seen.split();
      const int next = split > t             ? seen.top() + (t - seen.top()) / 2
                       : split == seen.top() ? split + (t - split + 1) / 2
                                             : split;
      if (SwapAndLimit(seen, seen.Next(seen.top(), static_cast<std::uint64_t>(next)), next)) {
        return true;
      }
    }
    return Stolen(t);
  }

  bool PopFenced(int t) {
    Atomics::Fence(std::memory_order_seq_cst);  // (7)
    const ForkWord seen = Load();
    if (seen.top() < t) return true;
    // The last job: thieves may be at it, and the swap decides. It changes nothing but the turn.
    if (seen.top() == t && Swap(seen, seen.Next(t, ForkWord::kOpen))) return true;
    return Stolen(t);
  }

  // The index stays in use. Relaxed: all jobs below are gone, so nobody takes one on the strength
  // of this value of tail.
  bool Stolen(int t) {
    tail_.store(t + 1, std::memory_order_relaxed);
    return false;
  }

  // Relaxed: a request may be lost or come late; nothing but speed rests on it.
  void AskPop() {
    if (pop_limit_.load(std::memory_order_relaxed) == kTripped) return;
    pop_limit_.store(kTripped, std::memory_order_relaxed);
  }
  bool WaitForChange(ForkWord seen) const {
    for (int i = 0; i < options_.patience; ++i) {
      if (word_.load(std::memory_order_relaxed) != seen.bits()) return true;
      Atomics::SpinPause();
    }
    return false;
  }
  void OpenFor(ForkWord seen) {
    const bool is_first = opening_.exchange(1, std::memory_order_relaxed) == 0;
    if (!is_first && WaitForChange(seen)) return;
    pop_limit_.store(kTripped, std::memory_order_relaxed);
    Atomics::HeavyBarrier();          // (3)
    (void)Swap(seen, seen.Opened());  // (5)
    opening_.store(0, std::memory_order_relaxed);
  }

  // Written by the owner at each operation; read by thieves.
  alignas(kCacheLineSize) Atomic<int> tail_{0};

  // Read by the owner at each operation; written rarely. A pop below pop_limit is slow, and a push
  // from push_limit on: that is the capacity, or kAsked.
  alignas(kCacheLineSize) Atomic<int> push_limit_;
  Atomic<int> pop_limit_;
  const NestedOptions options_;
  const std::unique_ptr<Atomic<Word>[]> slots_;  // written by the owner, read by thieves
  Atomic<int> opening_{0};                       // 1 while a thief opens. A hint.

  // A ForkWord. Written by thieves, and by the owner's slow paths.
  alignas(kCacheLineSize) Atomic<std::uint64_t> word_;
};

}  // namespace weft::deque_internal

#endif  // WEFT_DEQUE_INTERNAL_NESTED_SPLIT_H_
