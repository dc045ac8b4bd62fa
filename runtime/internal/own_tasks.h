// runtime/internal/own_tasks.h — the tasks that are queued at one worker.
//
//   slot     one task: what was woken last, or the first spawn since it was empty. Runs next. A
//            RunNext, so that tasks get at it by themselves.
//   batch    the oldest tasks of the queue, taken out by one compare-and-swap; while the queue is
//            empty and nobody looks for work, also those that yield.
//   queue    the others, oldest first; a FifoDeque.
//
// The owner takes from the slot, at most kSlotRuns times in a row while others wait, then from the
// batch, which it fills from the queue. So it runs tasks first in, first out, but for the slot, and
// the common ways (spawn a task and await it; wake a task and wait; yield among many) have no
// locked instruction.
//
// Other workers take half of the queue, again by one swap. Slot and batch, which the owner keeps,
// are under a biased lock: a thief that sees a worker stuck in a long run, with tasks there, raids
// them, at the price of a system call (onlooker.h says when). What an owner takes into its batch is
// out of sight for a moment: so it counts as work that is added (Taken::shares_batch).
#ifndef WEFT_RUNTIME_INTERNAL_OWN_TASKS_H_
#define WEFT_RUNTIME_INTERNAL_OWN_TASKS_H_

#include <array>
#include <atomic>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <new>
#include <span>
#include <utility>

#include "base/biased_lock.h"
#include "base/cache_line.h"
#include "deque/deque.h"
#include "future/executor.h"
#include "future/run_next.h"

namespace weft::runtime_internal {

// Whether other workers may be needed for what was queued.
enum class Queued : unsigned char {
  kForAll,   // yes: the caller wakes one, if need be
  kKept,     // yes, but only once this worker is stuck in a run
  kForSelf,  // no: this worker runs it as soon as its present task returns
};

// See the head of the file. What says "Owner" is for the worker's own thread; the rest for any.
class OwnTasks {
 public:
  static constexpr int kSlotRuns = 3;
  static constexpr std::size_t kBatch = 32;

  // Owner. A new task: kept in the slot if that is free, else for all.
  Queued PushSpawned(Runnable* task) {
    if (slot_.IsEmpty() && !slot_.Is(RunNext::kShares)) {
      slot_.Put(task);
      return Queued::kKept;
    }
    slot_.Clear(RunNext::kShares);
    PushBehind(task);
    return Queued::kForAll;
  }

  // Owner. A worker is about to wake up for what was spawned last, and looks for it in some
  // microseconds. If it found that in the slot, it would have to raid it, once it has seen that
  // this owner does not get there, for the price of as many again. So it is for all; without memory
  // for that, it stays.
  void PublishSlot() noexcept {
    const OwnersHold hold(slot_.lock());
    Runnable* const task = slot_.Peek();
    if (task == nullptr) return;
    try {
      PushBehind(task);  // a raider does not get at the slot meanwhile
    } catch (const std::bad_alloc&) {
      return;
    }
    slot_.Put(nullptr);
  }
  // Owner. The same where a worker wakes up, and nothing is spawned yet: what is spawned next is
  // for all.
  void ShareNextSpawn() { slot_.Set(RunNext::kShares); }

  // Owner. A task that was woken: it is warm, and runs next. Whatever was in the slot is for all.
  Queued PushWoken(Runnable* task) {
    Runnable* before;
    {
      const OwnersHold hold(slot_.lock());
      before = slot_.Peek();
      slot_.Put(task);
    }
    if (before == nullptr) return Queued::kForSelf;
    PushBehind(before);
    return Queued::kForAll;
  }

  // Owner. A task that gave way: behind all the others.
  Queued PushYielded(Runnable* task) {
    slot_.Set(RunNext::kOthersWait);
    if (!IsEmptyHint()) {
      queue_.Push(task);
      return Queued::kForAll;
    }
    const OwnersHold hold(slot_.lock());
    batch_[0] = task;
    SetBatch(0, 1);
    return Queued::kForSelf;
  }

  // Owner. The same, and takes the oldest task of the batch; the caller tells others, as of any
  // task that is for all. A few tasks that yield to one another stay in the batch, if
  // `nobody_searches()`. Null: the batch is empty, or it is not its turn; nothing was done.
  template <std::predicate F>
  [[gnu::always_inline]] Runnable* ExchangeYielded(Runnable* task, F nobody_searches) {
    const OwnersHold hold(slot_.lock());
    const uint32_t next = next_.load(std::memory_order_relaxed);
    const uint32_t end = end_.load(std::memory_order_relaxed);
    if (next >= end || !slot_.IsEmpty()) return nullptr;
    if (end < kBatch && !HasPublic() && nobody_searches()) {
      batch_[end] = task;
      end_.store(end + 1, std::memory_order_relaxed);
    } else {
      queue_.Push(task);
    }
    return TakeFromBatchAt(next, end);
  }

  // Owner. Whether a task that gave way is the next one, because there is no other. Then it runs as
  // if it had come from the batch.
  [[gnu::always_inline]] bool IsNextAgain() {
    if (!IsEmptyHint()) return false;
    slot_.Clear(RunNext::kOthersWait);
    slot_runs_ = 0;
    return true;
  }

  // Owner. Several tasks, behind the others.
  void PushAll(std::span<Runnable*> tasks) {
    if (!tasks.empty()) slot_.Set(RunNext::kOthersWait);
    (void)queue_.TryPushAll(tasks);
  }

  // What Take() found.
  struct Taken {
    Runnable* task = nullptr;  // null: nothing
    bool from_slot = false;
    bool shares_batch = false;  // others may take what else is here: as if it had been added
  };

