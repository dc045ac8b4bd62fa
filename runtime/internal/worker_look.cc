// What a busy worker does now and then: it looks at timers, descriptors and the injector.
#include <time.h>

#include <cstddef>
#include <cstdint>
#include <utility>

#include "base/instant.h"
#include "base/mutex.h"
#include "runtime/internal/scheduler.h"
#include "runtime/internal/worker.h"

namespace weft::runtime_internal {
namespace {

// Moves in steps of some milliseconds, for about a quarter of the price of MonotonicNow().
int64_t CoarseClock() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
  return int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

}  // namespace

Runnable* Worker::LookAround() {
  NoteClasses();
  const int64_t coarse = CoarseClock();
  if (!pace_.IsTimeToLook(coarse)) return nullptr;
  if (pace_.HasTicked(coarse)) whereabouts_.NoteBusy();
  const Instant now = MonotonicNow();
  pace_.Looked(now, coarse);
  LookAtKernelAndClock(now);
  // Where there is a look before each run, others have every second one.
  if (std::exchange(was_injected_, false)) return nullptr;
  Runnable* const runnable = TakeInjected();
  was_injected_ = runnable != nullptr && pace_.IsEachRunLong();
  return runnable;
}

bool Worker::IsTimeToLook() {
  NoteClasses();
  return pace_.IsTimeToLook(CoarseClock());
}

void Worker::LookAtKernelAndClock(Instant now) {
  BeginCollecting();
  // Not more often than makes it cheap; and whoever is inside the reactor already does this, or
  // waits on behalf of all.
  if (now - last_poll_ >= kPollInterval && scheduler_.polling_mutex_.TryLock()) {
    last_poll_ = now;
    polls_.Add(1);
    scheduler_.reactor_->Poll(Instant::InfinitePast());
    scheduler_.polling_mutex_.Unlock();
  }
  FireTimers(now);
  EndCollecting();
  if (collected_ == nullptr && scheduler_.lanes_.IsEmpty()) return;
  QueueCollected();
  WakeOne();
}

void Worker::FireTimers(Instant now) {
  const std::size_t count = scheduler_.timers_.FireDue(now);
  if (observer_ != nullptr) observer_->OnTimers(count);
}

void Worker::QueueCollected() {
  Runnable* in_order = nullptr;
  while (collected_ != nullptr) {
    Runnable* const runnable = std::exchange(collected_, collected_->next_runnable);
    runnable->next_runnable = std::exchange(in_order, runnable);
  }
  while (in_order != nullptr) {
    // The link is read first: once it is pushed, a thief may run and destroy it.
    Runnable* const runnable = std::exchange(in_order, in_order->next_runnable);
    if (observer_ != nullptr) observer_->OnWoken(runnable);
    fresh_.Push(runnable);
    if (fresh_left_++ == 0) fresh_runs_ = 0;
    slot().Set(RunNext::kFreshWait);
  }
}

uint32_t Worker::NextRandom() {
  random_ ^= random_ << 13;
  random_ ^= random_ >> 17;
  random_ ^= random_ << 5;
  return random_;
}

}  // namespace weft::runtime_internal
