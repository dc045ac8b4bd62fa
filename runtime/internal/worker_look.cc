// What a busy worker does now and then: it looks at timers, descriptors and the injector.
#include <time.h>

#include <algorithm>
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

bool Worker::IsTimeToLook() { return IsTimeToLook(CoarseClock()); }

// Called when runs_until_check_ has run out; sets it anew unless it is time to look.
bool Worker::IsTimeToLook(int64_t coarse) {
  if (coarse != last_coarse_ || runs_since_look_ + runs_per_check_ >= kLookInterval) return true;
  runs_since_look_ += runs_per_check_;
  runs_per_check_ = std::min(runs_per_check_ * 2, kMostRunsPerCheck);
  runs_until_check_ = runs_per_check_;
  return false;
}

Runnable* Worker::LookAround() {
  const int64_t coarse = CoarseClock();
  if (!IsTimeToLook(coarse)) return nullptr;
  const bool ticked = coarse != last_coarse_;
  const bool many_runs = runs_since_look_ + runs_per_check_ >= kLookInterval;
  last_coarse_ = coarse;
  runs_since_look_ = 0;
  if (ticked) runs_per_check_ = 1;
  runs_until_check_ = runs_per_check_;
  LookAtKernelAndClock(ticked);
  if (many_runs) return TakeInjected();
  // A few long runs must not delay the injector as long as many short ones; nor it them.
  if (fresh_left_ > 0 || std::exchange(was_injected_, false)) return nullptr;
  Runnable* const runnable = TakeInjected();
  was_injected_ = runnable != nullptr;
  return runnable;
}

void Worker::LookAtKernelAndClock(bool ticked) {
  const Instant now = MonotonicNow();
  BeginCollecting();
  // Not more often than makes it cheap; and whoever is inside the reactor already does this, or
  // waits on behalf of all.
  if ((ticked || now - last_poll_ >= kPollInterval) && scheduler_.polling_mutex_.TryLock()) {
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
    ++fresh_left_;
  }
}

uint32_t Worker::NextRandom() {
  random_ ^= random_ << 13;
  random_ ^= random_ >> 17;
  random_ ^= random_ << 5;
  return random_;
}

}  // namespace weft::runtime_internal