  // Owner. The next task to run. When the batch is empty, takes up to `batch_size()` from the queue
  // at once.
  template <std::invocable F>
  [[gnu::always_inline]] Taken Take(F batch_size) {
    const OwnersHold hold(slot_.lock());
    Runnable* const slot = slot_.Peek();
    if (slot != nullptr && SlotIsNext()) return TakeSlot(slot);
    slot_runs_ = 0;
    bool shares_batch = false;
    Runnable* const oldest = Oldest(batch_size, &shares_batch);
    if (oldest != nullptr) DropOldest();
    return {.task = oldest, .shares_batch = shares_batch};
  }

  // Owner. The next task to run, if the slot is empty and the batch is not; else null, and Take()
  // may find one. The way of a burst of tasks.
  [[gnu::always_inline]] Runnable* TakeFromBatch() {
    const OwnersHold hold(slot_.lock());
    const uint32_t next = next_.load(std::memory_order_relaxed);
    const uint32_t end = end_.load(std::memory_order_relaxed);
    if (next >= end || !slot_.IsEmpty()) return nullptr;
    return TakeFromBatchAt(next, end);
  }

  // Owner. Take() if that is `task`; otherwise takes nothing.
  template <std::invocable F>
  [[gnu::always_inline]] Taken TakeIfNext(Runnable* task, F batch_size) {
    const OwnersHold hold(slot_.lock());
    Runnable* const slot = slot_.Peek();
    if (slot != nullptr) return slot == task && SlotIsNext() ? TakeSlot(slot) : Taken();
    bool shares_batch = false;
    const bool is_next = Oldest(batch_size, &shares_batch) == task;
    if (is_next) DropOldest();
    return {.task = is_next ? task : nullptr, .shares_batch = shares_batch};
  }

  // Something seems to be there to be stolen; to be raided; either.
  bool HasPublic() const { return !queue_.IsEmptyHint(); }
  bool HasPrivate() const { return !slot_.IsEmpty() || BatchSize() > 0; }
  bool IsEmptyHint() const { return !HasPrivate() && !HasPublic(); }
  std::size_t SizeHint() const {
    return queue_.SizeHint() + BatchSize() + (slot_.IsEmpty() ? 0 : 1);
  }

  RunNext& slot() { return slot_; }
  const RunNext& slot() const { return slot_; }

  // The oldest task of the queue, for whoever is not a worker.
  Runnable* StealOne();
  // Takes half of the queue: returns the oldest and gives the others to `thief`, whose owner calls.
  Runnable* StealInto(OwnTasks* thief);
  // Takes all that is in slot and batch: returns the first and gives the others to `thief`.
  Runnable* RaidInto(OwnTasks* thief);

 private:
  static constexpr std::size_t kStealAtMost = 32;
  // So far ahead of its run, a task of the batch is brought into the cache: it may have been made
  // by another thread, or long ago.
  static constexpr uint32_t kPrefetched = 3;

  // Most of what a run touches first: two lines.
  static void Prefetch(const Runnable* task) {
    __builtin_prefetch(task, 1);
    __builtin_prefetch(reinterpret_cast<const char*>(task) + kCacheLineSize, 1);
  }

  void SetBatch(uint32_t next, uint32_t end) {
    next_.store(next, std::memory_order_relaxed);
    end_.store(end, std::memory_order_relaxed);
  }
  std::size_t BatchSize() const {
    const uint32_t next = next_.load(std::memory_order_relaxed);
    const uint32_t end = end_.load(std::memory_order_relaxed);
    return next < end ? end - next : 0;
  }
  // [next, end) is the batch, and not empty. Under the lock.
  [[gnu::always_inline]] Runnable* TakeFromBatchAt(uint32_t next, uint32_t end) {
    slot_runs_ = 0;
    next_.store(next + 1, std::memory_order_relaxed);
    if (next + kPrefetched < end) Prefetch(batch_[next + kPrefetched]);
    return batch_[next];
  }
  void PushBehind(Runnable* task) {
    slot_.Set(RunNext::kOthersWait);
    queue_.Push(task);
  }
  // These under the lock.
  // Whether the slot has its turn. Where nothing waits behind it, it begins its turns anew.
  bool SlotIsNext() {
    if (slot_runs_ < kSlotRuns) return true;
    if (BatchSize() > 0 || !queue_.IsEmptyHint()) return false;
    slot_runs_ = 0;
    slot_.Clear(RunNext::kOthersWait);
    return true;
  }
  Taken TakeSlot(Runnable* task) {
    ++slot_runs_;
    slot_.Put(nullptr);
    return {.task = task, .from_slot = true};
  }
  // The oldest task behind the slot, or null; fills the batch if it must.
  template <std::invocable F>
  Runnable* Oldest(F batch_size, bool* shares_batch) {
    if (BatchSize() == 0) {
      const std::size_t count = FillBatch(batch_size());
      if (count == 0) {
        slot_.Clear(RunNext::kOthersWait);
        return nullptr;
      }
      *shares_batch = count > 1;
    }
    return batch_[next_.load(std::memory_order_relaxed)];
  }
  // Returns how many the batch has then.
  std::size_t FillBatch(std::size_t most);
  void DropOldest() {
    next_.store(next_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  }

  FifoDeque<Runnable*> queue_{256};

  // Says kOthersWait whenever batch or queue may hold tasks.
  alignas(kCacheLineSize) RunNext slot_;
  // Written by the owner under the slot's lock, and by raiders; read by all: relaxed, as hints.
  std::atomic<uint32_t> next_{0};  // [next_, end_) of the batch is queued
  std::atomic<uint32_t> end_{0};
  int slot_runs_ = 0;  // runs from the slot since the last run from elsewhere
  std::array<Runnable*, kBatch> batch_;
};

}  // namespace weft::runtime_internal

#endif  // WEFT_RUNTIME_INTERNAL_OWN_TASKS_H_
