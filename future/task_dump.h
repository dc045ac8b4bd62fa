// future/task_dump.h — what all tasks of an executor do at this moment: where each stands, what it
// waits for, and under which scope.
//
//   std::cout << weft::ToText(weft::DumpTasks(runtime));
//
//   2 tasks
//   scope 0
//     task 0x5581: waiting for 1.5s, age 2s, 3 polls, spawned at main.cc:31
//       weft::Task<> Serve() at serve.cc:12 awaits weft::NurseryFuture<...>
//     scope 1 of task 0x5581
//       task 0x55a4 "refresh": running for 20ms on worker 1, age 2s, 7 polls
//
// The runtime was made with `track_tasks = weft::TaskTracking::kOn` (task_registry.h says what that
// costs). A dump may be taken at any time; no task is stopped for it. A task that waits is taken
// for the moment in which its chain of awaits is read, about a microsecond; if it is woken
// meanwhile, it is queued when that moment ends. A task that is queued or runs is reported without
// its chain.
//
// The scopes are the tree of cancel tokens that the tasks have: scope 0 is the executor's, others
// belong to nurseries and to CancelSources. "Of task": that task waits in the scope.
//
//   Thread safety    Any thread, several at once, also a task of the executor. With executors whose
//                    tasks belong to one thread (DeterministicRuntime): that one.
//   Accuracy         Each task as it was at some moment during the call. One that comes or goes
//                    meanwhile may be missing, no other is.
//   Errors           Precondition (checked): the executor lists its tasks. bad_alloc is passed on,
//                    and nothing is lost.
//   Complexity       O(tasks and steps) time and memory; locks of the registry are held for some
//                    nanoseconds for each of max_tasks.
//   Lifetime         The executor outlives the call; the dump refers to nothing.
#ifndef WEFT_FUTURE_TASK_DUMP_H_
#define WEFT_FUTURE_TASK_DUMP_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <source_location>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "future/await_chain.h"
#include "future/executor.h"
#include "future/task_id.h"

namespace weft {

// What a live task does.
enum class TaskActivity : unsigned char {
  kWaiting,
  kQueued,  // ready to run, or looked at by another dump
  kRunning,
};

struct DumpedTask {
  TaskId id = TaskId();
  std::string name;
  TaskActivity activity = TaskActivity::kWaiting;
  int worker = -1;                // that polls it, or did so last; -1: none, or no worker
  absl::Duration age;             // since the spawn
  absl::Duration since;           // since the latest poll began, if it runs, else since that ended
  uint64_t polls = 0;             // that have begun
  std::source_location location;  // of the spawn; line 0: not known
  std::optional<std::size_t> scope;  // in TaskDump::scopes; none: its token is never cancelled
  // The chain of awaits of a task that waits, from the deepest coroutine to the root.
  std::vector<AwaitStep> steps;
  std::size_t steps_left_out = 0;
};

struct DumpedScope {
  std::optional<std::size_t> parent;  // in TaskDump::scopes, before this one
  bool is_cancelled = false;
  std::optional<TaskId> task;  // that waits for the end of the scope
};

struct TaskDump {
  std::vector<DumpedScope> scopes;  // parents first
  std::vector<DumpedTask> tasks;    // oldest first
  std::size_t tasks_left_out = 0;
};

struct TaskDumpOptions {
  // Of each dump, and of each task.
  std::size_t max_tasks = 100'000;
  std::size_t max_steps = 100;
};

// See the head of the file.
TaskDump DumpTasks(Executor& executor, const TaskDumpOptions& options = {});

// As in the head of the file: for people, may change.
std::string ToText(const TaskDump& dump);

}  // namespace weft

#endif  // WEFT_FUTURE_TASK_DUMP_H_
