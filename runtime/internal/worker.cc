#include "runtime/internal/worker.h"

#include <time.h>

#include <atomic>
#include <optional>
#include <string>
#include <thread>
#include <utility>

#include "base/instant.h"
#include "base/mutex.h"
#include "runtime/internal/fork_job.h"
#include "runtime/internal/scheduler.h"
#include "runtime/internal/thread_setup.h"

namespace weft::runtime_internal {
namespace {

thread_local Worker* current_worker = nullptr;

// Moves in steps of some milliseconds, for about a quarter of the price of MonotonicNow().
int64_t CoarseClock() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
  return int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

// Tries again while other thieves are faster.
Runnable* TakeOldest(Stealer<Runnable*> stealer) {
  while (true) {
    const StealResult<Runnable*> result = stealer.Steal();
    if (result) return *result.item;
    if (result.outcome == StealOutcome::kEmpty) return nullptr;
  }
}

}  // namespace

Worker::Worker(Scheduler* scheduler, int index)
    : scheduler_(*scheduler),
      index_(index),
      random_(static_cast<uint32_t>(index) * 2'654'435'761u + 1),
      queue_(256),
      unparker_(parker_.unparker()),
      await_unparker_(await_parker_.unparker()) {
  (void)jobs_.Ask();  // until the first fork, nobody who goes idle needs to
}

// Never inlined: a coroutine that calls it on several threads must compute the address each time.
[[gnu::noinline]] Worker* Worker::Current() {
  asm volatile("");
  return current_worker;
}

void Worker::Start() {
  thread_ = std::thread([this] { Main(); });
}

void Worker::Main() {
  SetUpThread(("weft-worker-" + std::to_string(index_)).c_str());
  current_worker = this;
  current_jobs = &jobs_;
  while (Runnable* const runnable = Next()) {
    tasks_run_.Add(1);
    runnable->Run();
  }
  current_jobs = nullptr;
  current_worker = nullptr;
}

void Worker::Push(Runnable* runnable, ScheduleHint hint) {
  if (is_collecting_) {
    runnable->next_runnable = std::exchange(collected_, runnable);
    return;
  }
  bool is_alone = false;
  switch (hint) {
    case ScheduleHint::kWake:
      std::swap(slot_, runnable);
      if (runnable == nullptr) return;
      break;  // the slot's former task is for everybody
    case ScheduleHint::kYield:
      is_alone = slot_ == nullptr && queue_.IsEmptyHint();
      break;
    case ScheduleHint::kSpawn:
      break;
  }
  queue_.Push(runnable);
  // What gave way with nothing else queued is what this worker runs next: nobody needs to wake up.
  if (is_alone) return;
  WakeOne();
}

void Worker::WakeOne() {
  if (scheduler_.WakeOne()) wakes_.Add(1);
}

Runnable* Worker::Next() {
  while (true) {
    Runnable* runnable = TakeOwn();
    if (runnable == nullptr) {
      StartSearching();
      runnable = StealFromOthers();
    }
    if (runnable != nullptr) {
      StopSearching();
      return runnable;
    }
    if (!WaitForWork()) return nullptr;
  }
}

Runnable* Worker::TakeOwn() {
  ++runs_;
  const bool looks = IsTimeToLook();
  if (looks) LookAtKernelAndClock();
  if (runs_ % kInjectorInterval == 0) {
    if (Runnable* const runnable = TakeInjected()) return runnable;
  }
  if (Runnable* const runnable = TakeFresh()) return runnable;
  // A few long tasks must not delay the injector as long as many short ones; nor it them.
  if (!std::exchange(was_injected_, false) && looks) {
    if (Runnable* const runnable = TakeInjected()) {
      was_injected_ = true;
      return runnable;
    }
  }
  if (Runnable* const runnable = TakeSlot()) return runnable;
  slot_runs_ = 0;
  fresh_runs_ = 0;
  if (Runnable* const runnable = queue_.Pop().value_or(nullptr)) return runnable;
  if (Runnable* const runnable = TakeInjected()) return runnable;
  return fresh_.Pop().value_or(nullptr);
}

Runnable* Worker::TakeFresh() {
  if (fresh_runs_ == kFreshRuns) return nullptr;
  Runnable* const runnable = fresh_.Pop().value_or(nullptr);
  if (runnable != nullptr) ++fresh_runs_;
  return runnable;
}

Runnable* Worker::TakeSlot() {
  if (slot_ == nullptr) return nullptr;
  Runnable* const runnable = std::exchange(slot_, nullptr);
  if (slot_runs_ < kSlotRuns) {
    ++slot_runs_;
    slot_taken_.Add(1);
    return runnable;
  }
  // Two tasks that wake each other must not keep the queue waiting: to its end.
  const bool is_alone = queue_.IsEmptyHint();
  queue_.Push(runnable);
  if (!is_alone) WakeOne();
  return nullptr;
}

Runnable* Worker::TakeInjected() {
  Runnable* const runnable = scheduler_.TakeInjected();
  if (runnable != nullptr) injected_.Add(1);
  return runnable;
}

Runnable* Worker::TakeQueued() {
  if (Runnable* const runnable = TakeOldest(fresh_.stealer())) return runnable;
  return TakeOldest(queue_.stealer());
}

Runnable* Worker::StealFromOthers() {
  const auto& workers = scheduler_.workers_;
  const std::size_t count = workers.size();
  const std::size_t start = NextRandom() % count;
  for (std::size_t i = 0; i < count; ++i) {
    Worker* const victim = workers[(start + i) % count].get();
    if (victim == this) continue;
    if (Runnable* const runnable = StealFrom(victim)) return runnable;
  }
  if (Runnable* const runnable = TakeInjected()) return runnable;
  return StealJob();
}

Runnable* Worker::StealJob() {
  const auto& workers = scheduler_.workers_;
  const std::size_t count = workers.size();
  const std::size_t start = NextRandom() % count;
  for (std::size_t i = 0; i < count; ++i) {
    Worker* const victim = workers[(start + i) % count].get();
    if (victim == this) continue;
    steal_attempts_.Add(1);
    if (const auto job = victim->jobs_.Steal()) {
      stolen_.Add(1);
      return *job.item;
    }
  }
  return nullptr;
}

Runnable* Worker::StealFrom(Worker* victim) {
  steal_attempts_.Add(1);
  // Half of what is there, one by one: a thief that took several at once could overtake the owner.
  int wanted = static_cast<int>(victim->fresh_.SizeHint() + victim->queue_.SizeHint() + 1) / 2;
  if (wanted > kStealAtMost) wanted = kStealAtMost;
  Runnable* first = nullptr;
  for (int taken = 0; taken < wanted; ++taken) {
    Runnable* const runnable = victim->TakeQueued();
    if (runnable == nullptr) break;
    stolen_.Add(1);
    if (first == nullptr) {
      first = runnable;
    } else {
      queue_.Push(runnable);
    }
  }
  return first;
}

void Worker::StartSearching() {
  if (is_searching_) return;
  is_searching_ = true;
  scheduler_.idle_.BeginSearch();
}

void Worker::StopSearching() {
  if (!is_searching_) return;
  is_searching_ = false;
  if (!scheduler_.idle_.EndSearch()) return;
  if (scheduler_.HasWork() || scheduler_.idle_.NobodyPolls()) WakeOne();
}

bool Worker::WaitForWork() {
  const IdleRole role = scheduler_.idle_.Enter(this);
  if (role == IdleRole::kStopped) {
    is_searching_ = false;
    return false;
  }
  // From here to the end the worker is idle; then it is searching again.
  scheduler_.AskForJobs();
  if (role == IdleRole::kPoller) {
    if (!scheduler_.HasWork()) PollUntilWork();
    scheduler_.idle_.LeavePolling(this);
    return true;
  }
  if (scheduler_.HasWork() && scheduler_.idle_.LeaveSleepers(this)) return true;
  parks_.Add(1);
  parker_.Park();  // returns when the worker has been picked
  return true;
}

void Worker::PollUntilWork() {
  is_collecting_ = true;
  bool is_picked = false;
  while (!is_picked && collected_ == nullptr) {
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
    scheduler_.timers_.FireDue(MonotonicNow());
  }
  is_collecting_ = false;
  QueueCollected();
}

bool Worker::IsTimeToLook() {
  if (runs_ % kPollInterval == 0) return true;
  // A few long tasks must not delay timers as long as many short ones.
  return CoarseClock() != last_coarse_;
}

void Worker::LookAtKernelAndClock() {
  last_coarse_ = CoarseClock();
  is_collecting_ = true;
  // Whoever is inside the reactor already does this, or waits on behalf of all.
  if (scheduler_.polling_mutex_.TryLock()) {
    polls_.Add(1);
    scheduler_.reactor_->Poll(Instant::InfinitePast());
    scheduler_.polling_mutex_.Unlock();
  }
  scheduler_.timers_.FireDue(MonotonicNow());
  is_collecting_ = false;
  if (QueueCollected()) WakeOne();
}

bool Worker::QueueCollected() {
  Runnable* in_order = nullptr;
  while (collected_ != nullptr) {
    Runnable* const runnable = std::exchange(collected_, collected_->next_runnable);
    runnable->next_runnable = std::exchange(in_order, runnable);
  }
  const bool any = in_order != nullptr;
  while (in_order != nullptr) {
    // The link is read first: once it is pushed, a thief may run and destroy it.
    Runnable* const runnable = std::exchange(in_order, in_order->next_runnable);
    fresh_.Push(runnable);
  }
  return any;
}

uint32_t Worker::NextRandom() {
  random_ ^= random_ << 13;
  random_ ^= random_ >> 17;
  random_ ^= random_ << 5;
  return random_;
}

WorkerStats Worker::Stats() const {
  WorkerStats stats;
  stats.tasks_run = tasks_run_.Get();
  stats.slot_taken = slot_taken_.Get();
  stats.injected = injected_.Get();
  stats.stolen = stolen_.Get();
  stats.steal_attempts = steal_attempts_.Get();
  stats.parks = parks_.Get();
  stats.polls = polls_.Get();
  stats.wakes = wakes_.Get();
  return stats;
}

}  // namespace weft::runtime_internal
