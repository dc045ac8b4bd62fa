// runtime/internal/worker.h — one thread of the scheduler.
//
// The order in which a worker takes work of class kNormal: what timers and descriptors have just
// woken ("fresh"), at most kFreshRuns times in a row, so that a long queue does not delay them;
// its own tasks (own_tasks.h); the injector; the tasks and stack jobs of other workers. Now and
// then it looks at timers, descriptors and the injector, whatever else there is: look_pace.h says
// when.
//
// The other classes have lanes (lanes.h). Once these are used, the classes take turns (turns.h);
// the injector's turn at a look comes on top. Out of its turns, kLow is taken after all that other
// workers have.
#ifndef WEFT_RUNTIME_INTERNAL_WORKER_H_
#define WEFT_RUNTIME_INTERNAL_WORKER_H_

#include <cstdint>
#include <memory>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "base/atomics.h"
#include "base/cache_line.h"
#include "base/instant.h"
#include "base/owner_counter.h"
#include "deque/deque.h"
#include "deque/fork_stack.h"
#include "future/executor.h"
#include "future/fork_queue.h"
#include "future/task_ledger.h"
#include "parker/parker.h"
#include "runtime/internal/busy_clock.h"
#include "runtime/internal/cpu_clock.h"
#include "runtime/internal/idle_set.h"
#include "runtime/internal/look_pace.h"
#include "runtime/internal/onlooker.h"
#include "runtime/internal/own_tasks.h"
#include "runtime/internal/thread_setup.h"
#include "runtime/internal/turns.h"
#include "runtime/internal/whereabouts.h"
#include "runtime/internal/worker_observer.h"
#include "runtime/stats.h"

namespace weft::runtime_internal {

class ForkJob;
class Scheduler;
class Worker;

// The worker whose thread this is, or null. For functions that are no part of a coroutine; others
// call Worker::Current(): a coroutine that reads this on several threads must compute the address
// each time.
extern constinit thread_local Worker* current_worker;

// See the head of the file. All methods are for the worker's own thread unless they say otherwise.
class alignas(kCacheLineSize) Worker final : public Idler, public ForkQueue {
 public:
  using Tally = TaskTally<StdAtomics, TallyWriters::kOne>;

  Worker(Scheduler* scheduler, int index);

  // The worker whose thread is calling, or null. Any thread.
  static Worker* Current();

  // Starts the thread, which may fail, and joins it if it was started; for the scheduler's owner.
  absl::Status Start();
  void Join() { thread_.Join(); }

  // Queues work at this worker.
  void Push(Runnable* runnable, ScheduleHint hint);
  // The same for a class that is not kNormal.
  void PushInClass(TaskPriority priority, Runnable* runnable);
  // Counts a task and queues it.
  void StartTask(Runnable* task);
  // Takes `task` out of the queue if it is what this worker would run next: the caller runs it.
  // For what RunNext::TryTake() refuses.
  bool TakeIfNext(Runnable* task);
  // At a check that a task meets which gives way while nothing else is here: whether it goes on.
  bool MayGoOn();
  // See Executor::GiveWay().
  Runnable* GiveWay(Runnable* task);

  Scheduler* scheduler() const { return &scheduler_; }
  int index() const { return index_; }
  // Tasks that this worker has begun and ended. Any thread may read it.
  Tally& tally() { return slot().tally(); }
  // Any thread. From now on ends that this thread counts are told to the executor.
  void WatchEnds() { slot().WatchEnds(); }
  // Any thread. Whether something seems to be here that others may take; that they may raid.
  bool HasPublic() const {
    return !fresh_.IsEmptyHint() || tasks_.HasPublic() || jobs_.SizeHint() > 0 || HasForks();
  }
  bool HasKept() const { return tasks_.HasPrivate(); }
  // A thread that is no worker. Takes the oldest fresh task, else the oldest of the queue, or null.
  Runnable* TakeQueued();
  // Any thread. Ends the sleep of a worker that was picked as a sleeper.
  void Unpark() { unparker_.Unpark(); }
  // Any thread.
  WorkerStats Stats() const;
  // Any thread. Null unless RuntimeOptions::observe asks for one.
  const WorkerObserver* observer() const { return observer_.get(); }

  // Jobs of fork-join, which lie on the stack of a task that this worker runs. This thread pushes
  // and pops; a worker without tasks takes the oldest, runs it, and looks for tasks again.
  ForkStack<Runnable>& jobs() { return jobs_; }
  // A job of another worker, or null: for a task that waits for the end of a job of its own.
  Runnable* StealJob();
  // Wakes an idle worker if one is needed for work that was added just now.
  void WakeOne();  // inline: scheduler.h
  // The same for what this worker keeps to itself.
  void WakeForKept();  // inline: scheduler.h
  // Each, where it seems that somebody is idle.
  [[gnu::noinline]] void WakePicked();
  [[gnu::noinline]] void WakePickedForKept();
  // WakeOne() for a job whose Offer() was kWanted. While others are idle, each is.
  void WakeForJob();
  // Any thread. Where this worker runs and has slept.
  Whereabouts& whereabouts() { return whereabouts_; }
  // For a task of this worker whose job was stolen: returns when it has ended. Runs jobs of other
  // workers meanwhile, and nothing else; parks when there are none.
  void Await(const ForkJob& job);
  // Any thread. Ends the sleep of a worker in Await().
  void UnparkAwait() { await_unparker_.Unpark(); }

