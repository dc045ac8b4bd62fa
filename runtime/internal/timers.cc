#include "runtime/internal/timers.h"

#include <array>
#include <atomic>
#include <cstddef>
#include <new>
#include <utility>

#include "base/check.h"

namespace weft::runtime_internal {

Timers::~Timers() {
  MutexLock lock(&mutex_);
  WEFT_CHECK(wheel_.size() == 0)
      << "Runtime: destroyed while " << wheel_.size()
      << " timers are armed by futures that no task owns; let them finish or destroy them first";
}

Timers::Node* Timers::NodeOf(TimerSlot& slot) {
  return std::launder(reinterpret_cast<Node*>(slot.storage));
}

void Timers::Arm(TimerSlot& slot, Instant deadline, Waker waker) {
  Waker previous;  // dropped after the lock: that may destroy a task, which cancels its timers
  bool is_early = false;
  {
    MutexLock lock(&mutex_);
    previous = Disarm(slot);
    Node* const node = ::new (slot.storage) Node(&slot, std::move(waker));
    slot.is_armed.store(true, std::memory_order_relaxed);
    wheel_.Arm(node, deadline);
    PublishNextDue();
    is_early = wheel_.NextDeadline() < sleeping_until_;
    if (is_early) sleeping_until_ = Instant::InfinitePast();
  }
  if (is_early) reactor_.Wake();
}

void Timers::Cancel(TimerSlot& slot) {
  Waker previous;  // as above
  MutexLock lock(&mutex_);
  previous = Disarm(slot);
  PublishNextDue();
}

Waker Timers::Retire(Node* node) {
  Waker waker = std::move(node->waker);
  TimerSlot* const slot = node->slot;
  node->~Node();
  // Relaxed: whoever re-uses or frees the slot has called Arm() or Cancel() under the lock first.
  slot->is_armed.store(false, std::memory_order_relaxed);
  return waker;
}

Waker Timers::Disarm(TimerSlot& slot) {
  // Under the lock the flag is exact.
  if (!slot.is_armed.load(std::memory_order_relaxed)) return Waker();
  Node* const node = NodeOf(slot);
  wheel_.Cancel(node);
  return Retire(node);
}

Instant Timers::BeginSleep() {
  MutexLock lock(&mutex_);
  sleeping_until_ = wheel_.NextDeadline();
  return sleeping_until_;
}

void Timers::EndSleep() {
  MutexLock lock(&mutex_);
  sleeping_until_ = Instant::InfinitePast();
}

std::size_t Timers::FireDue(Instant now) {
  if (now.nanos() < next_due_nanos_.load(std::memory_order_relaxed)) return 0;
  constexpr std::size_t kBatch = 32;  // wakers are called without the lock, some at a time
  std::size_t total = 0;
  std::size_t count = kBatch;
  for (bool is_first = true; count == kBatch; is_first = false) {
    std::array<Waker, kBatch> wakers;
    count = 0;
    {
      MutexLock lock(&mutex_);
      if (is_first) wheel_.Advance(now);
      while (count < kBatch) {
        TimerEntry* const entry = wheel_.PopExpired();
        if (entry == nullptr) break;
        wakers[count++] = Retire(static_cast<Node*>(entry));
      }
      PublishNextDue();
    }
    for (std::size_t i = 0; i < count; ++i) std::move(wakers[i]).Wake();
    total += count;
  }
  return total;
}

void Timers::PublishNextDue() {
  next_due_nanos_.store(wheel_.NextDeadline().nanos(), std::memory_order_relaxed);
}

}  // namespace weft::runtime_internal
