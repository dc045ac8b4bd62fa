// runtime/internal/scheduler.h — the workers and what they share.
#ifndef WEFT_RUNTIME_INTERNAL_SCHEDULER_H_
#define WEFT_RUNTIME_INTERNAL_SCHEDULER_H_

#include <atomic>
#include <cstddef>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/time/time.h"
#include "base/atomics.h"
#include "base/instant.h"
#include "base/mutex.h"
#include "future/executor.h"
#include "future/task_ledger.h"
#include "mpmc/unbounded_queue.h"
#include "reactor/reactor.h"
#include "runtime/internal/idle_set.h"
#include "runtime/internal/lanes.h"
#include "runtime/internal/timers.h"
#include "runtime/internal/watchdog.h"
#include "runtime/internal/worker.h"
#include "runtime/internal/worker_observer.h"
#include "runtime/observe.h"
#include "runtime/stats.h"

namespace weft::runtime_internal {

struct SchedulerOptions {
  int workers = 1;
  // The executor whose tasks run here; see Runnable::RunAt().
  Executor* home = nullptr;
  // How long a worker that has run out of work searches before it sleeps.
  absl::Duration search_time = absl::Microseconds(5);
  // Worker i runs on processors[i % size] alone. Empty: anywhere.
  std::vector<int> processors = {};
  // Of each worker; 0: the system's default.
  std::size_t worker_stack_size_bytes = 0;
  // On each worker's thread, with its number. May be empty.
  std::function<void(int)> on_worker_start = nullptr;
  std::function<void(int)> on_worker_stop = nullptr;
  // Around each of its sleeps for want of work.
  std::function<void(int)> on_worker_park = nullptr;
  std::function<void(int)> on_worker_unpark = nullptr;
  ObserveOptions observe = {};
};

// Starts its workers when made. Thread-safe, but for Stop() and the destructor. Where
// placement_status() is an error, it works all the same, but for what that names; where
// start_status() is one, it is to be stopped.
class Scheduler {
 public:
  // Precondition: options.workers > 0.
  Scheduler(const SchedulerOptions& options, std::unique_ptr<Reactor> reactor);
  Scheduler(const Scheduler&) = delete;
  Scheduler& operator=(const Scheduler&) = delete;
  // Precondition: stopped.
  ~Scheduler();

  // Queues work: at the calling worker, or in the injector.
  void Schedule(Runnable* runnable, ScheduleHint hint);
  // Queues work of a class that is not kNormal.
  void ScheduleInClass(TaskPriority priority, Runnable* runnable);
  // Counts a task, and queues it as new.
  void StartTask(Runnable* task) {
    if (Worker* const worker = OwnWorker()) [[likely]]
      return worker->StartTask(task);
    foreign_tally_.AddSpawn();
    Inject(task);
  }
  // Executor::TakeIfNext().
  bool TakeIfNext(Runnable* task) {
    Worker* const worker = OwnWorker();
    return worker != nullptr && worker->TakeIfNext(task);
  }
  // Executor::OnKept(): on a worker.
  void OnKept() { current_worker->WakePickedForKept(); }
  // Executor::MayGoOn(): on a worker.
  bool MayGoOn() { return current_worker->MayGoOn(); }
  // Executor::GiveWay(): on a worker.
  Runnable* GiveWay(Runnable* task) { return current_worker->GiveWay(task); }
  // Ends of tasks that workers count by themselves are told to the executor from now on, after a
  // heavy barrier.
  void WatchEnds();
  // Executor::forks().
  ForkQueue* forks() const { return OwnWorker(); }
  // Counts a task.
  void CountSpawn();
  void CountEnd() {
    if (Worker* const worker = OwnWorker()) [[likely]]
      return worker->tally().AddEnd();
    foreign_tally_.AddEnd();
  }
  // All tasks that were counted: ends first, then spawns; see task_ledger.h.
  TaskTotals Totals() const;

  // Ends the workers once they find nothing to do, and runs what is queued after that on the
  // calling thread.
  void Stop();

