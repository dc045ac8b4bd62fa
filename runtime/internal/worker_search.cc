// What a worker does that has run out of work: it takes from others, searches on for a while, and
// sleeps, in the reactor or on its parker.
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
  Suspect suspect;
  while (true) {
    if (Runnable* const runnable = TakeOwn()) return runnable;
    if (Runnable* const runnable = TakeFromOthers()) return runnable;
    const Instant now = MonotonicNow();
    if (Runnable* const runnable = RaidIfStuck(&suspect, now)) return runnable;
    if (now >= until && suspect.worker == nullptr) return nullptr;
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
    if (victim->forks_.IsEmptyHint()) return nullptr;
    steal_attempts_.Add(1);
    return CountSteal(victim->forks_.stealer().Steal().item.value_or(nullptr), *victim);
  });
}

Runnable* Worker::RaidIfStuck(Suspect* suspect, Instant now) {
  for (const auto& worker : scheduler_.workers_) {
    Worker* const victim = worker.get();
    if (victim == this || !victim->tasks_.HasPrivate()) continue;
    const uint64_t runs = victim->tasks_run_.Get();
    if (victim != suspect->worker || runs != suspect->runs) {
      *suspect = {victim, runs, now};
      return nullptr;
    }
    if (now - suspect->since < kPatience) return nullptr;
    *suspect = {};
    steal_attempts_.Add(1);
    Runnable* const runnable = victim->tasks_.RaidInto(&tasks_);
    if (runnable != nullptr) raids_.Add(1);
    return CountSteal(runnable, *victim);
  }
  *suspect = {};
  return nullptr;
}

void Worker::StopSearching() {
  const Instant now = MonotonicNow();
  pace_.Resume(now);
  searching_pays_ = busy_.Resume(now) <= scheduler_.options_.search_time;
  const Pick pick = scheduler_.idle_.EndSearch([this] { return scheduler_.HasWork(); });
  if (pick.idler != nullptr) Wake(pick);
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
  const auto has_work = [this] {
    scheduler_.AskForJobs();
    return scheduler_.HasWork();
  };
  switch (idle.GoIdle(this, has_work)) {
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
  bool is_picked = false;
  while (!is_picked && collected_ == nullptr && scheduler_.lanes_.IsEmpty()) {
    {
      MutexLock lock(&scheduler_.polling_mutex_);
      // Looked at under the lock: a wake of the reactor that comes after this look is this Poll's,
      // because nobody else can take it.
      is_picked = scheduler_.idle_.IsPicked(*this);
      if (!is_picked) {
        polls_.Add(1);
        scheduler_.reactor_->Poll(scheduler_.timers_.BeginSleep());
        scheduler_.timers_.EndSleep();
      }
    }
    FireTimers(MonotonicNow());
  }
  EndCollecting();
  QueueCollected();
}

}  // namespace weft::runtime_internal
