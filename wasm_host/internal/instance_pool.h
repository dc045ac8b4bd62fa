// wasm_host/internal/instance_pool.h — who may have an instance now: a counting semaphore for
// tasks, first come, first served.
#ifndef WEFT_WASM_HOST_INTERNAL_INSTANCE_POOL_H_
#define WEFT_WASM_HOST_INTERNAL_INSTANCE_POOL_H_

#include <cstdint>

#include "absl/base/thread_annotations.h"
#include "base/intrusive_list.h"
#include "base/mutex.h"
#include "future/context.h"
#include "future/poll.h"
#include "future/waker.h"

namespace weft::wasm_host_internal {

class Place;

// The places. Thread-safe. Must outlive its Places.
class InstancePool {
 public:
  explicit InstancePool(uint32_t places) : size_(places), free_(places) {}

  // Places in use, and Places that wait. Approximate while other threads run.
  uint32_t used() const;
  uint32_t queued() const;

 private:
  friend class Place;

  const uint32_t size_;
  mutable Mutex mutex_;
  uint32_t free_ ABSL_GUARDED_BY(mutex_);
  uint32_t queued_ ABSL_GUARDED_BY(mutex_) = 0;
  IntrusiveList<Place> queue_ ABSL_GUARDED_BY(mutex_);
};

// A future of a place, which it holds from its value on until it is released or destroyed.
// Cancellation: a stopped request leaves the queue; a place that it was given goes to the next.
// Safe to drop.
class Place : private IntrusiveListNode<Place> {
 public:
  using Output = void;

  explicit Place(InstancePool& pool) : pool_(pool) {}
  ~Place() { Release(); }

  Poll<void> poll(Context& cx);

  // Gives the place, or the wish for one, up. Idempotent.
  void Release() ABSL_LOCKS_EXCLUDED(pool_.mutex_);

 private:
  friend class IntrusiveList<Place>;
  friend class IntrusiveListNode<Place>;

  enum class State : unsigned char { kIdle, kQueued, kHolding };

  InstancePool& pool_;
  State state_ = State::kIdle;  // under the pool's mutex
  Waker waker_;                 // under the pool's mutex
};

}  // namespace weft::wasm_host_internal

#endif  // WEFT_WASM_HOST_INTERNAL_INSTANCE_POOL_H_
