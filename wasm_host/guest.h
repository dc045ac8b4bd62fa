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
//                    std::bad_alloc for want of memory, once the host function in progress has
//                    ended and the guest is unwound.
#ifndef WEFT_WASM_HOST_GUEST_H_
#define WEFT_WASM_HOST_GUEST_H_

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "future/context.h"
#include "future/poll.h"
#include "wasm_host/engine.h"
#include "wasm_host/grants.h"
#include "wasm_host/guest_options.h"
#include "wasm_host/registry.h"
#include "wasm_host/value.h"

namespace weft {
namespace wasm_host_internal {
struct LinkState;
class Run;
}  // namespace wasm_host_internal

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
  explicit LinkedModule(std::shared_ptr<const wasm_host_internal::LinkState> link);

  std::shared_ptr<const wasm_host_internal::LinkState> link_;
};

}  // namespace weft

#endif  // WEFT_WASM_HOST_GUEST_H_
