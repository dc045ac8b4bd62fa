// How a call of a guest is refused, and how it fails.

#include <algorithm>
#include <string>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "wasm_host/host_function.h"
#include "wasm_host/internal/run.h"

namespace weft::wasm_host_internal {
namespace {

constexpr std::size_t kPageBytes = 65536;

std::string_view NameOfTrap(wasmtime_trap_code_t code) {
  switch (code) {
    case WASMTIME_TRAP_CODE_MEMORY_OUT_OF_BOUNDS:
      return "access outside its memory";
    case WASMTIME_TRAP_CODE_TABLE_OUT_OF_BOUNDS:
      return "access outside a table";
    case WASMTIME_TRAP_CODE_INDIRECT_CALL_TO_NULL:
      return "indirect call of a null function";
    case WASMTIME_TRAP_CODE_BAD_SIGNATURE:
      return "indirect call with the wrong signature";
    case WASMTIME_TRAP_CODE_INTEGER_OVERFLOW:
      return "integer overflow";
    case WASMTIME_TRAP_CODE_INTEGER_DIVISION_BY_ZERO:
      return "integer division by zero";
    case WASMTIME_TRAP_CODE_BAD_CONVERSION_TO_INTEGER:
      return "conversion of a number that no integer holds";
    case WASMTIME_TRAP_CODE_UNREACHABLE_CODE_REACHED:
      return "unreachable instruction (abort, or a failed assertion)";
    default:
      return "trap without a name";
  }
}

// ", in function parse at offset 0x1a2 of the module", or nothing.
std::string PlaceOf(const wasm_trap_t& trap) {
  OwnedVector<wasm_frame_vec_t, wasm_frame_vec_delete> frames;
  wasm_trap_trace(&trap, frames.get());
  if (frames.get()->size == 0) return "";
  const wasm_frame_t* const frame = frames.get()->data[0];
  const wasm_name_t* const name = wasmtime_frame_func_name(frame);
  const std::string function = name != nullptr
                                   ? std::string(ViewOf(*name))
                                   : absl::StrCat("number ", wasm_frame_func_index(frame));
  return absl::StrCat(", in function ", function, " at offset 0x",
                      absl::Hex(wasm_frame_module_offset(frame)), " of the module");
}

std::string TypesOf(const std::vector<GuestValue>& values) {
  FunctionType type;
  for (const GuestValue& value : values) {
    type.params.push_back(static_cast<WasmType>(value.index()));
  }
  return ToString(type);
}

}  // namespace

absl::Status Run::Check() const {
  if (absl::Status status = CheckGrants(*link_, options_.grants); !status.ok()) return status;
  const auto& functions = link_->compiled->functions;
  const auto found = functions.find(function_);
  if (found == functions.end()) {
    std::string names;
    for (const auto& [name, type] : functions)
      absl::StrAppend(&names, names.empty() ? "" : ", ", name);
    return GuestError(
        GuestCause::kMissingExport,
        absl::StrCat("module ", link_->module.name(), ": expected an exported function ", function_,
                     ", found ", names.empty() ? "none" : names));
  }
  const FunctionType& type = found->second;
  std::vector<WasmType> given;
  for (const GuestValue& value : args_) given.push_back(static_cast<WasmType>(value.index()));
  const bool has_other =
      std::find(type.results.begin(), type.results.end(), WasmType::kOther) != type.results.end();
  if (given != type.params || has_other || type.results.size() > kMaxGuestValues ||
      given.size() > kMaxGuestValues) {
    return GuestError(
        GuestCause::kBadCall,
        absl::StrCat(Where(), "expected a call of ", ToString(type), " with numbers only, at most ",
                     kMaxGuestValues, ", found one of ", TypesOf(args_)));
  }
  if (options_.limits.fuel.has_value() && !link_->engine->options.count_fuel) {
    return GuestError(GuestCause::kBadCall,
                      absl::StrCat(Where(),
                                   "a fuel limit needs an engine that counts fuel; set "
                                   "EngineOptions::count_fuel"));
  }
  return absl::OkStatus();
}

Run::Answer Run::Fail(GuestCause cause, std::string_view what) {
  future_.reset();
  absl::Status status = GuestError(
      cause, absl::StrCat(Where(), std::string(ToString(cause)), ": ", std::string(what)));
  Discard();
  return Answer(std::move(status));
}

Run::Answer Run::FailInHost(absl::Status status) {
  future_.reset();
  const HostFunction& function = request_ != nullptr ? *request_ : *failed_;
  absl::Status result = WithCause(std::move(status), GuestCause::kHostFunction,
                                  absl::StrCat(Where(), function.FullName(), ": "));
  Discard();
  return Answer(std::move(result));
}

Run::Answer Run::FailByTrap() {
  wasmtime_trap_code_t code = 255;
  wasmtime_trap_code(trap_, &code);
  const GuestLimits& limits = options_.limits;
  if (code == WASMTIME_TRAP_CODE_STACK_OVERFLOW) {
    return Fail(GuestCause::kStackOverflow,
                absl::StrCat("it used its stack of ", link_->engine->options.stack_bytes, " bytes",
                             PlaceOf(*trap_)));
  }
  if (code == WASMTIME_TRAP_CODE_OUT_OF_FUEL && !IsMemoryExhausted()) {
    return Fail(GuestCause::kFuel, absl::StrCat("it used its ", limits.fuel.value_or(UINT64_MAX),
                                                " units of fuel", PlaceOf(*trap_)));
  }
  const bool is_memory =
      IsMemoryExhausted() && (code == WASMTIME_TRAP_CODE_OUT_OF_FUEL ||
                              code == WASMTIME_TRAP_CODE_UNREACHABLE_CODE_REACHED ||
                              code == WASMTIME_TRAP_CODE_MEMORY_OUT_OF_BOUNDS);
  const std::string_view name =
      code == WASMTIME_TRAP_CODE_OUT_OF_FUEL ? std::string_view("no fuel left") : NameOfTrap(code);
  return Fail(is_memory ? GuestCause::kMemory : GuestCause::kTrap,
              absl::StrCat(is_memory ? MemoryNote() + "; then: " : std::string(), std::string(name),
                           PlaceOf(*trap_)));
}

Run::Answer Run::FailByError() {
  if (failed_ != nullptr) return FailInHost(std::move(inline_error_));
  const std::string message = MessageOf(*error_);
  const bool is_limit =
      absl::StrContains(message, "exceeds") || absl::StrContains(message, "limit");
  return Fail(
      is_limit ? GuestCause::kMemory : GuestCause::kTrap,
      absl::StrCat(is_limit
                       ? "it needs more from the start than its limit of " +
                             std::to_string(options_.limits.memory_bytes) + " bytes or " +
                             std::to_string(options_.limits.table_elements) + " table elements: "
                       : std::string("the engine says: "),
                   message));
}

std::string Run::Where() const {
  return absl::StrCat("module ", link_->module.name(), ", function ", function_, ": ");
}

bool Run::IsMemoryExhausted() const {
  if (!memory_.has_value()) return false;
  const uint64_t limit =
      std::min(options_.limits.memory_bytes, link_->engine->options.max_memory_bytes);
  const std::size_t size = wasmtime_memory_data_size(context(), &*memory_);
  return size > initial_memory_bytes_ && size + kPageBytes > limit;
}

std::string Run::MemoryNote() const {
  const uint64_t limit =
      std::min(options_.limits.memory_bytes, link_->engine->options.max_memory_bytes);
  return absl::StrCat("its memory has grown to its limit of ", limit, " bytes");
}

}  // namespace weft::wasm_host_internal
