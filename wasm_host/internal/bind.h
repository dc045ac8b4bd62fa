// wasm_host/internal/bind.h — derives a HostFunction from a C++ callable.
#ifndef WEFT_WASM_HOST_INTERNAL_BIND_H_
#define WEFT_WASM_HOST_INTERNAL_BIND_H_

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "future/context.h"
#include "future/future.h"
#include "future/poll.h"
#include "wasm_host/host_call.h"
#include "wasm_host/host_function.h"
#include "wasm_host/value.h"

namespace weft::wasm_host_internal {

// The status of an exception that left a host function. Call it in a catch block.
absl::Status StatusOfException() noexcept;

// How one C++ parameter is made from WebAssembly values: kTypes, and Decode(), which advances
// `next`.
template <typename T>
struct Param {
  static_assert(kIsWasmNumber<T>,
                "a parameter of a host function is a 32- or 64-bit number, std::string_view or "
                "std::span<char>, and HostCall& may come first");
  static constexpr std::array kTypes = {WasmTypeOf<T>()};

  static absl::Status Decode(const HostCall&, const RawValue*& next, T& out) {
    out = (next++)->As<T>();
    return absl::OkStatus();
  }
};

template <>
struct Param<std::string_view> {
  static constexpr std::array kTypes = {WasmType::kI32, WasmType::kI32};

  static absl::Status Decode(const HostCall& call, const RawValue*& next, std::string_view& out) {
    const auto pointer = (next++)->As<uint32_t>();
    const auto length = (next++)->As<uint32_t>();
    absl::StatusOr<std::string_view> bytes = call.memory().Read(pointer, length);
    if (bytes.ok()) out = *bytes;
    return bytes.status();
  }
};

template <>
struct Param<std::span<char>> {
  static constexpr std::array kTypes = {WasmType::kI32, WasmType::kI32};

  static absl::Status Decode(const HostCall& call, const RawValue*& next, std::span<char>& out) {
    const auto pointer = (next++)->As<uint32_t>();
    const auto length = (next++)->As<uint32_t>();
    absl::StatusOr<std::span<char>> bytes = call.memory().Write(pointer, length);
    if (bytes.ok()) out = *bytes;
    return bytes.status();
  }
};

// How a C++ result is given to WebAssembly: Number is the type of the value or void.
template <typename R>
struct Result {
  static_assert(kIsWasmNumber<R>,
                "a host function returns a 32- or 64-bit number, void, absl::Status, "
                "absl::StatusOr of a number, or a Future of one of these");
  using Number = R;
  static absl::Status Store(R value, RawValue* result) {
    *result = RawValue::From(value);
    return absl::OkStatus();
  }
};

template <>
struct Result<void> {
  using Number = void;
};

template <>
struct Result<absl::Status> {
  using Number = void;
  static absl::Status Store(absl::Status status, RawValue*) { return status; }
};

template <typename T>
struct Result<absl::StatusOr<T>> {
  using Number = T;
  static absl::Status Store(const absl::StatusOr<T>& value, RawValue* result) {
    return value.ok() ? Result<T>::Store(*value, result) : value.status();
  }
};

template <typename Number>
std::vector<WasmType> ResultTypes() {
  if constexpr (std::is_void_v<Number>) {
    return {};
  } else {
    return {WasmTypeOf<Number>()};
  }
}

// Polls the future that a host function returned.
template <typename F>
class FutureOperation final : public HostOperation {
 public:
  // `make` returns the future: it is built in place, since futures need not be movable.
  template <typename Make>
  FutureOperation(Make&& make, RawValue* result) : future_(make()), result_(result) {}

  Poll<absl::Status> poll(Context& cx) noexcept override {
    try {
      Poll<OutputOf<F>> poll = future_.poll(cx);
      if (poll.IsPending()) return kPending;
      if (poll.IsStopped()) return kStopped;
      if constexpr (std::is_void_v<OutputOf<F>>) {
        return absl::OkStatus();
      } else {
        return Result<OutputOf<F>>::Store(std::move(poll).value(), result_);
      }
    } catch (...) {
      return StatusOfException();
    }
  }

 private:
  F future_;
  RawValue* const result_;
};

// A call that failed before there was a future.
class FailedOperation final : public HostOperation {
 public:
  explicit FailedOperation(absl::Status status) : status_(std::move(status)) {}

  Poll<absl::Status> poll(Context&) noexcept override { return std::move(status_); }

 private:
  absl::Status status_;
};

// Decodes arguments and calls; `Args` without the HostCall&.
template <bool kTakesCall, typename R, typename Function, typename... Args>
class Bound {
 public:
  using Decoded = std::tuple<Args...>;