 private:
  static constexpr int kFreshRuns = 64;
  // Tasks run on top of one another as long as they use no more of the stack.
  static constexpr std::ptrdiff_t kNestedStackBytes = 64 * 1024;
  static constexpr std::size_t kInjectedAtMost = 16;
  static constexpr int kPausesPerLook = 8;
  // A system call is worth so much time between two looks of a busy worker.
  static constexpr absl::Duration kPollInterval = absl::Microseconds(50);
  // A task that waits for a job runs at most so many other jobs on top of one another, and looks so
  // often for one, with longer and longer pauses, before it parks.
  static constexpr int kMostHelping = 64;
  static constexpr int kHelpAttempts = 100;

  void Main();
  // ForkQueue. An idle worker takes the oldest fork when there are neither tasks nor jobs.
  void OnOffered() override;
  // Runs tasks, those of `home` and others, until the worker shall end.
  void RunTasks(Executor* home);
  // A push while this is inside the reactor or the timers, or is observed. Whether it was kept for
  // QueueCollected(), so that no more is to be done.
  bool PushSpecially(Runnable* runnable);
  bool PushesSpecially() const { return slot().Is(RunNext::kSpecial); }
  // At each check.
  void NoteClasses();
  void WakeFor(Queued queued);
  RunNext& slot() { return tasks_.slot(); }
  const RunNext& slot() const { return tasks_.slot(); }
  // Runs a job of `thief`, else of anybody; false when there is none or too many are nested.
  bool HelpOthers(Worker* thief);
  // Wakes a picked worker. This one goes on.
  void Wake(const Pick& pick);
  uint64_t TasksRun() const { return tasks_run_.Get() + slot().taken() + slot().went_on(); }
  uint64_t SlotTaken() const { return slot_taken_.Get() + slot().taken(); }
  // The next task to run. Null: Next() knows.
  Runnable* NextOfBatch();
  // The next task to run; null when the worker shall end.
  [[gnu::noinline]] Runnable* Next();
  bool RunsAgain();
  void PushYielded(Runnable* task);
  // GiveWay(), but for checks; at a check.
  Runnable* Exchange(Runnable* task);
  [[gnu::noinline]] Runnable* GiveWayAtCheck(Runnable* task);
  Runnable* TakeOwn();
  Runnable* TakeInTurn();
  Runnable* TakeNormal();
  Runnable* TakeFresh();
  std::size_t BatchSize() const;
  Runnable* TakeInjected();

  // worker_search.cc
  Runnable* FindWork();
  Runnable* Search(Instant until);
  Runnable* TakeFromOthers();
  // The first that take(victim) gives, over all other workers from a random one on.
  template <typename Take>
  Runnable* TakeFromFirst(Take take);
  Runnable* StealFrom(Worker* victim);
  Runnable* StealFork();
  // One that is stuck with tasks in its slot or batch, or null.
  Worker* LookAtOwners(Instant now);
  Runnable* RaidIfStuck(Instant now);
  // The poller's, in a patrol. Whether somebody is stuck.
  bool MakeRound(Instant now);
  // A steal from `victim` brought a task, or nothing.
  Runnable* CountSteal(Runnable* runnable, const Worker& victim);
  void StopSearching();
  // Sleeps, between its hooks, until there may be work; false when the worker shall end.
  bool WaitForWork();
  bool Sleep();
  void PollUntilWork();

  // worker_look.cc
  bool IsTimeToLook();
  // At a check. Returns what the injector has, if it has its turn.
  Runnable* LookAround();
  void LookAtKernelAndClock(Instant now);
  void FireTimers(Instant now);
  void BeginCollecting() {
    is_collecting_ = true;
    slot().Set(RunNext::kSpecial);
  }
  void EndCollecting() {
    is_collecting_ = false;
    if (observer_ == nullptr) slot().Clear(RunNext::kSpecial);
  }
  void QueueCollected();
  uint32_t NextRandom();

  Scheduler& scheduler_;
  const int index_;
  const std::unique_ptr<WorkerObserver> observer_;

  // The worker's own.
  LookPace pace_;
  int fresh_left_ = 0;             // at least as many as there are fresh tasks
  int fresh_runs_ = 0;             // runs of fresh tasks since the last run of another
  bool is_collecting_ = false;     // inside the reactor or the timers: pushes go to collected_
  Runnable* collected_ = nullptr;  // linked by next_runnable, newest first
  Turns turns_;                    // once there are classes beside kNormal
  OwnerCounter tasks_run_, slot_taken_;  // but for those that passed by the slot
  // The same, seldom used.
  bool was_injected_ = false;   // the injector had the last run, and there is a look before each
  bool searching_pays_ = true;  // the last time without work was shorter than a search
  uint32_t random_;
  Onlooker onlooker_;
  RoundPace rounds_;
  Instant last_poll_ = Instant::InfinitePast();
  OwnerCounter injected_, steal_attempts_, steals_, stolen_, raids_, parks_, polls_, wakes_;
  BusyClock busy_{MonotonicNow()};
  CpuClock cpu_clock_;
  Parker parker_;
  Parker await_parker_;  // for Await(), whose tokens must not end another sleep
  int helping_ = 0;      // jobs of others on this thread's stack

  // Shared with thieves.
  OwnTasks tasks_;
  FifoDeque<Runnable*> fresh_;
  ForkStack<Runnable> jobs_;
  Whereabouts whereabouts_;
  const Unparker unparker_;
  const Unparker await_unparker_;

  RuntimeThread thread_;
};

}  // namespace weft::runtime_internal

#endif  // WEFT_RUNTIME_INTERNAL_WORKER_H_
