#include "runtime/internal/scheduler.h"

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <memory>
#include <new>
#include <span>
#include <thread>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "base/asymmetric_barrier.h"
#include "base/instant.h"
#include "runtime/internal/processor_mask.h"

namespace weft::runtime_internal {

Scheduler::Scheduler(const SchedulerOptions& options, std::unique_ptr<Reactor> reactor)
    : options_(options),
      reactor_(std::move(reactor)),
      timers_(MonotonicNow(), reactor_.get()),
      idle_(options.workers),
      watchdog_(options.observe.IsWatching() ? std::make_unique<Watchdog>(options.observe)
                                             : nullptr) {
  workers_.reserve(static_cast<std::size_t>(options.workers));
  for (int i = 0; i < options.workers; ++i) workers_.push_back(std::make_unique<Worker>(this, i));
  if (watchdog_ != nullptr) {
    for (const auto& worker : workers_) {
      watchdog_->Watch(worker->observer(),
                       [worker = worker.get()] { return worker->Stats().queue_depth; });
    }
    start_status_ = watchdog_->Start();
  }
  MutexLock lock(&placing_mutex_);
  if (!options.processors.empty()) unplaced_ = options.workers;
  // All exist before the first one looks at the others.
  for (const auto& worker : workers_) {
    if (start_status_.ok()) start_status_ = worker->Start();
    if (!start_status_.ok() && unplaced_ > 0) --unplaced_;
  }
  while (unplaced_ > 0) placed_.Wait(&placing_mutex_);
}

void Scheduler::Place(int worker) {
  if (options_.processors.empty()) return;
  const int processor =
      options_.processors[static_cast<std::size_t>(worker) % options_.processors.size()];
  absl::Status status = SetAffinity({&processor, 1});
  MutexLock lock(&placing_mutex_);
  if (placement_status_.ok()) placement_status_ = std::move(status);
  if (--unplaced_ == 0) placed_.NotifyAll();
}

Scheduler::~Scheduler() = default;

bool Scheduler::IsWorkerThread() const { return OwnWorker() != nullptr; }

void Scheduler::Schedule(Runnable* runnable, ScheduleHint hint) {
  if (Worker* const worker = OwnWorker()) {
    worker->Push(runnable, hint);
  } else {
    Inject(runnable);
  }
}

void Scheduler::ScheduleInClass(TaskPriority priority, Runnable* runnable) {
  if (Worker* const worker = OwnWorker()) {
    worker->PushInClass(priority, runnable);
  } else {
    ScheduleFromOutside(runnable, [&] { lanes_.Push(priority, runnable); });
  }
}

void Scheduler::CountSpawn() {
  if (Worker* const worker = OwnWorker()) {
    worker->tally().AddSpawn();
  } else {
    foreign_tally_.AddSpawn();
  }
}

void Scheduler::WatchEnds() {
  for (const auto& worker : workers_) worker->WatchEnds();
}

TaskTotals Scheduler::Totals() const {
  TaskTotals totals;
  totals.ended = foreign_tally_.ended();
  for (const auto& worker : workers_) totals.ended += worker->tally().ended();
  totals.spawned = foreign_tally_.spawned();
  for (const auto& worker : workers_) totals.spawned += worker->tally().spawned();
  return totals;
}

template <typename Push>
void Scheduler::ScheduleFromOutside(Runnable* runnable, Push push) {
  if (options_.observe.IsOn()) NoteQueued(runnable, MonotonicNow());
  // Relaxed: who runs the runnable, and so whoever stops the scheduler after that, sees the count,
  // because the push comes after it.
  foreign_schedules_.fetch_add(1, std::memory_order_relaxed);
  push();
  Wake(idle_.PickOneFromOutside());
  foreign_schedules_.fetch_sub(1, std::memory_order_release);  // (1)
}

void Scheduler::Inject(Runnable* runnable) {
  ScheduleFromOutside(runnable,
                      [&] { (void)injector_.Push(runnable); });  // Never closed, so never refused.
}

std::size_t Scheduler::TakeInjected(std::span<Runnable*> tasks) {
  if (injector_.IsEmpty()) return 0;
  const std::size_t share = injector_.SizeHint() / workers_.size() + 1;
  return injector_.TryPopBulk(tasks.first(std::min(share, tasks.size()))).count;
}

bool Scheduler::HasWork(Sight sight) const {
  if (!injector_.IsEmpty() || !lanes_.IsEmpty()) return true;
  for (const auto& worker : workers_) {
    if (worker->HasPublic()) return true;
  }
  return sight == Sight::kAll && HasKept();
}

bool Scheduler::HasKept() const {
  for (const auto& worker : workers_) {
    if (worker->HasKept()) return true;
  }
  return false;
}

void Scheduler::AskForJobs() {
  bool is_new = false;
  for (const auto& worker : workers_) is_new |= worker->jobs().Ask();
  if (is_new) HeavyBarrier();
}

void Scheduler::Wake(const Pick& pick) {
  if (pick.idler == nullptr) return;
  if (pick.role == IdleRole::kPoller) {
    reactor_->Wake();
  } else {
    static_cast<Worker*>(pick.idler)->Unpark();
  }
}

void Scheduler::WakeFromWorker(const Pick& pick) {
  if (options_.processors.empty()) KeepOffBusy(static_cast<Worker*>(pick.idler));
  Wake(pick);
}

// Without memory the sleeper wakes where the kernel lets it.
void Scheduler::KeepOffBusy(Worker* sleeper) noexcept {
  try {
    std::vector<int> taken;
    for (const auto& worker : workers_) {
      const int processor = worker->whereabouts().busy_on();
      if (processor != Whereabouts::kNowhere) taken.push_back(processor);
    }
    sleeper->whereabouts().Displace(taken);
  } catch (const std::bad_alloc&) {
  }
}

void Scheduler::Stop() {
  for (const Pick& pick : idle_.Stop()) Wake(pick);
  for (const auto& worker : workers_) worker->Join();
  if (watchdog_ != nullptr) watchdog_->Stop();
  // What they scheduled may have run already, and may have been the last task.
  while (foreign_schedules_.load(std::memory_order_acquire) != 0) std::this_thread::yield();  // (1)
  while (RunLeftover()) {
  }
}

bool Scheduler::RunLeftover() {
  Runnable* runnable = nullptr;
  (void)TakeInjected({&runnable, 1});
  for (const TaskPriority priority : {TaskPriority::kHigh, TaskPriority::kLow}) {
    if (runnable == nullptr) runnable = lanes_.TryPop(priority);
  }
  for (const auto& worker : workers_) {
    if (runnable == nullptr) runnable = worker->TakeQueued();
  }
  if (runnable == nullptr) return false;
  runnable->Run();
  return true;
}

std::unique_ptr<WorkerObserver> Scheduler::MakeObserver() {
  if (!options_.observe.IsOn()) return nullptr;
  return std::make_unique<WorkerObserver>(
      options_.observe, watchdog_ != nullptr ? &watchdog_->run_begins() : nullptr);
}

RuntimeTrace Scheduler::Trace() const {
  RuntimeTrace trace;
  for (const auto& worker : workers_) {
    const WorkerObserver* const observer = worker->observer();
    trace.workers.push_back(observer != nullptr ? observer->Trace() : RuntimeTrace::Worker());
  }
  return trace;
}

std::vector<WorkerStats> Scheduler::Stats() const {
  std::vector<WorkerStats> stats;
  stats.reserve(workers_.size());
  for (const auto& worker : workers_) stats.push_back(worker->Stats());
  return stats;
}

}  // namespace weft::runtime_internal
