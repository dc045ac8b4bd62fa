#include "future/task_registry.h"

#include <atomic>

#include "base/check.h"

namespace weft {
namespace future_internal {

// Where a debugger starts: all registries of the process.
TaskRegistry* first_task_registry = nullptr;

}  // namespace future_internal

using future_internal::first_task_registry;
using future_internal::TaskRecord;

namespace {

Mutex& RegistriesMutex() {
  static Mutex* const mutex = new Mutex;
  return *mutex;
}

// Never inlined: a coroutine must not keep the address of a thread_local.
[[gnu::noinline]] uint32_t ShardOfThread() {
  static std::atomic<uint32_t> threads{0};
  static thread_local const uint32_t thread = threads.fetch_add(1, std::memory_order_relaxed);
  return thread;
}

}  // namespace

TaskRegistry::TaskRegistry() {
  MutexLock lock(&RegistriesMutex());
  next_in_process_ = first_task_registry;
  if (next_in_process_ != nullptr) next_in_process_->previous_in_process_ = this;
  first_task_registry = this;
}

TaskRegistry::~TaskRegistry() {
  const std::size_t left = size();
  WEFT_CHECK(left == 0) << "~TaskRegistry(): " << left << " tasks are still alive; an executor "
                        << "ends all its tasks before it goes";
  MutexLock lock(&RegistriesMutex());
  if (next_in_process_ != nullptr) next_in_process_->previous_in_process_ = previous_in_process_;
  (previous_in_process_ == nullptr ? first_task_registry : previous_in_process_->next_in_process_) =
      next_in_process_;
}

void TaskRegistry::Add(TaskRecord& record) {
  record.shard = ShardOfThread() % kShards;
  Shard& shard = shards_[record.shard];
  MutexLock lock(&shard.mutex);
  record.number = shard.added++;
  shard.records.PushBack(&record);
  ++shard.size;
}

void TaskRegistry::Remove(TaskRecord& record) {
  Shard& shard = shards_[record.shard];
  MutexLock lock(&shard.mutex);
  record.Unlink();
  --shard.size;
}

void TaskRegistry::ForEach(absl::FunctionRef<void(TaskRecord&)> visit) {
  for (Shard& shard : shards_) {
    MutexLock lock(&shard.mutex);
    for (TaskRecord* record = shard.records.Front(); record != nullptr;
         record = shard.records.Next(record)) {
      visit(*record);
    }
  }
}

std::size_t TaskRegistry::size() {
  std::size_t size = 0;
  for (Shard& shard : shards_) {
    MutexLock lock(&shard.mutex);
    size += shard.size;
  }
  return size;
}

}  // namespace weft