  // Whether all threads were started; after the first that was not, none is.
  const absl::Status& start_status() const { return start_status_; }
  // Whether all workers run where the options say.
  const absl::Status& placement_status() const { return placement_status_; }

  // A moment's truth.
  bool SomebodyIsIdle() const { return idle_.SomebodyIsIdle(); }
  int worker_count() const { return static_cast<int>(workers_.size()); }

  // Whether the calling thread is one of the workers.
  bool IsWorkerThread() const;
  // The number of the calling worker, or -1.
  int CurrentWorker() const {
    const Worker* const worker = OwnWorker();
    return worker == nullptr ? -1 : worker->index();
  }

  Timers& timers() { return timers_; }
  Reactor& reactor() { return *reactor_; }
  std::vector<WorkerStats> Stats() const;
  Latencies latencies() const { return options_.observe.latencies; }
  RuntimeTrace Trace() const;

 private:
  friend class Worker;

  // Takes a share of the injector, at most tasks.size(); returns how many.
  std::size_t TakeInjected(std::span<Runnable*> tasks);
  // The calling worker, or null if the thread is none of this scheduler's.
  Worker* OwnWorker() const {
    Worker* const worker = current_worker;
    return worker != nullptr && worker->scheduler() == this ? worker : nullptr;
  }
  // A thread that is no worker: push() queues `runnable`.
  template <typename Push>
  void ScheduleFromOutside(Runnable* runnable, Push push);
  void Inject(Runnable* runnable);
  // A worker's thread: goes to where the options say that it runs.
  void Place(int worker) ABSL_LOCKS_EXCLUDED(placing_mutex_);
  // For a worker; null if nothing is observed.
  std::unique_ptr<WorkerObserver> MakeObserver();
  // Whether some queue seems to hold work.
  bool HasWork(Sight sight) const;
  // Whether some worker seems to keep tasks to itself.
  bool HasKept() const;
  // For a worker that has just become idle, before it looks whether there is work: from now on a
  // job that is pushed is seen by that look, or wakes somebody.
  void AskForJobs();
  void Wake(const Pick& pick);
  // The same for a worker, which goes on: the sleeper shall not wait for a processor of a busy one.
  void WakeFromWorker(const Pick& pick);
  void KeepOffBusy(Worker* sleeper) noexcept;
  // Runs one piece of leftover work; false when there is none.
  bool RunLeftover();

  const SchedulerOptions options_;
  const std::unique_ptr<Reactor> reactor_;
  Timers timers_;
  UnboundedQueue<Runnable*> injector_;
  Lanes lanes_;
  IdleSet idle_;
  // Calls of Schedule() by threads that are not workers, between their push and their return. Edge
  // (1): the end of such a call (release) -> Stop() (acquire): it touches nothing of this any more.
  std::atomic<int> foreign_schedules_{0};
  // Tasks that threads begin and end which are not workers.
  TaskTally<StdAtomics, TallyWriters::kMany> foreign_tally_;
  // Held by whoever is inside the reactor: the poller while it waits, a busy worker for a look.
  Mutex polling_mutex_;
  const std::unique_ptr<Watchdog> watchdog_;      // null if nothing is watched
  std::vector<std::unique_ptr<Worker>> workers_;  // constant after construction
  absl::Status start_status_;                     // constant after construction
  // Workers that have still to be placed, and the first error of one.
  Mutex placing_mutex_;
  CondVar placed_;
  int unplaced_ ABSL_GUARDED_BY(placing_mutex_) = 0;
  absl::Status placement_status_;  // constant after construction; before: under the mutex
};

inline void Worker::WakeOne() {
  if (scheduler_.idle_.MayPick()) [[unlikely]]
    WakePicked();
}

inline void Worker::WakeForKept() {
  if (scheduler_.idle_.MayPickForKept()) [[unlikely]]
    WakePickedForKept();
}

}  // namespace weft::runtime_internal

#endif  // WEFT_RUNTIME_INTERNAL_SCHEDULER_H_