  static std::vector<WasmType> Types() {
    std::vector<WasmType> types;
    (types.insert(types.end(), Param<Args>::kTypes.begin(), Param<Args>::kTypes.end()), ...);
    return types;
  }

  static absl::Status Decode(const HostCall& call, const RawValue* args, Decoded& out) {
    absl::Status status;
    std::apply(
        [&](Args&... arg) {
          (void)((status = Param<Args>::Decode(call, args, arg), status.ok()) && ...);
        },
        out);
    return status;
  }

  static R Call(const Function& function, HostCall& call, const Decoded& args) {
    return std::apply(
        [&](const Args&... arg) -> R {
          if constexpr (kTakesCall) {
            return function(call, arg...);
          } else {
            return function(arg...);
          }
        },
        args);
  }
};

// A function that runs inline.
template <typename Binding, typename R, typename Function>
class InlineFunction final : public HostFunction {
 public:
  InlineFunction(HostFunctionInfo info, Function function)
      : HostFunction(std::move(info), Kind::kInline, Binding::Types(),
                     ResultTypes<typename Result<R>::Number>()),
        function_(std::move(function)) {}

  absl::Status Run(HostCall& call, const RawValue* args, RawValue* result) const noexcept override {
    try {
      typename Binding::Decoded decoded;
      absl::Status status = Binding::Decode(call, args, decoded);
      if (!status.ok()) return status;
      if constexpr (std::is_void_v<R>) {
        Binding::Call(function_, call, decoded);
        return absl::OkStatus();
      } else {
        return Result<R>::Store(Binding::Call(function_, call, decoded), result);
      }
    } catch (...) {
      return StatusOfException();
    }
  }

 private:
  const Function function_;
};

// A function that returns a future.
template <typename Binding, typename F, typename Function>
class SuspendingFunction final : public HostFunction {
 public:
  SuspendingFunction(HostFunctionInfo info, Function function)
      : HostFunction(std::move(info), Kind::kSuspending, Binding::Types(),
                     ResultTypes<typename Result<OutputOf<F>>::Number>()),
        function_(std::move(function)) {}

  std::unique_ptr<HostOperation> Start(HostCall& call, const RawValue* args,
                                       RawValue* result) const override {
    try {
      typename Binding::Decoded decoded;
      absl::Status status = Binding::Decode(call, args, decoded);
      if (!status.ok()) return std::make_unique<FailedOperation>(std::move(status));
      auto make = [&] { return Binding::Call(function_, call, decoded); };
      return std::make_unique<FutureOperation<F>>(make, result);
    } catch (...) {
      return std::make_unique<FailedOperation>(StatusOfException());
    }
  }

 private:
  const Function function_;
};

// Takes a signature apart. `Args` may begin with HostCall&.
template <typename R, typename Function, typename... Args>
struct Signature {
  using Binding = Bound<false, R, Function, std::remove_cvref_t<Args>...>;
};
template <typename R, typename Function, typename... Args>
struct Signature<R, Function, HostCall&, Args...> {
  using Binding = Bound<true, R, Function, std::remove_cvref_t<Args>...>;
};

template <typename R, typename... Args, typename Function>
std::unique_ptr<const HostFunction> MakeFromSignature(HostFunctionInfo info, Function function) {
  using Binding = typename Signature<R, Function, Args...>::Binding;
  if constexpr (Future<R>) {
    static_assert(
        ((!std::is_reference_v<Args> || std::is_same_v<Args, HostCall&>) && ...),
        "a host function that suspends takes its arguments by value: it outlives the call");
    return std::make_unique<SuspendingFunction<Binding, R, Function>>(std::move(info),
                                                                      std::move(function));
  } else {
    return std::make_unique<InlineFunction<Binding, R, Function>>(std::move(info),
                                                                  std::move(function));
  }
}

template <typename Function, typename R, typename Class, typename... Args>
std::unique_ptr<const HostFunction> MakeFromMember(HostFunctionInfo info, Function function,
                                                   R (Class::*)(Args...) const) {
  return MakeFromSignature<R, Args...>(std::move(info), std::move(function));
}

template <typename R, typename... Args>
std::unique_ptr<const HostFunction> MakeHostFunction(HostFunctionInfo info,
                                                     R (*function)(Args...)) {
  return MakeFromSignature<R, Args...>(std::move(info), function);
}

template <typename Function>
  requires std::is_class_v<Function>
std::unique_ptr<const HostFunction> MakeHostFunction(HostFunctionInfo info, Function function) {
  return MakeFromMember(std::move(info), std::move(function), &Function::operator());
}

}  // namespace weft::wasm_host_internal

#endif  // WEFT_WASM_HOST_INTERNAL_BIND_H_
