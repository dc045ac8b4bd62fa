// wasm_host/error.h — why a guest could not be loaded, was refused, or was ended.
//
// Every failure of this package is an absl::Status whose message names module, function and cause.
// Programs that must tell causes apart ask CauseOf(status); people read the message.
#ifndef WEFT_WASM_HOST_ERROR_H_
#define WEFT_WASM_HOST_ERROR_H_

#include <optional>
#include <string_view>

#include "absl/status/status.h"

namespace weft {

// Why a guest did not end well. The comment gives the status code that goes with it.
enum class GuestCause : unsigned char {
  kBadModule,         // InvalidArgument: not WebAssembly, or a feature that is switched off
  kUnknownImport,     // InvalidArgument: imports what nobody registered, or with other types
  kWasiImport,        // Unimplemented: imports WASI, which weft does not offer
  kMissingExport,     // NotFound: the function to call is not exported
  kBadCall,           // InvalidArgument: arguments do not fit the exported function
  kCapabilityDenied,  // PermissionDenied: needs a capability, or a part of it, without a grant
  kTrap,              // Aborted: executed `unreachable`, divided by zero, read out of bounds...
  kStackOverflow,     // ResourceExhausted
  kFuel,              // ResourceExhausted
  kMemory,            // ResourceExhausted: wanted more linear memory or tables than its limit
  kCpuDeadline,       // DeadlineExceeded: ran for too long
  kWallDeadline,      // DeadlineExceeded: ran and waited for too long
  kBadPointer,        // InvalidArgument: gave a host function memory that it does not have
  kGuestFailed,       // Aborted: said itself that it failed, with weft_fail()
  kHostFunction,      // as the host function said: returned an error, or threw
};

// "trap", "fuel"... as messages and traces print it.
std::string_view ToString(GuestCause cause);

// The status code that belongs to `cause`; kHostFunction has none of its own and gives kUnknown.
absl::StatusCode CodeOf(GuestCause cause);

// An error with a cause. CauseOf() finds it again in copies of the status.
absl::Status GuestError(GuestCause cause, std::string_view message);

// `status` with `cause` attached and `prefix` before its message; its code and payloads stay.
// A cause that it already has stays too.
absl::Status WithCause(absl::Status status, GuestCause cause, std::string_view prefix);

// The cause, if `status` comes from this package.
std::optional<GuestCause> CauseOf(const absl::Status& status);

}  // namespace weft

#endif  // WEFT_WASM_HOST_ERROR_H_
