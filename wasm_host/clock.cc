#include "wasm_host/clock.h"

#include <algorithm>
#include <cstdint>

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "future/sleep.h"

namespace weft {
namespace {

SleepFor ClockSleep(int64_t milliseconds) {
  return SleepFor(absl::Milliseconds(std::max<int64_t>(milliseconds, 0)));
}

int64_t ClockNow() { return absl::ToUnixMillis(absl::Now()); }

}  // namespace

void AddClock(HostFunctions& functions) {
  functions
      .Add({.module = "weft", .name = "clock_sleep", .capability = kClockSleepCapability},
           ClockSleep)
      .Add({.module = "weft", .name = "clock_now", .capability = kClockNowCapability}, ClockNow);
}

}  // namespace weft
