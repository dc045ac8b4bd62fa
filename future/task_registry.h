// future/task_registry.h — the list of an executor's live tasks, for dumps (task_dump.h).
//
// A runtime has one if it was made with `track_tasks = weft::TaskTracking::kOn`; this is for who
// writes an executor: it owns a TaskRegistry, calls ListTasksIn(&registry) in its constructor, and
// all tasks that are spawned on it are listed from their spawn until their futures are destroyed.
//
// A run-time option. Off: one predictable branch at a spawn and two at each poll. On: 80 bytes for
// each task, an uncontended lock at its spawn and at its end, and two looks at the executor's clock
// for each poll. README.md has the measured costs.
//
//   Thread safety    All methods from any thread.
//   Lifetime         Outlives the tasks (checked).
#ifndef WEFT_FUTURE_TASK_REGISTRY_H_
#define WEFT_FUTURE_TASK_REGISTRY_H_

#include <array>
#include <cstddef>
#include <cstdint>

#include "absl/base/thread_annotations.h"
#include "absl/functional/function_ref.h"
#include "base/cache_line.h"
#include "base/intrusive_list.h"
#include "base/mutex.h"
#include "future/internal/task_record.h"

namespace weft {

// Whether a runtime lists its tasks.
enum class TaskTracking : unsigned char { kOff, kOn };

// See the head of the file.
class TaskRegistry {
 public:
  TaskRegistry();
  TaskRegistry(const TaskRegistry&) = delete;
  TaskRegistry& operator=(const TaskRegistry&) = delete;
  // Precondition (checked): no task is listed.
  ~TaskRegistry();

  // The rest is for task cells and for dumps.

  void Add(future_internal::TaskRecord& record);
  void Remove(future_internal::TaskRecord& record);

  // Calls visit(record) for each task, under a lock: no task that is visited ends meanwhile. Tasks
  // that come or go during the call may be missed, others are not.
  void ForEach(absl::FunctionRef<void(future_internal::TaskRecord&)> visit);

  // Tasks that are listed. Approximate while tasks come and go.
  std::size_t size();

 private:
  // Tasks of different threads mostly take different locks.
  struct alignas(kCacheLineSize) Shard {
    Mutex mutex;
    IntrusiveList<future_internal::TaskRecord> records ABSL_GUARDED_BY(mutex);
    std::size_t size ABSL_GUARDED_BY(mutex) = 0;
    uint64_t added ABSL_GUARDED_BY(mutex) = 0;
  };
  static constexpr std::size_t kShards = 16;

  std::array<Shard, kShards> shards_;
  // All registries of the process, for debuggers; under a lock of its own.
  TaskRegistry* next_in_process_ = nullptr;
  TaskRegistry* previous_in_process_ = nullptr;
};

}  // namespace weft

#endif  // WEFT_FUTURE_TASK_REGISTRY_H_
