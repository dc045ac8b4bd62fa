// wasm_host/clock.h — time for guests.
//
//   weft.clock_sleep(milliseconds: i64)    capability clock.sleep; suspends the guest
//   weft.clock_now() -> i64                capability clock.now; milliseconds since 1970
//
// Results of guests that import either are not kept, unless the step says that it is pure.
#ifndef WEFT_WASM_HOST_CLOCK_H_
#define WEFT_WASM_HOST_CLOCK_H_

#include "wasm_host/registry.h"

namespace weft {

inline constexpr char kClockSleepCapability[] = "clock.sleep";
inline constexpr char kClockNowCapability[] = "clock.now";

// Registers both functions. Sleeping goes by the executor's clock.
void AddClock(HostFunctions& functions);

}  // namespace weft

#endif  // WEFT_WASM_HOST_CLOCK_H_
