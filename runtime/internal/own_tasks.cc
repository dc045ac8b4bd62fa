#include "runtime/internal/own_tasks.h"

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "deque/deque.h"
#include "deque/steal_result.h"
#include "future/executor.h"

namespace weft::runtime_internal {

std::size_t OwnTasks::FillBatch(std::size_t most) {
  const std::size_t count = queue_.PopUpTo({batch_.data(), most});
  SetBatch(0, static_cast<uint32_t>(count));
  return count;
}

// Both steals try again while other thieves are faster.
Runnable* OwnTasks::StealOne() {
  while (true) {
    const StealResult<Runnable*> result = queue_.stealer().Steal();
    if (result) return *result.item;
    if (result.outcome == StealOutcome::kEmpty) return nullptr;
  }
}

Runnable* OwnTasks::StealInto(OwnTasks* thief) {
  while (true) {
    const StealResult<Runnable*> result = queue_.stealer().StealHalf(&thief->queue_, kStealAtMost);
    if (result) {
      thief->slot_.Set(RunNext::kOthersWait);
      return *result.item;
    }
    if (result.outcome == StealOutcome::kEmpty) return nullptr;
  }
}

Runnable* OwnTasks::RaidInto(OwnTasks* thief) {
  std::array<Runnable*, kBatch + 1> taken;
  std::size_t count = 0;
  if (!slot_.lock().TryLock()) return nullptr;
  const uint32_t end = end_.load(std::memory_order_relaxed);
  for (uint32_t i = next_.load(std::memory_order_relaxed); i < end; ++i) taken[count++] = batch_[i];
  SetBatch(0, 0);
  if (Runnable* const slot = slot_.Peek()) {
    taken[count++] = slot;
    slot_.Put(nullptr);
  }
  slot_.lock().Unlock();
  if (count == 0) return nullptr;
  thief->PushAll({taken.data() + 1, count - 1});
  return taken[0];
}

}  // namespace weft::runtime_internal
