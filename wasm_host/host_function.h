// wasm_host/host_function.h — a C++ function or coroutine in the form in which guests import it.
//
// Users write ordinary C++ and hand it to HostFunctions::Add() (registry.h); this file derives the
// WebAssembly signature and does the conversions.
//
//   parameter                       WebAssembly       meaning
//   HostCall& (first, optional)     none              see host_call.h
//   int32_t, uint32_t               i32
//   int64_t, uint64_t               i64
//   float, double                   f32, f64
//   std::string_view                i32, i32          pointer and length of bytes to read
//   std::span<char>                 i32, i32          pointer and capacity of a buffer to fill
//
//   result                          WebAssembly       meaning
//   void                            none
//   one of the numbers              the same
//   absl::Status                    none              an error ends the guest
//   absl::StatusOr<number>          the same          an error ends the guest
//   Task<R>, any Future of R        as R              the guest is suspended until it is ready
//
// A function whose result is a Future runs off the guest's stack: it may wait, throw and use the
// stack as it likes. Any other function runs inline, on the guest's stack of which 1 MiB is free
// for it, and must not block. An exception ends the guest with the cause kHostFunction.
// Cancellation: the future that a host function returned sees the stop request and is awaited to
// its end before the guest is unwound; what it loses is for it to say.
#ifndef WEFT_WASM_HOST_HOST_FUNCTION_H_
#define WEFT_WASM_HOST_HOST_FUNCTION_H_

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "future/context.h"
#include "future/poll.h"
#include "wasm_host/host_call.h"
#include "wasm_host/value.h"

namespace weft {

// WebAssembly parameters that a host function, and results that an exported function, may have.
inline constexpr std::size_t kMaxGuestValues = 16;

// What a host function is called and what it needs.
struct HostFunctionInfo {
  std::string module = {};      // name of the import's module: "weft" is ours, choose another
  std::string name = {};        // name of the import
  std::string capability = {};  // needed to call it; empty: no capability needed
  // Whether a result that was made with its help may be kept: it depends on nothing but its
  // arguments, or it reports what it read to the recorder of the step.
  bool is_cacheable = false;
  // For capabilities that are about something: whether a scope of a grant makes sense. Null: the
  // capability has no scopes.
  absl::Status (*check_scope)(std::string_view scope) = nullptr;
};

// A call of a host function that returns a Future. Polled until it is not pending, then destroyed.
class HostOperation {
 public:
  virtual ~HostOperation() = default;

  // Ready with the status of the call, the result being written then. Never throws.
  virtual Poll<absl::Status> poll(Context& cx) noexcept = 0;
};

// One function of the registry. Immutable and shared by all guests.
class HostFunction {
 public:
  enum class Kind : unsigned char { kInline, kSuspending };

  HostFunction(HostFunctionInfo info, Kind kind, std::vector<WasmType> params,
               std::vector<WasmType> results)
      : info_(std::move(info)),
        kind_(kind),
        params_(std::move(params)),
        results_(std::move(results)) {}
  HostFunction(const HostFunction&) = delete;
  HostFunction& operator=(const HostFunction&) = delete;
  virtual ~HostFunction() = default;

  const HostFunctionInfo& info() const { return info_; }
  Kind kind() const { return kind_; }
  const std::vector<WasmType>& params() const { return params_; }
  const std::vector<WasmType>& results() const { return results_; }  // none or one

  // "module.name", for messages.
  std::string FullName() const { return info_.module + "." + info_.name; }

  // Calls a kInline function. `result` is written on success, if there is one.
  virtual absl::Status Run(HostCall& call, const RawValue* args, RawValue* result) const noexcept;

  // Calls a kSuspending function. `call`, `args` and `result` outlive the operation. An error or
  // exception before there is a future comes out of the operation's first poll; throws only
  // std::bad_alloc, when there is no memory even for that.
  virtual std::unique_ptr<HostOperation> Start(HostCall& call, const RawValue* args,
                                               RawValue* result) const;

 private:
  const HostFunctionInfo info_;
  const Kind kind_;
  const std::vector<WasmType> params_;
  const std::vector<WasmType> results_;
};

}  // namespace weft

#endif  // WEFT_WASM_HOST_HOST_FUNCTION_H_
