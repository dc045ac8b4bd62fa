// base/biased_lock.h — a lock that costs its owner three plain accesses.
//
// One thread, the owner, takes it all the time; any other one (a raider) takes it rarely and pays a
// system call. Each side says that it wants the lock and then looks whether the other does; the
// asymmetric barrier sees to it that not both miss each other. An owner that meets a raider gives
// way; a raider waits until the owner is out.
//
// Happens-before edges:
//   (1) owner's unlock (release) -> raider (acquire).
//   (2) raider's unlock (release) -> owner, next raider (acquire).
//   (3) owner: is_held_, then is_raided_; raider: is_raided_, then is_held_; the pair of barriers.
#ifndef WEFT_BASE_BIASED_LOCK_H_
#define WEFT_BASE_BIASED_LOCK_H_

#include <atomic>

#include "base/barrier_pair.h"
#include "base/cache_line.h"

namespace weft {

// Held for a few instructions at a time, on both sides. Not recursive.
template <typename Atomics>
class BiasedLock {
 public:
  constexpr explicit BiasedLock(BarrierKind kind = BestBarriers<Atomics>()) : barriers_(kind) {}
  BiasedLock(const BiasedLock&) = delete;
  BiasedLock& operator=(const BiasedLock&) = delete;

  // The owner's side.
  void LockByOwner() {
    while (!TryLockByOwner()) [[unlikely]]
      AwaitRaider();
  }
  // False, at once, if a raider has it or waits for it.
  bool TryLockByOwner() {
    is_held_.store(true, std::memory_order_relaxed);  // (3)
    barriers_.Light();                                // (3)
    if (!is_raided_.load(std::memory_order_acquire)) [[likely]]
      return true;  // (2) (3)
    // Release, as what a raider reads may be this instead of the last unlock's.
    UnlockByOwner();
    return false;
  }
  void UnlockByOwner() { is_held_.store(false, std::memory_order_release); }  // (1)

  // Everybody else's. False, at once, if another raider has it.
  bool TryLock() {
    if (is_raided_.load(std::memory_order_relaxed)) return false;
    if (is_raided_.exchange(true, std::memory_order_acquire)) return false;  // (2)
    barriers_.Heavy();                                                       // (3)
    // The owner may have lost its processor: so this one is given away too.
    while (is_held_.load(std::memory_order_acquire)) Atomics::Yield();  // (1) (3)
    return true;
  }
  void Unlock() { is_raided_.store(false, std::memory_order_release); }  // (2)

 private:
  [[gnu::noinline]] void AwaitRaider() {
    while (is_raided_.load(std::memory_order_relaxed)) Atomics::Yield();
  }

  typename Atomics::template Atomic<bool> is_held_{false};  // written by the owner
  const BarrierPair<Atomics> barriers_;
  alignas(kCacheLineSize) typename Atomics::template Atomic<bool> is_raided_{false};
};

// The owner's side, as long as it lives.
template <typename Atomics>
class OwnersHold {
 public:
  explicit OwnersHold(BiasedLock<Atomics>& lock) : lock_(lock) { lock_.LockByOwner(); }
  OwnersHold(const OwnersHold&) = delete;
  OwnersHold& operator=(const OwnersHold&) = delete;
  ~OwnersHold() { lock_.UnlockByOwner(); }

 private:
  BiasedLock<Atomics>& lock_;
};

}  // namespace weft

#endif  // WEFT_BASE_BIASED_LOCK_H_
