// wasm_host/internal/run.h — one call of a guest, from the wish for a place to its result.
//
//   poll() -> place in the pool -> store -> instance -> exported function -> result
//                                            \______________/
//                                             Drive(): resume the guest; what made it return?
//                                               done       -> next phase
//                                               request_   -> a host function: poll it here, off
//                                               the
//                                                             guest's stack, and resume when it is
//                                                             ready
//                                               neither    -> the quantum ended: wake and give way
//
// The guest runs on a stack of its own (a fiber). C++ frames on that stack have all returned
// whenever it is switched away from: the callbacks only note what is wanted.
#ifndef WEFT_WASM_HOST_INTERNAL_RUN_H_
#define WEFT_WASM_HOST_INTERNAL_RUN_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <exception>
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
#include "future/sleep.h"
#include "wasm_host/error.h"
#include "wasm_host/guest_options.h"
#include "wasm_host/host_call.h"
#include "wasm_host/host_function.h"
#include "wasm_host/internal/instance_pool.h"
#include "wasm_host/internal/link.h"
#include "wasm_host/internal/wasmtime.h"
#include "wasm_host/value.h"

namespace weft::wasm_host_internal {

class Run {
 public:
  using Answer = Poll<absl::StatusOr<GuestResult>>;

  Run(std::shared_ptr<const LinkState> link, std::string_view function,
      std::vector<GuestValue> args, GuestOptions options);
  Run(const Run&) = delete;
  Run& operator=(const Run&) = delete;

  Answer poll(Context& cx);

  bool IsStarted() const { return phase_ != Phase::kNew; }
  bool IsFinished() const { return phase_ == Phase::kFinished; }

  // The guest's side. All run on the guest's stack and return before it is switched away from.
  wasm_trap_t* CallInline(const HostFunction& function, wasmtime_caller_t* caller,
                          wasmtime_val_raw_t* values) noexcept;
  void Request(const HostFunction& function, wasmtime_caller_t* caller, const wasmtime_val_t* args,
               wasmtime_val_t* result) noexcept;
  bool IsRequestAnswered() noexcept;

 private:
  enum class Phase : unsigned char { kNew, kQueued, kInstantiating, kCalling, kFinished };
  // What resuming the guest led to.
  enum class Progress : unsigned char { kDone, kRequest, kYield };

  Answer PollOrThrow(Context& cx);
  absl::Status Check() const;
  void OpenStore(Context& cx);
  std::optional<Answer> AdvancePhase();
  Answer Drive(Context& cx);
  std::optional<Answer> StartRequest();
  std::optional<Answer> PollOperation(Context& cx);
  std::optional<Answer> CheckLimits(Context& cx);
  Progress Resume();

  Answer Succeed();
  Answer Stop();
  Answer Fail(GuestCause cause, std::string_view what);
  Answer FailInHost(absl::Status status);
  Answer FailByTrap();
  Answer FailByError();
  void Discard();
  GuestUsage TakeUsage();

  std::string Where() const;
  // "its memory has grown to its limit of N bytes".
  std::string MemoryNote() const;
  // Whether the guest grew its memory and cannot grow it by another page: what ends it then is
  // reported as the memory limit, since memory.grow itself only answers -1.
  // Precondition: no call future holds the store.
  bool IsMemoryExhausted() const;
  GuestMemory MemoryOf(wasmtime_caller_t* caller);
  wasmtime_context_t* context() const { return wasmtime_store_context(store_.get()); }

  const std::shared_ptr<const LinkState> link_;
  const std::string function_;
  const std::vector<GuestValue> args_;
  GuestOptions options_;
  HostCall call_;

  Phase phase_ = Phase::kNew;
  std::optional<Place> place_;
  std::optional<SleepUntil> wall_deadline_;
  GuestUsage usage_;

  // What the C API refers to until the call future is deleted: declared before it.
  StoreHandle store_;
  wasmtime_instance_t instance_{};
  wasmtime_func_t callee_{};
  std::array<wasmtime_val_t, kMaxGuestValues> arg_vals_{};
  std::array<wasmtime_val_t, kMaxGuestValues> result_vals_{};
  wasm_trap_t* trap_ = nullptr;
  wasmtime_error_t* error_ = nullptr;
  CallFutureHandle future_;

  std::optional<wasmtime_memory_t> memory_;
  std::size_t initial_memory_bytes_ = 0;

  // The host function in progress. `request_` is set by the guest's side.
  const HostFunction* request_ = nullptr;
  const HostFunction* failed_ = nullptr;  // the inline function that returned `inline_error_`
  absl::Status inline_error_;
  std::array<RawValue, kMaxGuestValues> request_args_;
  RawValue request_result_;
  wasmtime_val_t* request_target_ = nullptr;  // where the guest wants the result; null: none
  bool is_request_answered_ = false;
  std::unique_ptr<HostOperation> operation_;
  bool is_past_wall_deadline_ = false;
  std::exception_ptr exception_;  // what is thrown once the guest is discarded
};

}  // namespace weft::wasm_host_internal

#endif  // WEFT_WASM_HOST_INTERNAL_RUN_H_
