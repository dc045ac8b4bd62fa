// runtime/runtime.h — the work-stealing scheduler that programs run their tasks on.
//
//   weft::Runtime runtime;
//   absl::StatusOr<int> sum = runtime.BlockOn(Sum(1, 2));
//
// Model: a few worker threads, each with a queue of its own, run tasks until they wait; a worker
// that runs dry takes from the others. The first idle worker waits in the reactor for descriptors
// and timers. Calls that block have threads of their own. Libraries take an Executor&; only
// programs name a Runtime.
//
// Guarantees
//   Thread safety    All methods from any thread; Shutdown, BlockOn and the destructor not from a
//                    worker (checked).
//   Exactly once     Each scheduled Runnable is run exactly once, never inside Schedule().
//   Memory ordering  What X did before Schedule(r) is visible to r->Run().
//   Fairness         A ready task waits for the tasks that were ready before it at its worker, for
//                    at most 3 runs of the worker's slot for each of these and for itself, and for
//                    at most 64 runs in a row of what timers and descriptors have woken. A worker
//                    looks around every 64 runs, or every 10 us if those take longer, or after
//                    each run of more than that: at the injector too, from which it runs one, but
//                    never two in a row. How long runs are it tells by those between its
//                    last two looks; when they become long all at once, it learns of it after 64,
//                    or within 8 of a tick of the coarse clock (1 to 10 ms). Tasks that never
//                    return to the scheduler are not interrupted; what such a task has spawned or
//                    woken is run by others. Others may take up to 200 us to come for what it
//                    spawned while nothing else waited; and they come for the task that it has
//                    woken last only if they happen to look.
//   Classes          SpawnOptions::priority. Of 16 runs of a worker kHigh has the first claim to
//                    11, kNormal to 4, kLow to 1; a class without ready tasks leaves its turn to
//                    the highest that has some. So between two runs of a worker for kHigh there is
//                    at most one for another class, between two for kNormal three, between two for
//                    kLow 15, and in each case the injector's turns. Tasks of kHigh and of kLow
//                    begin in the order in which they became ready, on any worker.
//   Timers           Never early; due at the first tick of 2^14 ns (16.4 us) behind the deadline. A
//                    busy worker looks at timers and descriptors when it looks around (see
//                    Fairness; at descriptors at most every 50 us); an idle one waits for them in
//                    the kernel. What they wake goes ahead of the queue.
//   Idleness         An idle runtime uses no processor time: no polling, no periodic wake-ups. It
//                    becomes idle within RuntimeOptions::search_time, and the 200 us until an idle
//                    worker looks for the last time at what busy ones keep.
//   Errors           A task's exception reaches whoever joins it; see future/spawn.h.
//   Lifetime         Nothing may be scheduled, and no operation be in flight at reactor(), once
//                    Shutdown() has returned.
//
// Example: runtime_example.cc
#ifndef WEFT_RUNTIME_RUNTIME_H_
#define WEFT_RUNTIME_RUNTIME_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "base/instant.h"
#include "base/mutex.h"
#include "future/cancel.h"
#include "future/context.h"
#include "future/executor.h"
#include "future/task_registry.h"
#include "parker/event_count.h"
#include "reactor/reactor.h"
#include "runtime/any_runtime.h"
#include "runtime/observe.h"
#include "runtime/stats.h"

