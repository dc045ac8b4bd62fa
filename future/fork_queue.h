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
#include "base/check.h"
#include "deque/deque.h"
#include "future/executor.h"
#include "future/run_next.h"

namespace weft {

// A stack of one thread, the owner; open to the executor's other threads at its bottom.
class ForkQueue {
 public:
  // By which threads of the executor say that they want to be told of forks: they do where the
  // lower half, but for its highest bit, is not zero. Written by the executor.
  using Wants = RunNext::Wants;
  static bool IsWanted(uint64_t wants) { return (wants & 0x7fff'ffff) != 0; }

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
    StdAtomics::LightBarrier();                                          // (1)
    if (IsWanted(wants_->load(std::memory_order_relaxed))) [[unlikely]]  // (1)
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
  // Null: all forks are wanted, always; and where the process has no asymmetric barriers.
  explicit ForkQueue(const Wants* wants)
      : wants_(wants != nullptr && StdAtomics::AsymmetricBarriersAreAvailable() ? wants
                                                                                : &kWanted) {}
  ~ForkQueue() = default;

 private:
  static inline constinit const Wants kWanted{1};

  // Forks were pushed, and seem to be wanted. On the owner's thread, which goes on.
  virtual void OnOffered() = 0;

  const Wants* const wants_;
  Deque<Runnable*> forks_;
};

}  // namespace weft

#endif  // WEFT_FUTURE_FORK_QUEUE_H_
