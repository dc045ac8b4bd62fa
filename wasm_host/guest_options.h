// wasm_host/guest_options.h — what a call of a guest (guest.h) may use, brings along, and gives.
#ifndef WEFT_WASM_HOST_GUEST_OPTIONS_H_
#define WEFT_WASM_HOST_GUEST_OPTIONS_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "absl/time/time.h"
#include "wasm_host/grants.h"
#include "wasm_host/host_call.h"
#include "wasm_host/value.h"

namespace weft {

// What one call may use, from the moment when it has its place in the engine's pool. Passing a
// limit ends the guest with the cause in the comment.
struct GuestLimits {
  std::optional<uint64_t> fuel = std::nullopt;          // kFuel: about one per instruction
  uint64_t memory_bytes = uint64_t{256} << 20;          // kMemory
  uint32_t table_elements = 10'000;                     // kMemory: of each table
  absl::Duration cpu_time = absl::InfiniteDuration();   // kCpuDeadline: time spent running
  absl::Duration wall_time = absl::InfiniteDuration();  // kWallDeadline: by the executor's clock,
                                                        // waiting for host functions included
};

// What one call brings along.
struct GuestOptions {
  Grants grants = {};
  GuestLimits limits = {};
  CallData data = {};
};

// What a call used.
struct GuestUsage {
  uint64_t fuel = 0;                               // 0 where fuel is not counted
  uint64_t memory_bytes = 0;                       // linear memory at the end; it never shrinks
  absl::Duration cpu_time = absl::ZeroDuration();  // running, inline host functions included
  uint64_t yields = 0;                             // how often the quantum ended
  uint64_t suspensions = 0;                        // how often a host function made it wait
};

// How a call ended well.
struct GuestResult {
  std::vector<GuestValue> values;
  GuestUsage usage;
};

}  // namespace weft

#endif  // WEFT_WASM_HOST_GUEST_OPTIONS_H_
