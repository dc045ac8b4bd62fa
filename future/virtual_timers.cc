#include "future/virtual_timers.h"

#include <new>
#include <utility>

namespace weft {

void VirtualTimers::Arm(TimerSlot& slot, Instant deadline, Waker waker) {
  Cancel(slot);
  MutexLock lock(&mutex_);
  const Entries::iterator entry = entries_.emplace(deadline, Entry{&slot, std::move(waker)});
  static_assert(sizeof(entry) <= TimerSlot::kStorageBytes);
  ::new (static_cast<void*>(slot.storage)) Entries::iterator(entry);
  slot.is_armed.store(true, std::memory_order_relaxed);
}

void VirtualTimers::Cancel(TimerSlot& slot) {
  Waker dropped;  // after the lock
  MutexLock lock(&mutex_);
  if (!slot.is_armed.load(std::memory_order_relaxed)) return;  // written under the lock
  auto* const entry = std::launder(reinterpret_cast<Entries::iterator*>(slot.storage));
  dropped = std::move((*entry)->second.waker);
  entries_.erase(*entry);
  slot.is_armed.store(false, std::memory_order_relaxed);
}

std::optional<Instant> VirtualTimers::Next() {
  MutexLock lock(&mutex_);
  if (entries_.empty() || entries_.begin()->first == Instant::InfiniteFuture()) return std::nullopt;
  return entries_.begin()->first;
}

std::optional<Waker> VirtualTimers::PopDue(Instant now) {
  MutexLock lock(&mutex_);
  if (entries_.empty() || entries_.begin()->first > now) return std::nullopt;
  auto entry = entries_.begin();
  Waker waker = std::move(entry->second.waker);
  entry->second.slot->is_armed.store(false, std::memory_order_relaxed);
  entries_.erase(entry);
  return waker;
}

}  // namespace weft
