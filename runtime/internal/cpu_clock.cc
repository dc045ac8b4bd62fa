#include "runtime/internal/cpu_clock.h"

#include <pthread.h>
#include <time.h>

#include <cstdint>

namespace weft::runtime_internal {

void CpuClock::Start() {
  clockid_t clock;
  if (pthread_getcpuclockid(pthread_self(), &clock) == 0) {
    clock_.store(clock, std::memory_order_relaxed);
  }
}

void CpuClock::Stop() {
  used_ns_.RaiseTo(static_cast<uint64_t>(absl::ToInt64Nanoseconds(Read())));
  clock_.store(kNone, std::memory_order_relaxed);
}

absl::Duration CpuClock::Read() const {
  const int clock = clock_.load(std::memory_order_relaxed);
  timespec used;
  // Fails when the thread has ended since the look at its clock.
  if (clock != kNone && clock_gettime(clock, &used) == 0) return absl::DurationFromTimespec(used);
  return absl::Nanoseconds(used_ns_.Get());
}

}  // namespace weft::runtime_internal
