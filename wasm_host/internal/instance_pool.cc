#include "wasm_host/internal/instance_pool.h"

#include <utility>

namespace weft::wasm_host_internal {

uint32_t InstancePool::used() const {
  MutexLock lock(&mutex_);
  return size_ - free_;
}

uint32_t InstancePool::queued() const {
  MutexLock lock(&mutex_);
  return queued_;
}

Poll<void> Place::poll(Context& cx) {
  if (cx.StopRequested()) {
    Release();
    return kStopped;
  }
  Waker waker = cx.waker().Clone();  // The old one is dropped outside the lock.
  MutexLock lock(&pool_.mutex_);
  if (state_ == State::kHolding) return Poll<void>::Ready();
  if (state_ == State::kIdle) {
    if (pool_.free_ > 0) {
      --pool_.free_;
      state_ = State::kHolding;
      return Poll<void>::Ready();
    }
    pool_.queue_.PushBack(this);
    ++pool_.queued_;
    state_ = State::kQueued;
  }
  std::swap(waker_, waker);
  return kPending;
}

void Place::Release() {
  Waker dropped;
  Waker next;
  {
    MutexLock lock(&pool_.mutex_);
    dropped = std::move(waker_);
    const State state = std::exchange(state_, State::kIdle);
    if (state == State::kQueued) {
      Unlink();
      --pool_.queued_;
    } else if (state == State::kHolding) {
      Place* const front = pool_.queue_.PopFront();
      if (front == nullptr) {
        ++pool_.free_;
      } else {
        --pool_.queued_;
        front->state_ = State::kHolding;
        next = std::move(front->waker_);
      }
    }
  }
  std::move(next).Wake();
}

}  // namespace weft::wasm_host_internal
