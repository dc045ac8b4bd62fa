// runtime/single_thread_runtime.h — a runtime without worker threads: tasks, timers and descriptors
// on the thread that calls BlockOn().
//
//   weft::SingleThreadRuntime runtime;
//   const absl::StatusOr<int> sum = runtime.BlockOn(Sum(runtime));
//
// For small programs, for threads that own a piece of a larger one, and where tasks share data
// without locks: no two tasks of one runtime overlap. Tasks that were spawned run only inside
// BlockOn(), Run...() and the destructor. Calls that block still have threads of their own.
//
//   Thread safety    All tasks run on the thread of the first BlockOn() or RunUntilStalled(); only
//                    that thread may call these, and only it may run the destructor if tasks are
//                    left (checked). Schedule (wakes, spawns) and timers(): any thread, and so may
//                    a JoinHandle be awaited by a task of another runtime.
//   Exactly once     Each scheduled Runnable is run exactly once, never inside Schedule().
//   Memory ordering  What X did before Schedule(r) is visible to r->Run().
//   Fairness         Ready tasks of a class run in the order in which they became ready. Of 16 runs
//                    kHigh has the first claim to 11, kNormal to 4, kLow to 1; a class without
//                    ready tasks leaves its turn to the highest that has some. Timers and
//                    descriptors are looked at every kPollInterval runs and when none is ready.
//   Timers           Never early.
//   Idleness         Sleeps in the kernel until a descriptor, a timer or a wake from elsewhere.
//   Lifetime         The destructor cancels the root token and runs all tasks to their end. No
//                    operation may be in flight at reactor() after that (checked).
#ifndef WEFT_RUNTIME_SINGLE_THREAD_RUNTIME_H_
#define WEFT_RUNTIME_SINGLE_THREAD_RUNTIME_H_

#include <array>
#include <atomic>
#include <cstddef>
#include <memory>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "base/instant.h"
#include "base/mutex.h"
#include "future/cancel.h"
#include "future/context.h"
#include "future/executor.h"
#include "future/task_registry.h"
#include "reactor/reactor.h"
#include "runtime/any_runtime.h"
#include "runtime/internal/turns.h"

namespace weft {

namespace runtime_internal {
class BlockingPool;
class Timers;
}  // namespace runtime_internal

struct SingleThreadRuntimeOptions {
  // Most threads for blocking calls at once; further calls queue.
  int max_blocking_threads = 64;
  // How long a thread for blocking calls stays without a call.
  absl::Duration blocking_thread_idle_time = absl::Seconds(10);
  // Whether tasks are listed for DumpTasks() (//future:task_dump). future/README.md has the cost.
  TaskTracking track_tasks = TaskTracking::kOff;
};

// See the head of the file.
class SingleThreadRuntime final : public AnyRuntime {
 public:
  using Options = SingleThreadRuntimeOptions;

  // Of every so many runs one is followed by a look at timers and descriptors.
  static constexpr int kPollInterval = 61;

  // Fails when the reactor cannot be opened (no descriptors left). Precondition (checked): no
  // option is negative, and max_blocking_threads is positive.
  static absl::StatusOr<std::unique_ptr<SingleThreadRuntime>> Create(const Options& options = {});

  // As Create(), but stops the program, with the reason, where that fails.
  explicit SingleThreadRuntime(const Options& options = {});
  ~SingleThreadRuntime() override;

  // Runs what is ready, and what that makes ready, without sleeping. Returns the number of runs.
  std::size_t RunUntilStalled();

  // Cancels the token that all tasks inherit. Any thread.
  void CancelAll() { source_.Cancel(); }

  // Tasks that were spawned and have not finished. Any thread.
  std::size_t live_tasks() const { return live_tasks_.load(std::memory_order_acquire); }  // (1)

  Reactor& reactor() override { return *reactor_; }

  // Executor.
  void Schedule(Runnable* runnable, ScheduleHint hint) override;
  void ScheduleBlocking(Runnable* job) override;
  Instant Now() override { return MonotonicNow(); }
  TimerService& timers() override;
  const CancelToken& token() override { return source_.token(); }
  void OnTaskSpawned() override;
  void OnTaskFinished() override;

 protected:
  void CheckMayBlock(const char* method) const override;
  void RunUntil(absl::FunctionRef<bool(Context&)> is_done) override;
  void ScheduleInClass(TaskPriority priority, Runnable* runnable) override;

 private:
  SingleThreadRuntime(const Options& options, std::unique_ptr<Reactor> reactor);

  // Whether the calling thread is inside a task of this runtime. Relaxed: only its own value
  // matters.
  bool IsInTask() const {
    return running_thread_.load(std::memory_order_relaxed) == std::this_thread::get_id();
  }
  // Stops the program, naming `method`, if the caller is a task of this runtime.
  void CheckNotInTask(const char* method) const;
  // Whether the calling thread is the one that runs the tasks; the first to ask becomes it.
  bool IsHome() const;
  // Runs one task; false if none is ready.
  bool RunOne();
  // The next one to run, or null.
  Runnable* TakeReady() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  bool IsNothingReady() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Completes operations and fires timers; sleeps first, until there are some or a wake, if
  // it shall wait.
  enum class Waiting : unsigned char { kNone, kUntilWork };
  void LookAtKernelAndClock(Waiting waiting);

  CancelSource source_;
  const std::unique_ptr<Reactor> reactor_;
  const std::unique_ptr<runtime_internal::Timers> timers_;
  // Happens-before edge (1): the end of a task -> who reads that it has ended.
  std::atomic<std::size_t> live_tasks_{0};
  std::atomic<std::thread::id> running_thread_{};  // inside a task of this runtime
  mutable std::atomic<std::thread::id> home_{};    // see IsHome()
  int runs_since_look_ = 0;
  runtime_internal::Turns turns_;

  Mutex mutex_;
  std::array<RunnableQueue, 3> ready_ ABSL_GUARDED_BY(mutex_);  // by class
  bool is_sleeping_ ABSL_GUARDED_BY(mutex_) = false;  // the reactor must be woken for new work

  // Last, so that it ends first: its jobs wake tasks.
  const std::unique_ptr<runtime_internal::BlockingPool> blocking_pool_;
};

}  // namespace weft

#endif  // WEFT_RUNTIME_SINGLE_THREAD_RUNTIME_H_
