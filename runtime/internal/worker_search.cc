// What a worker does that has run out of work: it takes from others, searches on for a while, and
// sleeps, in the reactor or on its parker.
#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "base/backoff.h"
#include "base/instant.h"
#include "base/mutex.h"
#include "runtime/internal/scheduler.h"
#include "runtime/internal/worker.h"

namespace weft::runtime_internal {

Runnable* Worker::FindWork() {
  // The first round is made as a busy worker: if it finds something, nobody needs to know.
  if (Runnable* const runnable = TakeFromOthers()) return runnable;
  const Instant begin = MonotonicNow();
  busy_.Pause(begin);
  // One who spins is enough; and none where there was no work the last time until the spin was
  // over: it keeps the processor from the thread that this worker has just woken.
  const bool is_first = scheduler_.idle_.BeginSearch() == 0;
  Instant until = is_first && searching_pays_ ? begin + scheduler_.options_.search_time : begin;
  onlooker_.Forget();
  while (true) {
    if (Runnable* const runnable = Search(until)) {
      StopSearching();
      return runnable;
    }
    if (!WaitForWork()) return TakeOwn();  // what its hooks have scheduled
    until = Instant::InfinitePast();
  }
}

Runnable* Worker::Search(Instant until) {
  onlooker_.Begin();
  while (true) {
    if (Runnable* const runnable = TakeOwn()) return runnable;
    if (Runnable* const runnable = TakeFromOthers()) return runnable;
    const Instant now = MonotonicNow();
    if (Runnable* const runnable = RaidIfStuck(now)) return runnable;
    if (now >= until && !onlooker_.IsUndecided()) return nullptr;
    for (int i = 0; i < kPausesPerLook; ++i) CpuRelax();
  }
}

template <typename Take>
Runnable* Worker::TakeFromFirst(Take take) {
  const auto& workers = scheduler_.workers_;
  const std::size_t count = workers.size();
  const std::size_t start = NextRandom() % count;
  for (std::size_t i = 0; i < count; ++i) {
    Worker* const victim = workers[(start + i) % count].get();
    if (victim == this) continue;
    if (Runnable* const runnable = take(victim)) return runnable;
  }
  return nullptr;
}

Runnable* Worker::TakeFromOthers() {
  const auto steal = [this](Worker* victim) { return StealFrom(victim); };
  if (Runnable* const runnable = TakeFromFirst(steal)) return runnable;
  if (Runnable* const runnable = TakeInjected()) return runnable;
  if (Runnable* const runnable = StealJob()) return runnable;
  if (Runnable* const runnable = StealFork()) return runnable;
  return scheduler_.lanes_.TryPop(TaskPriority::kLow);
}

Runnable* Worker::StealFrom(Worker* victim) {
  if (!victim->fresh_.IsEmptyHint()) {
    steal_attempts_.Add(1);
    if (const auto result = victim->fresh_.stealer().Steal()) {
      return CountSteal(*result.item, *victim);
    }
  }
  if (!victim->tasks_.HasPublic()) return nullptr;
  steal_attempts_.Add(1);
  return CountSteal(victim->tasks_.StealInto(&tasks_), *victim);
}

// The thief's own queue was empty: what is there now was stolen too, and was out of sight on its
// way.
Runnable* Worker::CountSteal(Runnable* runnable, const Worker& victim) {
  if (runnable == nullptr) return nullptr;
  const std::size_t others = tasks_.SizeHint();
  steals_.Add(1);
  stolen_.Add(1 + others);
  if (observer_ != nullptr) observer_->OnSteal(victim.index_, 1 + others);
  if (others > 0) WakeOne();
  return runnable;
}

Runnable* Worker::StealJob() {
  return TakeFromFirst([this](Worker* victim) -> Runnable* {
    if (victim->jobs_.SizeHint() > 0) steal_attempts_.Add(1);
    // At an empty stack this asks for the next job.
    const auto job = victim->jobs_.Steal();
    if (!job) return nullptr;
    steals_.Add(1);
    stolen_.Add(1);
    if (observer_ != nullptr) observer_->OnSteal(victim->index_, 1);
    return *job.item;
  });
}

Runnable* Worker::StealFork() {
  return TakeFromFirst([this](Worker* victim) -> Runnable* {
    if (!victim->HasForks()) return nullptr;
    steal_attempts_.Add(1);
    return CountSteal(victim->TakeOldestFork(), *victim);
  });
}

Worker* Worker::LookAtOwners(Instant now) {
  const auto& workers = scheduler_.workers_;
  const std::size_t stuck = onlooker_.Look(now, [this, &workers](std::size_t i) {
    const Worker& owner = *workers[i];
    if (&owner == this) return Onlooker::View();
    return Onlooker::View{
        .keeps = owner.HasKept(), .runs = owner.TasksRun(), .slot_runs = owner.SlotTaken()};
  });
  return stuck == Onlooker::kNobody ? nullptr : workers[stuck].get();
}

Runnable* Worker::RaidIfStuck(Instant now) {
  Worker* const victim = LookAtOwners(now);
  if (victim == nullptr) return nullptr;
  steal_attempts_.Add(1);
  Runnable* const runnable = victim->tasks_.RaidInto(&tasks_);
  if (runnable != nullptr) raids_.Add(1);
  return CountSteal(runnable, *victim);
}

void Worker::StopSearching() {
  const Instant now = MonotonicNow();
  pace_.Resume(now);
  searching_pays_ = busy_.Resume(now) <= scheduler_.options_.search_time;
  const Pick pick =
      scheduler_.idle_.EndSearch([this](Sight sight) { return scheduler_.HasWork(sight); });
  if (pick.idler == nullptr) return;
  tasks_.ShareNextSpawn();
  Wake(pick);
}

// The first hook comes before the worker is idle: what it schedules is seen as other work is.
bool Worker::WaitForWork() {
  const SchedulerOptions& options = scheduler_.options_;
  if (options.on_worker_park) options.on_worker_park(index_);
  whereabouts_.NoteSleep();
  const bool goes_on = Sleep();
  whereabouts_.Return();
  if (options.on_worker_unpark) options.on_worker_unpark(index_);
  return goes_on;
}

bool Worker::Sleep() {
  IdleSet& idle = scheduler_.idle_;
  const auto has_work = [this](Sight sight) {
    scheduler_.AskForJobs();
    return scheduler_.HasWork(sight);
  };
  const Patrol patrol = onlooker_.TakeKept() ? Patrol::kNeeded : Patrol::kNotNeeded;
  switch (idle.GoIdle(this, patrol, has_work, [this] { scheduler_.reactor_->Wake(); })) {
    case IdleRole::kStopped:
      return false;
    case IdleRole::kSearcher:
      break;
    case IdleRole::kPoller:
      if (observer_ != nullptr) observer_->OnSleep(TraceEvent::Kind::kWatchBegin);
      PollUntilWork();
      if (observer_ != nullptr) observer_->OnSleep(TraceEvent::Kind::kWatchEnd);
      idle.LeavePolling(this);
      break;
    case IdleRole::kSleeper:
      parks_.Add(1);
      if (observer_ != nullptr) observer_->OnSleep(TraceEvent::Kind::kSleepBegin);
      parker_.Park();  // returns when the worker has been picked
      if (observer_ != nullptr) observer_->OnSleep(TraceEvent::Kind::kSleepEnd);
      break;
  }
  return true;
}

void Worker::PollUntilWork() {
  BeginCollecting();
  rounds_.Restart(MonotonicNow());
  bool goes_on = true;
  while (goes_on && collected_ == nullptr && scheduler_.lanes_.IsEmpty()) {
    {
      MutexLock lock(&scheduler_.polling_mutex_);
      // Looked at under the lock: a wake of the reactor that comes after these looks is this
      // Poll's, because nobody else can take it.
      goes_on = !scheduler_.idle_.IsPicked(*this);
      if (goes_on) {
        const Instant round =
            scheduler_.idle_.IsPatrolled() ? rounds_.next() : Instant::InfiniteFuture();
        polls_.Add(1);
        scheduler_.reactor_->Poll(std::min(scheduler_.timers_.BeginSleep(), round));
        scheduler_.timers_.EndSleep();
      }
    }
    const Instant now = MonotonicNow();
    FireTimers(now);
    if (goes_on && MakeRound(now)) goes_on = false;
  }
  EndCollecting();
  QueueCollected();
}

bool Worker::MakeRound(Instant now) {
  if (!scheduler_.idle_.IsPatrolled() || now < rounds_.next()) return false;
  onlooker_.Begin();
  while (LookAtOwners(now) == nullptr) {
    if (!onlooker_.IsUndecided()) {
      rounds_.MadeOne(now);
      const auto has_kept = [this] { return scheduler_.HasKept(); };
      if (!onlooker_.TakeKept() && scheduler_.idle_.EndPatrol(*this, has_kept)) {
        rounds_.Restart(now);
      }
      return false;
    }
    for (int i = 0; i < kPausesPerLook; ++i) CpuRelax();
    now = MonotonicNow();
  }
  return true;
}

}  // namespace weft::runtime_internal
