#include "future/manual_executor.h"

#include <algorithm>

namespace weft {

ManualExecutor::ManualExecutor(TaskTracking track_tasks) {
  if (track_tasks == TaskTracking::kOn) ListTasksIn(&registry_.emplace());
}

ManualExecutor::~ManualExecutor() {
  CancelAll();
  RunUntilStalled();
  WEFT_CHECK(live_tasks() == 0) << "~ManualExecutor(): " << live_tasks()
                                << " tasks did not end after they were cancelled; what they wait "
                                   "for must answer a stop request";
}

std::size_t ManualExecutor::RunUntilStalled() {
  std::size_t runs = 0;
  while (RunOne()) ++runs;
  return runs;
}

bool ManualExecutor::RunOne() {
  Runnable* runnable;
  {
    MutexLock lock(&mutex_);
    runnable = ready_.Pop();
  }
  if (runnable == nullptr) return false;
  runnable->Run();
  return true;
}

void ManualExecutor::Advance(absl::Duration duration) {
  const Instant target = Now() + duration;
  RunUntilStalled();
  while (true) {
    const std::optional<Instant> next = timers_.Next();
    if (!next || *next > target) break;
    {
      MutexLock lock(&mutex_);
      now_ = std::max(now_, *next);
    }
    FireDue();
    RunUntilStalled();
  }
  MutexLock lock(&mutex_);
  now_ = target;
}

std::size_t ManualExecutor::live_tasks() const {
  MutexLock lock(&mutex_);
  return live_tasks_;
}

void ManualExecutor::Schedule(Runnable* runnable, ScheduleHint) {
  MutexLock lock(&mutex_);
  ready_.Push(runnable);
}

Instant ManualExecutor::Now() {
  MutexLock lock(&mutex_);
  return now_;
}

void ManualExecutor::OnTaskSpawned() {
  MutexLock lock(&mutex_);
  ++live_tasks_;
}

void ManualExecutor::OnTaskFinished() {
  MutexLock lock(&mutex_);
  --live_tasks_;
}

bool ManualExecutor::JumpToNextTimer() {
  const std::optional<Instant> next = timers_.Next();
  if (!next) return false;
  {
    MutexLock lock(&mutex_);
    now_ = std::max(now_, *next);
  }
  FireDue();
  return true;
}

void ManualExecutor::FireDue() {
  while (std::optional<Waker> waker = timers_.PopDue(Now())) std::move(*waker).Wake();
}

}  // namespace weft
