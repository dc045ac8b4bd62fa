// future/executor.h — what a library needs from whoever runs its tasks.
//
// Libraries take an Executor&; programs choose one (//runtime in production,
// //future:manual_executor in tests). An Executor queues Runnables, keeps time, and owns the token
// that shutdown cancels. Spawn() and the timers (spawn.h, sleep.h) are built on it.
#ifndef WEFT_FUTURE_EXECUTOR_H_
#define WEFT_FUTURE_EXECUTOR_H_

#include <atomic>
#include <cstddef>
#include <string_view>
#include <typeinfo>

#include "base/instant.h"
#include "future/cancel.h"
#include "future/waker.h"

namespace weft {

class Executor;

// What reports call a Runnable.
struct RunnableLabel {
  std::string_view name = {};            // empty if it has none
  const std::type_info* type = nullptr;  // of what it runs; null if that is not known
};

// Something to run once. Owned by nobody: Run() is called exactly once for each time that it is
// scheduled, and disposes of the object where that is due.
class Runnable {
 public:
  // Runs on a thread of the executor. Never throws. The object may be gone when it returns.
  virtual void Run() noexcept = 0;

  // What a run leaves to its caller, as the last thing that is to be done.
  struct Leaves {
    enum What : unsigned char {
      kNothing,
      kYield,  // Schedule(task, kYield)
      kNext,   // task->RunAt(home), which GiveWay() has taken
      kEnd,    // OnTaskFinished()
    };
    What what = kNothing;
    Runnable* task = nullptr;
  };

  // Run() by a worker of `home`, to which it may leave a call of home, which that can make without
  // asking who it is. Runs what home.GiveWay() answers, too.
  [[nodiscard]] virtual Leaves RunAt([[maybe_unused]] Executor* home) noexcept {
    Run();
    return {};
  }

  // Valid as long as the Runnable is.
  virtual RunnableLabel label() const { return {}; }

  // A link for whichever queue holds the Runnable; free for the executor while it is scheduled.
  Runnable* next_runnable = nullptr;

 protected:
  ~Runnable() = default;
};

// Runnables that are scheduled, first in, first out. Allocates nothing. Thread-compatible.
class RunnableQueue {
 public:
  bool IsEmpty() const { return first_ == nullptr; }

  void Push(Runnable* runnable) {
    runnable->next_runnable = nullptr;
    (last_ == nullptr ? first_ : last_->next_runnable) = runnable;
    last_ = runnable;
  }

  // The oldest one, or null.
  Runnable* Pop() {
    Runnable* const runnable = first_;
    if (runnable == nullptr) return nullptr;
    first_ = runnable->next_runnable;
    if (first_ == nullptr) last_ = nullptr;
    return runnable;
  }

 private:
  Runnable* first_ = nullptr;
  Runnable* last_ = nullptr;
};

// Why something is scheduled: executors place it accordingly.
enum class ScheduleHint : unsigned char {
  kSpawn,  // new
  kWake,   // what it waited for has happened: soon, on this worker
  kYield,  // it gave way: behind all that is ready
};

// The class of a task: which of those that are ready runs first. A weight, not an order: a runtime
// states how many runs of others a ready task of each class may have to wait for.
enum class TaskPriority : unsigned char {
  kHigh,    // few and short: somebody waits for them
  kNormal,  // all others
  kLow,     // what fills the time that is left
};

// A pending wake-up at an instant. Lives inside a future; an implementation of TimerService keeps
// its node in `storage`.
class TimerSlot {
 public:
  TimerSlot() = default;
  TimerSlot(const TimerSlot&) = delete;
  TimerSlot& operator=(const TimerSlot&) = delete;

  static constexpr std::size_t kStorageBytes = 96;

