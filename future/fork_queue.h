// future/fork_queue.h — how the tasks that run on one thread of an executor offer forks
// (fork_join.h) to its other threads, and take them back, without asking the executor.
//
// Happens-before edges:
//   (1) forks are pushed; light barrier; the owner looks whether somebody wants them. The other
//       side is the executor's.
// And those of deque/deque.h.
#ifndef WEFT_FUTURE_FORK_QUEUE_H_
#define WEFT_FUTURE_FORK_QUEUE_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <new>
#include <optional>

#include "base/atomics.h"
#include "base/barrier_pair.h"
#include "base/check.h"
#include "deque/deque.h"
#include "future/executor.h"
#include "future/run_next.h"

namespace weft {

// How the owner of a queue learns that other threads want to be told of forks.
template <typename Atomics>
class BasicForkWants {
 public:
  // They say so in the lower half, but for its highest bit: it is not zero. The executor writes it.
  using Word = typename BasicRunNext<Atomics>::Wants;
  static bool AreIn(uint64_t word) { return (word & 0x7fff'ffff) != 0; }

  // Null: they do, always; so they seem to where the process has no asymmetric barriers.
  explicit BasicForkWants(const Word* word, BarrierKind kind = BestBarriers<Atomics>())
      : word_(word != nullptr && kind == BarrierKind::kAsymmetric ? *word : always_) {}

  // For forks that were pushed just now.
  bool AreThere() const {
    Atomics::LightBarrier();                              // (1)
    return AreIn(word_.load(std::memory_order_relaxed));  // (1)
  }

 private:
  const Word always_{1};
  const Word& word_;
};

// A stack of one thread, the owner; open to the executor's other threads at its bottom.
class ForkQueue {
 public:
  using Wants = BasicForkWants<StdAtomics>;

  ForkQueue(const ForkQueue&) = delete;
  ForkQueue& operator=(const ForkQueue&) = delete;

  // ---- For the owner.

  // Offers fork_at(0), fork_at(1), ..., `count` of them, which the caller will take back in the
  // reverse order, to threads that have nothing to do. What came before the call is visible to
  // whoever runs them. False: not offered, for want of memory.
  template <typename ForkAt>
  [[nodiscard]] [[gnu::always_inline]] bool PushAll(std::size_t count, ForkAt fork_at) noexcept {
    try {
      if (!forks_.TryPushEach(count, fork_at)) return false;
    } catch (const std::bad_alloc&) {
      return false;
    }
    if (wants_.AreThere()) [[unlikely]]
      OnOffered();
    return true;
  }

  // Takes back what was pushed last. False: another thread has it, and all that was pushed before
  // it.
  [[nodiscard]] [[gnu::always_inline]] bool Pop([[maybe_unused]] Runnable* fork) noexcept {
    const std::optional<Runnable*> newest = forks_.Pop();
    WEFT_DCHECK(!newest || *newest == fork) << "ForkQueue::Pop(): forks must be nested";
    return newest.has_value();
  }

  // ---- Any thread.

  // A moment's truth.
  bool HasForks() const { return !forks_.IsEmptyHint(); }
  // The oldest, which the caller runs; null if there is none, or others were faster.
  Runnable* TakeOldestFork() { return forks_.stealer().Steal().item.value_or(nullptr); }

 protected:
  // See BasicForkWants.
  explicit ForkQueue(const Wants::Word* wants) : wants_(wants) {}
  ~ForkQueue() = default;

 private:
  // Forks were pushed, and seem to be wanted. On the owner's thread, which goes on.
  virtual void OnOffered() = 0;

  const Wants wants_;
  Deque<Runnable*> forks_;
};

}  // namespace weft

#endif  // WEFT_FUTURE_FORK_QUEUE_H_
