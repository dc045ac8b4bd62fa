#include "runtime/internal/worker.h"

#include <sys/prctl.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "base/instant.h"
#include "runtime/internal/fork_job.h"
#include "runtime/internal/own_tasks.h"
#include "runtime/internal/scheduler.h"

namespace weft::runtime_internal {

constinit thread_local Worker* current_worker = nullptr;

Worker::Worker(Scheduler* scheduler, int index)
    : ForkQueue(&scheduler->idle_.state()),
      scheduler_(*scheduler),
      index_(index),
      observer_(scheduler->MakeObserver()),
      pace_(slot().runs_left()),
      random_(static_cast<uint32_t>(index) * 2'654'435'761u + 1),
      onlooker_(static_cast<std::size_t>(scheduler->options_.workers)),
      unparker_(parker_.unparker()),
      await_unparker_(await_parker_.unparker()) {
  if (observer_ != nullptr) slot().Set(RunNext::kSpecial);
  (void)jobs_.Ask();  // until the first fork, nobody who goes idle needs to
}

// Never inlined, for coroutines.
[[gnu::noinline]] Worker* Worker::Current() {
  asm volatile("");
  return current_worker;
}

absl::Status Worker::Start() {
  return thread_.Start("weft-worker-" + std::to_string(index_),
                       scheduler_.options_.worker_stack_size_bytes, [this] { Main(); });
}

void Worker::Main() {
  cpu_clock_.Start();
  // Else the kernel lets the poller sleep 50 us longer than until the next timer. That it refuses
  // is no harm.
  (void)prctl(PR_SET_TIMERSLACK, 1);
  scheduler_.Place(index_);
  const SchedulerOptions& options = scheduler_.options_;
  if (options.on_worker_start) options.on_worker_start(index_);
  slot().LimitStack(static_cast<const char*>(__builtin_frame_address(0)) - kNestedStackBytes);
  if (options.home != nullptr) slot().Open(*options.home, scheduler_.idle_.state());
  whereabouts_.Start();
  current_worker = this;
  current_jobs = &jobs_;
  {
    const RunNextOfThread slot_of_thread(slot());
    RunTasks(options.home);
  }
  slot().Close();
  current_jobs = nullptr;
  current_worker = nullptr;
  if (options.on_worker_stop) options.on_worker_stop(index_);
  cpu_clock_.Stop();
}

// The way of a burst of tasks: one from the batch, where no more has to be asked.
[[gnu::always_inline]] inline Runnable* Worker::NextOfBatch() {
  if (pace_.IsCheckNext() || !slot().IsEasyBut(RunNext::kOthersWait)) return nullptr;
  Runnable* const runnable = tasks_.TakeFromBatch();
  if (runnable != nullptr) [[likely]]
    (void)pace_.CountRun();
  return runnable;
}

Runnable* Worker::Next() {
  if (Runnable* const runnable = TakeOwn()) [[likely]]
    return runnable;
  return FindWork();
}

// Whether a task that gave way is what Next() would return; counts its next run.
[[gnu::always_inline]] inline bool Worker::RunsAgain() {
  if (!tasks_.IsNextAgain() || pace_.IsCheckNext() || !slot().IsEasy()) return false;
  (void)pace_.CountRun();
  tasks_run_.Add(1);
  return true;
}

[[gnu::always_inline]] inline void Worker::PushYielded(Runnable* task) {
  if (tasks_.PushYielded(task) == Queued::kForAll) WakeOne();
}

void Worker::RunTasks(Executor* home) {
  while (true) {
    Runnable* runnable = NextOfBatch();
    if (runnable == nullptr) {
      runnable = Next();
      if (runnable == nullptr) return;
      if (observer_ != nullptr) [[unlikely]] {
        tasks_run_.Add(1);
        observer_->Run(runnable);
        continue;
      }
    }
    tasks_run_.Add(1);
    Runnable::Leaves leaves = runnable->RunAt(home);
    while (leaves.what == Runnable::Leaves::kNext ||
           (leaves.what == Runnable::Leaves::kYield && RunsAgain())) {
      leaves = leaves.task->RunAt(home);
    }
    if (leaves.what == Runnable::Leaves::kYield) {
      PushYielded(leaves.task);
    } else if (leaves.what == Runnable::Leaves::kEnd) {
      slot().IsOpen() ? slot().CountEnd() : home->OnTaskFinished();
    }
  }
}

void Worker::StartTask(Runnable* task) {
  tally().AddSpawn();
  if (PushesSpecially() && PushSpecially(task)) [[unlikely]]
    return;
  WakeFor(tasks_.PushSpawned(task));
}

void Worker::Push(Runnable* runnable, ScheduleHint hint) {
  if (PushesSpecially() && PushSpecially(runnable)) [[unlikely]]
    return;
  Queued queued = Queued::kForAll;
  switch (hint) {
    case ScheduleHint::kSpawn:
      queued = tasks_.PushSpawned(runnable);
      break;
    case ScheduleHint::kWake:
      queued = tasks_.PushWoken(runnable);
      break;
    case ScheduleHint::kYield:
      return PushYielded(runnable);
  }
  WakeFor(queued);
}

void Worker::WakeFor(Queued queued) {
  if (queued == Queued::kForAll) WakeOne();
  if (queued == Queued::kKept) WakeForKept();
}

void Worker::PushInClass(TaskPriority priority, Runnable* runnable) {
  if (observer_ != nullptr) observer_->OnQueued(runnable);
  scheduler_.lanes_.Push(priority, runnable);
  slot().Set(RunNext::kClasses);
  if (!is_collecting_) WakeOne();
}

bool Worker::PushSpecially(Runnable* runnable) {
  if (is_collecting_) {
    runnable->next_runnable = std::exchange(collected_, runnable);
    return true;
  }
  observer_->OnQueued(runnable);
  return false;
}

void Worker::OnOffered() { WakeOne(); }

void Worker::WakePicked() {
  const Pick pick = scheduler_.idle_.PickOne();
  if (pick.idler != nullptr) Wake(pick);
}

void Worker::WakePickedForKept() {
  const Pick pick = scheduler_.idle_.PickOne();
  if (pick.idler == nullptr) return;
  tasks_.PublishSlot();
  Wake(pick);
  // Whoever was picked may have woken before, and sleep again: having looked at the queue before
  // the task was there, and at the slot after that. So this counts as work that was added just now.
  WakeOne();
}

void Worker::Wake(const Pick& pick) {
  whereabouts_.NoteBusy();
  scheduler_.WakeFromWorker(pick);
  wakes_.Add(1);
}

Runnable* Worker::TakeOwn() {
  if (pace_.CountRun()) [[unlikely]] {
    if (Runnable* const runnable = LookAround()) return runnable;
  }
  if (scheduler_.lanes_.AreUsed()) [[unlikely]]
    return TakeInTurn();
  return TakeNormal();
}

Runnable* Worker::TakeInTurn() {
  const TaskPriority first = turns_.Next();
  if (first == TaskPriority::kNormal) {
    if (Runnable* const runnable = TakeNormal()) return runnable;
    return scheduler_.lanes_.TryPop(TaskPriority::kHigh);
  }
  if (Runnable* const runnable = scheduler_.lanes_.TryPop(first)) return runnable;
  if (first == TaskPriority::kLow) {
    if (Runnable* const runnable = scheduler_.lanes_.TryPop(TaskPriority::kHigh)) return runnable;
  }
  return TakeNormal();
}

Runnable* Worker::TakeNormal() {
  if (fresh_left_ > 0) [[unlikely]] {
    if (Runnable* const runnable = TakeFresh()) return runnable;
  }
  fresh_runs_ = 0;
  const OwnTasks::Taken taken = tasks_.Take([this] { return BatchSize(); });
  if (taken.from_slot) slot_taken_.Add(1);
  if (taken.shares_batch) WakeOne();
  if (taken.task == nullptr && fresh_left_ > 0) return TakeFresh();
  return taken.task;
}

// Others that look for work shall find it in the queue.
std::size_t Worker::BatchSize() const {
  return scheduler_.idle_.AllAreBusy() ? OwnTasks::kBatch : 1;
}

bool Worker::TakeIfNext(Runnable* task) {
  // What a worker owes to timers, descriptors, the injector and other classes is not for a nested
  // run to pay. Each run that is observed is one of its own.
  if (PushesSpecially() || fresh_left_ > 0 || slot().IsStackLow()) return false;
  if (scheduler_.lanes_.AreUsed() && !scheduler_.lanes_.IsEmpty()) return false;
  if (pace_.IsCheckNext() && IsTimeToLook()) return false;
  const OwnTasks::Taken taken = tasks_.TakeIfNext(task, [this] { return BatchSize(); });
  if (taken.shares_batch) WakeOne();
  if (taken.task == nullptr) return false;
  (void)pace_.CountRun();
  if (taken.from_slot) slot_taken_.Add(1);
  tasks_run_.Add(1);
  return true;
}

bool Worker::MayGoOn() {
  if (IsTimeToLook() || !slot().IsEasy()) return false;
  (void)pace_.CountRun();
  tasks_run_.Add(1);
  return true;
}

Runnable* Worker::GiveWay(Runnable* task) {
  return pace_.IsCheckNext() ? GiveWayAtCheck(task) : Exchange(task);
}

Runnable* Worker::GiveWayAtCheck(Runnable* task) {
  return IsTimeToLook() ? nullptr : Exchange(task);
}

[[gnu::always_inline]] inline Runnable* Worker::Exchange(Runnable* task) {
  if (!slot().IsEasyBut(RunNext::kOthersWait)) return nullptr;
  Runnable* const next =
      tasks_.ExchangeYielded(task, [this] { return scheduler_.idle_.AllAreBusy(); });
  if (next == nullptr) return nullptr;
  (void)pace_.CountRun();
  tasks_run_.Add(1);
  WakeOne();
  return next;
}

void Worker::NoteClasses() {
  if (scheduler_.lanes_.AreUsed()) slot().Set(RunNext::kClasses);
}

Runnable* Worker::TakeFresh() {
  if (fresh_runs_ == kFreshRuns) return nullptr;
  Runnable* const runnable = fresh_.Pop().value_or(nullptr);
  if (runnable == nullptr) {
    fresh_left_ = 0;  // thieves took the rest
  } else {
    --fresh_left_;
    ++fresh_runs_;
  }
  if (fresh_left_ == 0) slot().Clear(RunNext::kFreshWait);
  return runnable;
}

Runnable* Worker::TakeInjected() {
  Runnable* tasks[kInjectedAtMost];
  const std::size_t count = scheduler_.TakeInjected(tasks);
  if (count == 0) return nullptr;
  injected_.Add(count);
  if (count > 1) {
    tasks_.PushAll({tasks + 1, count - 1});
    WakeOne();
  }
  return tasks[0];
}

Runnable* Worker::TakeQueued() {
  while (!fresh_.IsEmptyHint()) {
    if (const auto result = fresh_.stealer().Steal()) return *result.item;
  }
  return tasks_.StealOne();
}

WorkerStats Worker::Stats() const {
  WorkerStats stats;
  stats.spawned = slot().tally().spawned();
  stats.completed = slot().tally().ended();
  stats.tasks_run = TasksRun();
  stats.slot_taken = SlotTaken();
  stats.injected = injected_.Get();
  stats.steal_attempts = steal_attempts_.Get();
  stats.steals = steals_.Get();
  stats.stolen = stolen_.Get();
  stats.raids = raids_.Get();
  stats.parks = parks_.Get();
  stats.polls = polls_.Get();
  stats.wakes = wakes_.Get();
  if (observer_ != nullptr) {
    stats.run_times = observer_->run_times();
    stats.queue_times = observer_->queue_times();
    stats.spawn_times = observer_->spawn_times();
  }
  stats.cpu_time = cpu_clock_.Read();
  stats.queue_depth = fresh_.SizeHint() + tasks_.SizeHint();
  stats.busy_time = busy_.Read(MonotonicNow);
  return stats;
}

}  // namespace weft::runtime_internal
