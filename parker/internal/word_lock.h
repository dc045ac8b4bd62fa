// parker/internal/word_lock.h — a mutual exclusion of one word, over the seam.
//
// For a handful of instructions at a time. A thread that finds it held sleeps, so that a holder
// which lost its processor costs the others nothing ([Drepper2011], the third mutex).
//
//   (1) Unlock's exchange (release) -> the exchange or CAS of the next Lock (acquire).
#ifndef WEFT_PARKER_INTERNAL_WORD_LOCK_H_
#define WEFT_PARKER_INTERNAL_WORD_LOCK_H_

#include <atomic>
#include <cstdint>

#include "base/instant.h"

namespace weft::parker_internal {

template <typename Atomics>
class WordLock {
 public:
  void Lock() {
    uint64_t expected = kFree;
    if (word_.compare_exchange_strong(expected, kHeld, std::memory_order_acquire,  // (1)
                                      std::memory_order_relaxed)) {
      return;
    }
    while (word_.exchange(kHeldWithSleepers, std::memory_order_acquire) != kFree) {  // (1)
      Atomics::FutexWait(word_, kHeldWithSleepers, Instant::InfiniteFuture());
    }
  }

  void Unlock() {
    if (word_.exchange(kFree, std::memory_order_release) == kHeldWithSleepers) {  // (1)
      Atomics::FutexWake(word_, 1);
    }
  }

 private:
  static constexpr uint64_t kFree = 0;
  static constexpr uint64_t kHeld = 1;
  static constexpr uint64_t kHeldWithSleepers = 2;

  typename Atomics::template Atomic<uint64_t> word_{kFree};
};

// Holds a WordLock as long as it lives.
template <typename Atomics>
class WordLockHolder {
 public:
  explicit WordLockHolder(WordLock<Atomics>& lock) : lock_(lock) { lock_.Lock(); }
  WordLockHolder(const WordLockHolder&) = delete;
  WordLockHolder& operator=(const WordLockHolder&) = delete;
  ~WordLockHolder() { lock_.Unlock(); }

 private:
  WordLock<Atomics>& lock_;
};

}  // namespace weft::parker_internal

#endif  // WEFT_PARKER_INTERNAL_WORD_LOCK_H_
