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
#include "absl/time/time.h"
#include "base/atomics.h"
#include "base/instant.h"
#include "base/mutex.h"
#include "future/executor.h"
#include "mpmc/unbounded_queue.h"
#include "reactor/reactor.h"
#include "runtime/internal/idle_set.h"
#include "runtime/internal/task_ledger.h"
#include "runtime/internal/timers.h"
#include "runtime/internal/watchdog.h"
#include "runtime/internal/worker.h"
#include "runtime/internal/worker_observer.h"
#include "runtime/observe.h"
#include "runtime/stats.h"

namespace weft::runtime_internal {

struct SchedulerOptions {
  int workers = 1;
  // How long a worker that has run out of work searches before it sleeps.
  absl::Duration search_time = absl::Microseconds(5);
  // On each worker's thread, with its number. May be empty.
  std::function<void(int)> on_worker_start = nullptr;
  std::function<void(int)> on_worker_stop = nullptr;
  ObserveOptions observe = {};
};

// Starts its workers when made. Thread-safe, but for Stop() and the destructor.
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
  // Counts a task, and queues it as new.
  void StartTask(Runnable* task);
  // Executor::RunIfNext().
  bool RunIfNext(Runnable* task) {
    Worker* const worker = OwnWorker();
    return worker != nullptr && worker->RunIfNext(task);
  }
  // Counts a task.
  void CountSpawn();
  void CountEnd();
  // All tasks that were counted: ends first, then spawns; see task_ledger.h.
  TaskTotals Totals() const;

  // Ends the workers once they find nothing to do, and runs what is queued after that on the
  // calling thread.
  void Stop();

  int worker_count() const { return static_cast<int>(workers_.size()); }

  // Whether the calling thread is one of the workers.
  bool IsWorkerThread() const;

  Timers& timers() { return timers_; }
  Reactor& reactor() { return *reactor_; }
  std::vector<WorkerStats> Stats() const;
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
  void ScheduleFromOutside(Runnable* runnable);
  // For a worker; null if nothing is observed.
  std::unique_ptr<WorkerObserver> MakeObserver();
  // Whether some queue seems to hold work.
  bool HasWork() const;
  // For a worker that has just become idle, before it looks whether there is work: from now on a
  // job that is pushed is seen by that look, or wakes somebody.
  void AskForJobs();
  // Work was added: wakes an idle worker if one is needed for it. Returns whether it did.
  bool WakeOne();
  void Wake(const Pick& pick);
  // Runs one piece of leftover work; false when there is none.
  bool RunLeftover();

  const SchedulerOptions options_;
  const std::unique_ptr<Reactor> reactor_;
  Timers timers_;
  UnboundedQueue<Runnable*> injector_;
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
};

}  // namespace weft::runtime_internal

#endif  // WEFT_RUNTIME_INTERNAL_SCHEDULER_H_
