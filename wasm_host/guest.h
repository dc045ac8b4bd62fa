// wasm_host/guest.h — link a module with host functions, and call it as a future.
//
//   auto guest = weft::LinkedModule::Link(module, functions);
//   absl::StatusOr<weft::GuestResult> result = co_await guest->Call("add", {1, 2}, options);
//
// Each call gets a fresh instance, which is thrown away afterwards: a guest that was trapped,
// stopped or ended by a limit leaves nothing behind for the next.
//
// Guarantees
//   Thread safety    LinkedModule: any thread. GuestCall: thread-compatible, like every Future.
//   Blocks           Never: while a host function waits, and after each quantum, the guest's task
//                    gives its worker back.
//   Cancellation     A stop request stops the host function in progress and waits for its end;
//                    then the guest is unwound without running another instruction of it.
//   Errors           absl::Status with a GuestCause (error.h), naming module, function and cause.
#ifndef WEFT_WASM_HOST_GUEST_H_
#define WEFT_WASM_HOST_GUEST_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "future/context.h"
#include "future/poll.h"
#include "wasm_host/engine.h"
#include "wasm_host/grants.h"
#include "wasm_host/host_call.h"
#include "wasm_host/registry.h"
#include "wasm_host/value.h"

namespace weft {
namespace wasm_host_internal {
struct Link;
class Run;
}  // namespace wasm_host_internal

// What one call may use. Passing a limit ends the guest with the cause in the comment.
struct GuestLimits {
  std::optional<uint64_t> fuel;                           // kFuel: about one per instruction
  uint64_t memory_bytes = uint64_t{256} << 20;            // kMemory
  uint32_t table_elements = 10'000;                       // kMemory: of each table
  absl::Duration cpu_time = absl::InfiniteDuration();     // kCpuDeadline: time spent running
  absl::Duration wall_time = absl::InfiniteDuration();    // kWallDeadline: by the executor's clock,
                                                          // waiting for host functions included
};

// What one call brings along.
struct GuestOptions {
  Grants grants;
  GuestLimits limits;
  CallData data;
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

// A call of an exported function. Waits for a place in the engine's pool first, in FIFO order.
class [[nodiscard]] GuestCall {
 public:
  using Output = absl::StatusOr<GuestResult>;

  // Precondition (checked): the other has not been polled.
  GuestCall(GuestCall&& other) noexcept;
  GuestCall& operator=(GuestCall&&) = delete;
  // Precondition (checked): never polled, or finished.
  ~GuestCall();

  // See future.h. Limits of wall time, and host functions, need cx.executor().
  Poll<Output> poll(Context& cx);

 private:
  friend class LinkedModule;
  explicit GuestCall(std::unique_ptr<wasm_host_internal::Run> run);

  std::unique_ptr<wasm_host_internal::Run> run_;
};

// A module whose imports are resolved. Cheap to copy.
class LinkedModule {
 public:
  // Errors: kWasiImport, kUnknownImport.
  static absl::StatusOr<LinkedModule> Link(const Module& module,
                                           std::shared_ptr<const HostFunctions> functions);

  const Module& module() const;

  // The capabilities that its imports need, sorted, each once.
  const std::vector<std::string>& capabilities() const;

  // Whether every import has HostFunctionInfo::is_cacheable.
  bool is_cacheable() const;

  // Errors: kCapabilityDenied, naming the import and the missing capability.
  absl::Status CheckGrants(const Grants& grants) const;

  // A call of the exported `function`. It checks the grants first; see GuestCall.
  // Errors (of the call): kMissingExport, kBadCall, kCapabilityDenied, and what happens in it.
  GuestCall Call(std::string_view function, std::vector<GuestValue> args,
                 GuestOptions options = {}) const;

 private:
  explicit LinkedModule(std::shared_ptr<const wasm_host_internal::Link> link);

  std::shared_ptr<const wasm_host_internal::Link> link_;
};

}  // namespace weft

#endif  // WEFT_WASM_HOST_GUEST_H_
