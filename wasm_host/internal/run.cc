#include "wasm_host/internal/run.h"

#include <exception>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "base/instant.h"
#include "future/executor.h"

namespace weft::wasm_host_internal {
namespace {

std::size_t BytesOf(const wasmtime_context_t* context, const wasmtime_memory_t& memory) {
  return wasmtime_memory_data_size(context, &memory);
}

wasmtime_val_t ToVal(const GuestValue& value) {
  const auto type = static_cast<WasmType>(value.index());
  return std::visit(
      [&](auto number) { return wasm_host_internal::ToVal(type, RawValue::From(number)); }, value);
}

GuestValue ToGuestValue(const wasmtime_val_t& value) {
  switch (value.kind) {
    case WASMTIME_I64:
      return value.of.i64;
    case WASMTIME_F32:
      return value.of.f32;
    case WASMTIME_F64:
      return value.of.f64;
    default:
      return value.of.i32;
  }
}

}  // namespace

Run::Run(std::shared_ptr<const LinkState> link, std::string_view function,
         std::vector<GuestValue> args, GuestOptions options)
    : link_(std::move(link)),
      function_(function),
      args_(std::move(args)),
      options_(std::move(options)),
      call_(link_->module.name(), options_.grants, options_.data) {}

Run::Answer Run::poll(Context& cx) {
  WEFT_CHECK(phase_ != Phase::kFinished) << "GuestCall::poll(): polled after it had finished";
  if (exception_ == nullptr) {
    try {
      return PollOrThrow(cx);
    } catch (...) {
      exception_ = std::current_exception();
    }
  }
  // The host function refers to the guest, so it comes to its end first.
  if (operation_ != nullptr) {
    Context stopping = cx.WithStop();
    if (operation_->poll(stopping).IsPending()) return kPending;
    operation_.reset();
  }
  Discard();
  std::rethrow_exception(exception_);
}

Run::Answer Run::PollOrThrow(Context& cx) {
  if (phase_ == Phase::kNew) {
    absl::Status status = Check();
    if (!status.ok()) {
      phase_ = Phase::kFinished;
      return Answer(std::move(status));
    }
    place_.emplace(link_->engine->pool);
    phase_ = Phase::kQueued;
  }
  if (phase_ == Phase::kQueued) {
    const Poll<void> place = place_->poll(cx);
    if (place.IsPending()) return kPending;
    if (place.IsStopped()) return Stop();
    OpenStore(cx);
  }
  return Drive(cx);
}

void Run::OpenStore(Context& cx) {
  const GuestLimits& limits = options_.limits;
  store_.reset(wasmtime_store_new(link_->engine->engine.get(), this, nullptr));
  wasmtime_store_limiter(store_.get(), static_cast<int64_t>(limits.memory_bytes),
                         limits.table_elements, 1, -1, 1);
  wasmtime_context_set_epoch_deadline(context(), 1);
  // Its header promises an error value and its body returns none: the result is never read.
  wasmtime_context_epoch_deadline_async_yield_and_update(context(), 1);
  if (link_->engine->options.count_fuel) {
    const ErrorHandle error(wasmtime_context_set_fuel(context(), limits.fuel.value_or(UINT64_MAX)));
    WEFT_CHECK(error == nullptr) << "GuestCall: Wasmtime refused the fuel: " << MessageOf(*error);
  }
  if (limits.wall_time != absl::InfiniteDuration()) {
    wall_deadline_.emplace(cx.executor().Now() + limits.wall_time);
  }
  future_.reset(wasmtime_instance_pre_instantiate_async(link_->instance_pre.get(), context(),
                                                        &instance_, &trap_, &error_));
  phase_ = Phase::kInstantiating;
}

Run::Answer Run::Drive(Context& cx) {
  bool has_yielded = false;
  while (true) {
    if (operation_ != nullptr) {
      if (std::optional<Answer> answer = PollOperation(cx)) return *std::move(answer);
    }
    if (std::optional<Answer> answer = CheckLimits(cx)) return *std::move(answer);
    switch (Resume()) {
      case Progress::kDone:
        if (std::optional<Answer> answer = AdvancePhase()) return *std::move(answer);
        break;
      case Progress::kRequest:
        if (std::optional<Answer> answer = StartRequest()) return *std::move(answer);
        break;
      case Progress::kYield:
        // The first quantum may have been over before this poll began, while the guest waited:
        // then it was resumed for nothing, and goes on at once.
        ++usage_.yields;
        if (std::exchange(has_yielded, true)) {
          cx.waker().WakeByRef();
          return kPending;
        }
        break;
    }
  }
}

std::optional<Run::Answer> Run::StartRequest() {
  if (request_->kind() == HostFunction::Kind::kSuspending) {
    ++usage_.suspensions;
    operation_ = request_->Start(call_, request_args_.data(), &request_result_);
    return std::nullopt;
  }
  absl::Status status = request_->Run(call_, request_args_.data(), &request_result_);
  if (!status.ok()) return FailInHost(std::move(status));
  is_request_answered_ = true;
  return std::nullopt;
}

std::optional<Run::Answer> Run::PollOperation(Context& cx) {
  while (true) {
    Context operation_cx = is_past_wall_deadline_ ? cx.WithStop() : cx;
    Poll<absl::Status> poll = operation_->poll(operation_cx);
    if (poll.IsPending()) {
      const bool may_expire =
          wall_deadline_.has_value() && !is_past_wall_deadline_ && !cx.StopRequested();
      if (!may_expire || wall_deadline_->poll(cx).IsPending()) return Answer(kPending);
      is_past_wall_deadline_ = true;
      continue;
    }
    operation_.reset();
    if (poll.IsStopped()) {
      if (is_past_wall_deadline_) return std::nullopt;
      return Stop();
    }
    absl::Status status = std::move(poll).value();
    if (!status.ok() && !is_past_wall_deadline_) return FailInHost(std::move(status));
    is_request_answered_ = true;
    return std::nullopt;
  }
}

std::optional<Run::Answer> Run::CheckLimits(Context& cx) {
  const GuestLimits& limits = options_.limits;
  if (cx.StopRequested()) return Stop();
  if (wall_deadline_.has_value() && !is_past_wall_deadline_) {
    is_past_wall_deadline_ = wall_deadline_->poll(cx).IsReady();
  }
  if (is_past_wall_deadline_) {
    return Fail(
        GuestCause::kWallDeadline,
        absl::StrCat("it was not done after its limit of ", absl::FormatDuration(limits.wall_time),
                     request_ == nullptr ? std::string(" while it ran")
                                         : " while it waited for " + request_->FullName()));
  }
  if (usage_.cpu_time >= limits.cpu_time) {
    future_.reset();
    if (IsMemoryExhausted()) {
      return Fail(GuestCause::kMemory, absl::StrCat(MemoryNote(), "; then: it ran for ",
                                                    absl::FormatDuration(usage_.cpu_time)));
    }
    return Fail(GuestCause::kCpuDeadline,
                absl::StrCat("it ran for ", absl::FormatDuration(usage_.cpu_time),
                             ", its limit being ", absl::FormatDuration(limits.cpu_time)));
  }
  return std::nullopt;
}

Run::Progress Run::Resume() {
  Ticker& ticker = link_->engine->ticker;
  ticker.Enter();
  const Instant start = MonotonicNow();
  const bool is_done = wasmtime_call_future_poll(future_.get());
  usage_.cpu_time += MonotonicNow() - start;
  ticker.Leave();
  if (is_done) return Progress::kDone;
  return request_ != nullptr && operation_ == nullptr && !is_request_answered_ ? Progress::kRequest
                                                                               : Progress::kYield;
}

std::optional<Run::Answer> Run::AdvancePhase() {
  future_.reset();
  if (trap_ != nullptr) return FailByTrap();
  if (error_ != nullptr) return FailByError();
  if (phase_ == Phase::kCalling) return Succeed();
  wasmtime_extern_t item;
  if (wasmtime_instance_export_get(context(), &instance_, "memory", 6, &item)) {
    if (item.kind == WASMTIME_EXTERN_MEMORY) {
      memory_ = item.of.memory;
      initial_memory_bytes_ = BytesOf(context(), *memory_);
    }
    wasmtime_extern_delete(&item);
  }
  const bool is_found = wasmtime_instance_export_get(context(), &instance_, function_.data(),
                                                     function_.size(), &item);
  WEFT_CHECK(is_found && item.kind == WASMTIME_EXTERN_FUNC)
      << "GuestCall: an export that the module has is missing in its instance: " << function_;
  callee_ = item.of.func;
  wasmtime_extern_delete(&item);
  for (std::size_t i = 0; i < args_.size(); ++i) arg_vals_[i] = ToVal(args_[i]);
  const std::size_t results = link_->compiled->functions.find(function_)->second.results.size();
  future_.reset(wasmtime_func_call_async(context(), &callee_, arg_vals_.data(), args_.size(),
                                         result_vals_.data(), results, &trap_, &error_));
  phase_ = Phase::kCalling;
  return std::nullopt;
}

// The guest's side.

GuestMemory Run::MemoryOf(wasmtime_caller_t* caller) {
  // Edge (2), see engine_state.h.
  link_->engine->retired_guests.load(std::memory_order_acquire);
  wasmtime_context_t* const context = wasmtime_caller_context(caller);
  if (!memory_.has_value()) {  // a start function calls before there is an instance
    wasmtime_extern_t item;
    if (!wasmtime_caller_export_get(caller, "memory", 6, &item)) return GuestMemory();
    if (item.kind == WASMTIME_EXTERN_MEMORY) {
      memory_ = item.of.memory;
      initial_memory_bytes_ = BytesOf(context, *memory_);
    }
    wasmtime_extern_delete(&item);
    if (!memory_.has_value()) return GuestMemory();
  }
  return GuestMemory(reinterpret_cast<char*>(wasmtime_memory_data(context, &*memory_)),
                     BytesOf(context, *memory_));
}

wasm_trap_t* Run::CallInline(const HostFunction& function, wasmtime_caller_t* caller,
                             wasmtime_val_raw_t* values) noexcept {
  call_.set_memory(MemoryOf(caller));
  std::array<RawValue, kMaxGuestValues> args;
  for (std::size_t i = 0; i < function.params().size(); ++i) {
    args[i].bits = static_cast<uint64_t>(values[i].i64);
  }
  RawValue result;
  absl::Status status = function.Run(call_, args.data(), &result);
  if (status.ok()) {
    if (!function.results().empty()) values[0].i64 = static_cast<int64_t>(result.bits);
    return nullptr;
  }
  inline_error_ = std::move(status);
  failed_ = &function;
  constexpr std::string_view kMessage = "a host function failed";
  return wasmtime_trap_new(kMessage.data(), kMessage.size());
}

void Run::Request(const HostFunction& function, wasmtime_caller_t* caller,
                  const wasmtime_val_t* args, wasmtime_val_t* result) noexcept {
  call_.set_memory(MemoryOf(caller));
  for (std::size_t i = 0; i < function.params().size(); ++i) request_args_[i] = ToRaw(args[i]);
  request_ = &function;
  request_target_ = function.results().empty() ? nullptr : result;
  is_request_answered_ = false;
}

bool Run::IsRequestAnswered() noexcept {
  if (!is_request_answered_) return false;
  if (request_target_ != nullptr) {
    *request_target_ = wasm_host_internal::ToVal(request_->results()[0], request_result_);
  }
  request_ = nullptr;
  is_request_answered_ = false;
  return true;
}

// How calls end.

Run::Answer Run::Succeed() {
  GuestResult result;
  const std::size_t results = link_->compiled->functions.find(function_)->second.results.size();
  for (std::size_t i = 0; i < results; ++i) result.values.push_back(ToGuestValue(result_vals_[i]));
  result.usage = TakeUsage();
  Discard();
  return Answer(absl::StatusOr<GuestResult>(std::move(result)));
}

Run::Answer Run::Stop() {
  Discard();
  return kStopped;
}

GuestUsage Run::TakeUsage() {
  uint64_t left = 0;
  if (link_->engine->options.count_fuel) {
    const ErrorHandle error(wasmtime_context_get_fuel(context(), &left));
    usage_.fuel = options_.limits.fuel.value_or(UINT64_MAX) - left;
  }
  if (memory_.has_value()) usage_.memory_bytes = BytesOf(context(), *memory_);
  return usage_;
}

void Run::Discard() {
  future_.reset();  // unwinds a guest that is suspended
  if (trap_ != nullptr) wasm_trap_delete(std::exchange(trap_, nullptr));
  if (error_ != nullptr) wasmtime_error_delete(std::exchange(error_, nullptr));
  // Edge (2), see engine_state.h.
  if (store_ != nullptr) link_->engine->retired_guests.fetch_add(1, std::memory_order_acq_rel);
  store_.reset();
  wall_deadline_.reset();
  place_.reset();
  phase_ = Phase::kFinished;
}

}  // namespace weft::wasm_host_internal
