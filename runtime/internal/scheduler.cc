#include "runtime/internal/scheduler.h"

#include <atomic>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include "base/asymmetric_barrier.h"
#include "base/instant.h"

namespace weft::runtime_internal {

Scheduler::Scheduler(int workers, std::unique_ptr<Reactor> reactor)
    : reactor_(std::move(reactor)), timers_(MonotonicNow(), reactor_.get()) {
  workers_.reserve(static_cast<std::size_t>(workers));
  for (int i = 0; i < workers; ++i) workers_.push_back(std::make_unique<Worker>(this, i));
  // All exist before the first one looks at the others.
  for (const auto& worker : workers_) worker->Start();
}

Scheduler::~Scheduler() = default;

bool Scheduler::IsWorkerThread() const {
  const Worker* const worker = Worker::Current();
  return worker != nullptr && worker->scheduler() == this;
}

void Scheduler::Schedule(Runnable* runnable, ScheduleHint hint) {
  Worker* const worker = Worker::Current();
  if (worker != nullptr && worker->scheduler() == this) {
    worker->Push(runnable, hint);
    return;
  }
  // Relaxed: who runs the runnable, and so whoever stops the scheduler after that, sees the count,
  // because the push comes after it.
  foreign_schedules_.fetch_add(1, std::memory_order_relaxed);
  (void)injector_.Push(runnable);  // Never closed, so never refused.
  WakeOne();
  foreign_schedules_.fetch_sub(1, std::memory_order_release);  // (1)
}

bool Scheduler::HasWork() const {
  if (!injector_.IsEmpty()) return true;
  for (const auto& worker : workers_) {
    if (worker->HasQueued()) return true;
  }
  return false;
}

void Scheduler::AskForJobs() {
  bool is_new = false;
  for (const auto& worker : workers_) is_new |= worker->jobs().Ask();
  if (is_new) HeavyBarrier();
}

bool Scheduler::WakeOne() {
  const Pick pick = idle_.PickOne();
  if (pick.idler == nullptr) return false;
  Wake(pick);
  return true;
}

void Scheduler::Wake(const Pick& pick) {
  if (pick.role == IdleRole::kPoller) {
    reactor_->Wake();
  } else {
    static_cast<Worker*>(pick.idler)->Unpark();
  }
}

void Scheduler::Stop() {
  for (const Pick& pick : idle_.Stop()) Wake(pick);
  for (const auto& worker : workers_) worker->Join();
  // What they scheduled may have run already, and may have been the last task.
  while (foreign_schedules_.load(std::memory_order_acquire) != 0) std::this_thread::yield();  // (1)
  while (RunLeftover()) {
  }
}

bool Scheduler::RunLeftover() {
  Runnable* runnable = TakeInjected();
  for (const auto& worker : workers_) {
    if (runnable == nullptr) runnable = worker->TakeQueued();
  }
  if (runnable == nullptr) return false;
  runnable->Run();
  return true;
}

std::vector<WorkerStats> Scheduler::Stats() const {
  std::vector<WorkerStats> stats;
  stats.reserve(workers_.size());
  for (const auto& worker : workers_) stats.push_back(worker->Stats());
  return stats;
}

}  // namespace weft::runtime_internal
