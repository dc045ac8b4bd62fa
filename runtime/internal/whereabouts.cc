#include "runtime/internal/whereabouts.h"

#include <sched.h>
#include <unistd.h>

#include <thread>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/status/statusor.h"
#include "base/backoff.h"

namespace weft::runtime_internal {

// Whoever cannot be told where it may run is never displaced: its home is empty.
void Whereabouts::Start() {
  thread_ = gettid();
  if (absl::StatusOr<ProcessorMask> mask = ProcessorMask::OfThread(0); mask.ok()) {
    home_ = *std::move(mask);
  }
  NoteBusy();
}

void Whereabouts::NoteBusy() { busy_on_.store(sched_getcpu(), std::memory_order_relaxed); }

void Whereabouts::NoteSleep() {
  busy_on_.store(kNowhere, std::memory_order_relaxed);
  state_.store(State::kAsleep, std::memory_order_relaxed);
}

void Whereabouts::Return() {
  NoteBusy();
  SpinBackoff backoff;
  State seen = State::kAsleep;
  // (1)
  while (!state_.compare_exchange_strong(seen, State::kAwake, std::memory_order_acquire)) {
    if (seen != State::kDisplacing) continue;  // the next attempt succeeds
    seen = State::kAsleep;
    backoff.IsSpent() ? std::this_thread::yield() : backoff.Spin();
  }
  if (seen == State::kDisplaced) (void)home_.ApplyTo(0);
}

// Errors are left alone: the worker wakes all the same, perhaps later.
void Whereabouts::Displace(std::span<const int> processors) {
  ProcessorMask mask = home_;
  mask.Remove(processors);
  if (mask.IsEmpty()) return;
  State seen = State::kAsleep;
  if (!state_.compare_exchange_strong(seen, State::kDisplacing, std::memory_order_relaxed)) return;
  State after = State::kAsleep;  // also where memory is short
  const absl::Cleanup release = [&] { state_.store(after, std::memory_order_release); };  // (1)
  const absl::StatusOr<ProcessorMask> now = ProcessorMask::OfThread(thread_);
  if (now.ok() && *now == home_ && mask.ApplyTo(thread_).ok()) after = State::kDisplaced;
}

}  // namespace weft::runtime_internal
