#include "runtime/internal/whereabouts.h"

#include <sched.h>
#include <unistd.h>

#include <utility>

#include "absl/status/statusor.h"

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
  GoHome();
}

void Whereabouts::Return() {
  NoteBusy();
  GoHome();
}

void Whereabouts::GoHome() {
  if (!is_displaced_.load(std::memory_order_relaxed)) return;
  if (is_displaced_.exchange(false, std::memory_order_acquire)) (void)home_.ApplyTo(0);  // (1)
}

// Errors are left alone: the worker wakes all the same, perhaps later.
void Whereabouts::Displace(std::span<const int> processors) {
  ProcessorMask mask = home_;
  mask.Remove(processors);
  if (mask.IsEmpty()) return;
  const absl::StatusOr<ProcessorMask> now = ProcessorMask::OfThread(thread_);
  if (!now.ok() || *now != home_ || !mask.ApplyTo(thread_).ok()) return;
  is_displaced_.store(true, std::memory_order_release);  // (1)
}

}  // namespace weft::runtime_internal