namespace weft {

namespace runtime_internal {
class BlockingPool;
class Scheduler;
}  // namespace runtime_internal

// How a Runtime is built.
struct RuntimeOptions {
  // Worker threads. 0: AvailableParallelism(), but at most one for each of `processors`.
  int workers = 0;
  // Processors for the workers: worker i runs on processors[i % size] alone. Empty: where the
  // kernel likes, of those on which the thread may run that makes the runtime. AllowedProcessors()
  // (parallelism.h) gives each of them a worker. Pinned workers keep their caches, and cannot get
  // out of the way of other threads: for machines that the program has to itself. Threads for
  // blocking calls are not pinned; threads that a task starts run where its worker does.
  std::vector<int> processors = {};
  // Stack of each worker; 0: the system's default (ulimit -s, usually 8 MiB). More is for fork-join
  // that nests deep: a worker may run up to 64 stolen halves on top of one another, and a thief
  // inherits what its half forks. Costs address space; memory only as far as it was used once.
  // Precondition (checked): 0, or at least kLeastWorkerStackBytes.
  std::size_t worker_stack_size_bytes = 0;
  static constexpr std::size_t kLeastWorkerStackBytes = std::size_t{256} << 10;
  // Most threads for blocking calls at once; further calls queue. Where the system has no room for
  // one more thread, they queue for those that are there; where there are none, the program stops
  // with the reason.
  int max_blocking_threads = 64;
  // How long a thread for blocking calls stays without a call.
  absl::Duration blocking_thread_idle_time = absl::Seconds(10);
  // How long a worker that has run out of tasks goes on looking for some before it sleeps: one
  // worker at a time, and at most so much processor time for each time that it runs out. Sleeping
  // and waking cost some microseconds too; zero sleeps at once. A worker whose last wait for tasks
  // was longer than this does not search the next time.
  absl::Duration search_time = absl::Microseconds(5);
  // Whether tasks are listed for DumpTasks() (//future:task_dump). future/README.md has the cost.
  TaskTracking track_tasks = TaskTracking::kOff;
  // Called on each worker's thread, with the worker's number, before its first task and after its
  // last one: to set priorities of threads, or to register the thread. Must not throw.
  std::function<void(int)> on_worker_start = nullptr;
  std::function<void(int)> on_worker_stop = nullptr;
  // The same, before a worker that has found nothing to run goes to sleep, in the kernel or on its
  // parker, and after it, always in pairs: to flush what the thread has gathered, or to tell others
  // that it uses no processor. What they schedule is run as usual. Work that comes while the first
  // one runs waits for it, so it should be short. Waits of fork-join do not call them.
  std::function<void(int)> on_worker_park = nullptr;
  std::function<void(int)> on_worker_unpark = nullptr;
  // What to measure, record and watch beside the counters: see observe.h.
  ObserveOptions observe = {};
};

// How a Runtime ends.
enum class ShutdownMode : unsigned char {
  kDrain,   // wait for all tasks to finish by themselves
  kCancel,  // cancel the root token, then wait for all tasks to end
};

// See the top of this file.
class Runtime final : public AnyRuntime {
 public:
  using Options = RuntimeOptions;

  // Starts the workers. Fails when the reactor cannot be opened (no descriptors left), when a
  // thread cannot be started (no room for it or for its stack), and when a worker may not run on
  // its processor; the threads that were started have ended then, with their hooks called.
  // Preconditions (checked): no option is negative, max_blocking_threads is positive, and stacks
  // are large enough.
  static absl::StatusOr<std::unique_ptr<Runtime>> Create(const Options& options = {});

  // As Create(), but stops the program, with the reason, where that fails.
  Runtime() : Runtime(Options()) {}
  explicit Runtime(const Options& options);

  // Shutdown(kCancel), unless it was shut down before.
  ~Runtime() override;

  // Blocks until every task has finished and every blocking call has returned, then ends all
  // threads. With kCancel the tasks are asked to stop first. With kDrain a task that never ends
  // makes it block for ever; another thread may call Shutdown(kCancel) meanwhile. Idempotent.
  void Shutdown(ShutdownMode mode) { (void)Shutdown(mode, Instant::InfiniteFuture()); }
  // The same, but waits for the tasks until `deadline` only. Returns whether they have all ended;
  // if not, the runtime runs on, and another Shutdown() may follow.
  [[nodiscard]] bool Shutdown(ShutdownMode mode, Instant deadline);

  // Where to submit I/O. Its Poll() is called by the workers alone.
  Reactor& reactor() override;

  // Number of workers.
  int workers() const { return workers_; }

  // A snapshot of the counters.
  RuntimeStats Stats();

  // The latest events of each worker: ObserveOptions::trace_events. For FormatTrace().
  RuntimeTrace Trace() const;

  // Executor.
  void Schedule(Runnable* runnable, ScheduleHint hint) override;
  void ScheduleBlocking(Runnable* job) override;
  Instant Now() override { return MonotonicNow(); }
  TimerService& timers() override;
  const CancelToken& token() override { return source_.token(); }
  void StartTask(Runnable* task) override;
  bool TakeIfNext(Runnable* task) override;
  void OnKept() override;
  void OnEndCounted() override;
  bool MayGoOn() override;
  Runnable* GiveWay(Runnable* task) override;
  ForkQueue* forks() override;
  void OnTaskSpawned() override;
  void OnTaskFinished() override;
  int CurrentWorker() const override;

 protected:
  void CheckMayBlock(const char* method) const override;
  void RunUntil(absl::FunctionRef<bool(Context&)> is_done) override;
  void ScheduleInClass(TaskPriority priority, Runnable* runnable) override;

 private:
  Runtime(const Options& options, std::unique_ptr<Reactor> reactor);

  // Whether the threads run, and where they should.
  absl::Status StartStatus() const;
  bool AreNoTasks() const;

  const int workers_;
  CancelSource source_;

  // Notified at the end of each task.
  AsymmetricEventCount task_ends_;

  // One shutdown at a time ends the threads.
  Mutex shutdown_mutex_;
  bool is_shut_down_ ABSL_GUARDED_BY(shutdown_mutex_) = false;

  // Last, so that they go first.
  const std::unique_ptr<runtime_internal::Scheduler> scheduler_;
  const std::unique_ptr<runtime_internal::BlockingPool> blocking_pool_;
};

}  // namespace weft

#endif  // WEFT_RUNTIME_RUNTIME_H_