  // Between Arm() and the wake-up or Cancel(): true. Written by the service. Relaxed is enough: it
  // only saves a re-arm.
  std::atomic<bool> is_armed{false};
  // For the service alone, between Arm() and the wake-up or Cancel().
  alignas(std::max_align_t) std::byte storage[kStorageBytes];
};

// Wakes at instants. All methods may be called from any thread, but for one slot not concurrently.
class TimerService {
 public:
  virtual ~TimerService() = default;

  // Wakes `waker` once, at `deadline` or later, never earlier. Replaces what the slot was armed
  // for.
  virtual void Arm(TimerSlot& slot, Instant deadline, Waker waker) = 0;

  // Forgets the slot. When it returns, the service does not touch the slot any more; a wake may be
  // on its way.
  virtual void Cancel(TimerSlot& slot) = 0;
};

class ForkQueue;
class TaskRegistry;

// Runs Runnables. All methods may be called from any thread.
class Executor {
 public:
  virtual ~Executor() = default;

  // Queues `runnable`; never runs it before returning.
  virtual void Schedule(Runnable* runnable, ScheduleHint hint) = 0;

  // Queues a job that may block its thread, apart from the tasks.
  virtual void ScheduleBlocking(Runnable* job) = 0;

  // The executor's clock: monotonic; virtual in tests.
  virtual Instant Now() = 0;

  virtual TimerService& timers() = 0;

  // Cancelled when the executor shuts down by cancelling; the root of all tokens of its tasks.
  virtual const CancelToken& token() = 0;

  // Accounting for shutdown: a task is alive from its spawn until its future is destroyed and its
  // result published.
  virtual void OnTaskSpawned() = 0;
  virtual void OnTaskFinished() = 0;

  // A task begins: OnTaskSpawned() and Schedule(task, kSpawn) in one call, for executors that can
  // do both at once.
  virtual void StartTask(Runnable* task) {
    OnTaskSpawned();
    Schedule(task, ScheduleHint::kSpawn);
  }

  // This executor for tasks of one class: differs from it in where it queues, and lives as long.
  // Tasks inherit their class by it: their executor (CurrentExecutor(), Context::executor()) is of
  // their class, so whatever they spawn there is too. Executors without classes answer themselves.
  virtual Executor& WithPriority([[maybe_unused]] TaskPriority priority) { return *this; }

  // Asked by a task that is about to wait for `task`: if that is queued and is what this thread
  // would run next, takes it out of the queue and returns true. The caller then runs it, here and
  // now, on top of the asking task. An executor that does so bounds how deep its tasks run on top
  // of each other.
  virtual bool TakeIfNext([[maybe_unused]] Runnable* task) { return false; }

  // Calls of a RunNext (run_next.h) on the thread that opened it for this executor: a task was put
  // there while somebody wanted to be told; a task's end was counted while that is watched.
  virtual void OnKept() {}
  virtual void OnEndCounted() {}
  // The runs that may pass are used up: whether one more may, for a task that gives way.
  virtual bool MayGoOn() { return false; }
  // For a task that gives way, in a RunAt() of this executor's worker: queues it behind all that
  // are ready and takes the oldest of these, which the caller runs next. Null: nothing was done.
  virtual Runnable* GiveWay([[maybe_unused]] Runnable* task) { return nullptr; }

  // The calling thread's, until the run that asks returns; see fork_queue.h. Null: there is nobody
  // to offer forks to.
  virtual ForkQueue* forks() { return nullptr; }

  // The number of the worker whose thread is calling; -1 if it is none of this executor's, or if
  // the executor has no workers.
  virtual int CurrentWorker() const { return -1; }

  // The list of the tasks that live, for dumps; null: they are not listed. See task_registry.h.
  TaskRegistry* task_registry() const { return task_registry_; }

 protected:
  // Lists all tasks from now on. Before the first task; the registry outlives the last one.
  void ListTasksIn(TaskRegistry* registry) { task_registry_ = registry; }

 private:
  TaskRegistry* task_registry_ = nullptr;
};

}  // namespace weft

#endif  // WEFT_FUTURE_EXECUTOR_H_
