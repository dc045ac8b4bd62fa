// runtime/internal/worker.h — one thread of the scheduler and the work that is queued at it.
//
// Order in which a worker takes work: what timers and descriptors have just woken ("fresh"), at
// most kFreshRuns times in a row, so that a long queue does not delay them; its slot (the task that
// was woken last, still warm), at most kSlotRuns times in a row; its own queue, oldest first; the
// injector, which it also looks at every kInjectorInterval runs and, every other time, after a long
// one, so that a full queue of its own does not starve the others; the queues of other workers. The
// slot is the worker's alone: what lies there runs when the present task returns.
#ifndef WEFT_RUNTIME_INTERNAL_WORKER_H_
#define WEFT_RUNTIME_INTERNAL_WORKER_H_

#include <atomic>
#include <cstdint>
#include <thread>

#include "base/cache_line.h"
#include "deque/deque.h"
#include "deque/fork_stack.h"
#include "future/executor.h"
#include "parker/parker.h"
#include "runtime/internal/idle_set.h"
#include "runtime/stats.h"

namespace weft::runtime_internal {

class ForkJob;
class Scheduler;

// See the head of the file. All methods are for the worker's own thread unless they say otherwise.
class alignas(kCacheLineSize) Worker : public Idler {
 public:
  Worker(Scheduler* scheduler, int index);

  // The worker whose thread is calling, or null.
  static Worker* Current();

  // Starts and joins the thread; for the scheduler's owner.
  void Start();
  void Join() { thread_.join(); }

  // Queues work at this worker.
  void Push(Runnable* runnable, ScheduleHint hint);

  Scheduler* scheduler() const { return &scheduler_; }
  // Any thread. Whether something that others may take seems to be queued here.
  bool HasQueued() const {
    return !fresh_.IsEmptyHint() || !queue_.IsEmptyHint() || jobs_.SizeHint() > 0;
  }
  // Any thread. Takes the oldest fresh task, else the oldest of the queue, or null.
  Runnable* TakeQueued();
  // Any thread. Ends the sleep of a worker that was picked as a sleeper.
  void Unpark() { unparker_.Unpark(); }
  // Any thread.
  WorkerStats Stats() const;

  // Jobs of fork-join, which lie on the stack of a task that this worker runs. This thread pushes
  // and pops; a worker without tasks takes the oldest, runs it, and looks for tasks again.
  ForkStack<Runnable>& jobs() { return jobs_; }
  // A job of another worker, or null: for a task that waits for the end of a job of its own.
  Runnable* StealJob();
  // Wakes an idle worker if one is needed for work that was added just now.
  void WakeOne();
  // The same for a job whose Offer() was kWanted. While others are idle, each is.
  void WakeForJob();
  // For a task of this worker whose job was stolen: returns when it has ended. Runs jobs of other
  // workers meanwhile, and nothing else; parks when there are none.
  void Await(const ForkJob& job);
  // Any thread. Ends the sleep of a worker in Await().
  void UnparkAwait() { await_unparker_.Unpark(); }

 private:
  // Single writer: a load and a store, no locked instruction. Relaxed: counters order nothing.
  class Counter {
   public:
    void Add(uint64_t n) {
      value_.store(value_.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
    }
    uint64_t Get() const { return value_.load(std::memory_order_relaxed); }

   private:
    std::atomic<uint64_t> value_{0};
  };

  static constexpr int kFreshRuns = 64;
  static constexpr int kSlotRuns = 3;
  static constexpr uint32_t kInjectorInterval = 61;
  static constexpr uint32_t kPollInterval = 61;
  static constexpr int kStealAtMost = 32;
  // A task that waits for a job runs at most so many other jobs on top of one another, and looks so
  // often for one, with longer and longer pauses, before it parks.
  static constexpr int kMostHelping = 64;
  static constexpr int kHelpAttempts = 100;

  void Main();
  // Runs a job of `thief`, else of anybody; false when there is none or too many are nested.
  bool HelpOthers(Worker* thief);
  // The next task to run; null when the worker shall end.
  Runnable* Next();
  Runnable* TakeOwn();
  Runnable* TakeFresh();
  Runnable* TakeSlot();
  Runnable* TakeInjected();
  Runnable* StealFromOthers();
  Runnable* StealFrom(Worker* victim);
  void StartSearching();
  void StopSearching();
  // Sleeps until there may be work; false when the worker shall end.
  bool WaitForWork();
  void PollUntilWork();
  void LookAtKernelAndClock();
  bool IsTimeToLook();
  bool QueueCollected();
  uint32_t NextRandom();

  Scheduler& scheduler_;
  const int index_;

  // The worker's own.
  Runnable* slot_ = nullptr;
  int slot_runs_ = 0;          // runs from the slot since the last run from elsewhere
  uint32_t runs_ = 0;          // wraps
  int64_t last_coarse_ = 0;    // coarse clock at the last look at kernel and clock
  bool was_injected_ = false;  // the last run was taken from the injector because of the clock
  uint32_t random_;
  bool is_searching_ = false;
  bool is_collecting_ = false;     // inside the reactor or the timers: pushes go to collected_
  Runnable* collected_ = nullptr;  // linked by next_runnable, newest first
  int fresh_runs_ = 0;             // runs of fresh tasks since the last run of the queue's oldest
  Parker parker_;
  Parker await_parker_;  // for Await(), whose tokens must not end another sleep
  int helping_ = 0;      // jobs of others on this thread's stack

  // Shared with thieves.
  FifoDeque<Runnable*> fresh_;
  FifoDeque<Runnable*> queue_;
  ForkStack<Runnable> jobs_;
  const Unparker unparker_;
  const Unparker await_unparker_;

  Counter tasks_run_, slot_taken_, injected_, stolen_, steal_attempts_, parks_, polls_, wakes_;

  std::thread thread_;
};

}  // namespace weft::runtime_internal

#endif  // WEFT_RUNTIME_INTERNAL_WORKER_H_
