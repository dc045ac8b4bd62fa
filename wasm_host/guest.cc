#include "wasm_host/guest.h"

#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "wasm_host/error.h"
#include "wasm_host/internal/engine_state.h"
#include "wasm_host/internal/link.h"
#include "wasm_host/internal/run.h"
#include "wasm_host/internal/wasmtime.h"

namespace weft {
namespace {

using wasm_host_internal::ErrorHandle;
using wasm_host_internal::FunctionType;
using wasm_host_internal::FuncTypeHandle;
using wasm_host_internal::Import;
using wasm_host_internal::kRunsInlineOnGuestStack;
using wasm_host_internal::LinkerHandle;
using wasm_host_internal::LinkState;
using wasm_host_internal::Run;
using wasm_host_internal::ToValKind;

Run& RunOf(wasmtime_caller_t* caller) {
  return *static_cast<Run*>(wasmtime_context_get_data(wasmtime_caller_context(caller)));
}

// What Wasmtime calls on the guest's stack.

wasm_trap_t* OnInlineCall(void* function, wasmtime_caller_t* caller, wasmtime_val_raw_t* values,
                          size_t) noexcept {
  return RunOf(caller).CallInline(*static_cast<const HostFunction*>(function), caller, values);
}

bool OnContinue(void* run) noexcept { return static_cast<Run*>(run)->IsRequestAnswered(); }

void OnSuspendingCall(void* function, wasmtime_caller_t* caller, const wasmtime_val_t* args, size_t,
                      wasmtime_val_t* results, size_t, wasm_trap_t**,
                      wasmtime_async_continuation_t* continuation) noexcept {
  Run& run = RunOf(caller);
  run.Request(*static_cast<const HostFunction*>(function), caller, args, results);
  continuation->callback = OnContinue;
  continuation->env = &run;
  continuation->finalizer = nullptr;
}

FuncTypeHandle MakeFuncType(const HostFunction& function) {
  wasm_valtype_vec_t params;
  wasm_valtype_vec_new_uninitialized(&params, function.params().size());
  for (size_t i = 0; i < params.size; ++i) {
    params.data[i] = wasm_valtype_new(ToValKind(function.params()[i]));
  }
  wasm_valtype_vec_t results;
  wasm_valtype_vec_new_uninitialized(&results, function.results().size());
  for (size_t i = 0; i < results.size; ++i) {
    results.data[i] = wasm_valtype_new(ToValKind(function.results()[i]));
  }
  return FuncTypeHandle(wasm_functype_new(&params, &results));
}

absl::Status Define(wasmtime_linker_t* linker, const HostFunction& function) {
  const FuncTypeHandle type = MakeFuncType(function);
  const HostFunctionInfo& info = function.info();
  void* const data = const_cast<HostFunction*>(&function);
  const ErrorHandle error(
      function.kind() == HostFunction::Kind::kInline && kRunsInlineOnGuestStack
          ? wasmtime_linker_define_func_unchecked(linker, info.module.data(), info.module.size(),
                                                  info.name.data(), info.name.size(), type.get(),
                                                  OnInlineCall, data, nullptr)
          : wasmtime_linker_define_async_func(linker, info.module.data(), info.module.size(),
                                              info.name.data(), info.name.size(), type.get(),
                                              OnSuspendingCall, data, nullptr));
  if (error == nullptr) return absl::OkStatus();
  return GuestError(GuestCause::kUnknownImport,
                    absl::StrCat(function.FullName(), ": ", wasm_host_internal::MessageOf(*error)));
}

std::string NamesIn(const HostFunctions& functions, const std::string& module) {
  std::string names;
  for (const auto& function : functions.all()) {
    if (function->info().module != module) continue;
    absl::StrAppend(&names, names.empty() ? "" : ", ", function->info().name);
  }
  return names.empty() ? "no function in a module of that name" : "only " + names;
}

// The host function that an import names.
absl::StatusOr<const HostFunction*> Resolve(const Module& module, const Import& import,
                                            const HostFunctions& functions) {
  const std::string where =
      absl::StrCat("module ", module.name(), " imports ", import.module, ".", import.name);
  if (import.module.starts_with("wasi")) {
    return GuestError(
        GuestCause::kWasiImport,
        absl::StrCat(where,
                     ": weft offers no WASI. Build the guest freestanding, without a C library, "
                     "against weft_guest.h (see wasm_host/GUESTS.md)"));
  }
  const HostFunction* const function = functions.Find(import.module, import.name);
  if (!import.is_function || function == nullptr) {
    return GuestError(GuestCause::kUnknownImport,
                      absl::StrCat(where, import.is_function ? "" : ", which is not a function",
                                   ": expected a registered host function, found ",
                                   NamesIn(functions, import.module)));
  }
  const FunctionType offered{function->params(), function->results()};
  if (offered != import.type) {
    return GuestError(GuestCause::kUnknownImport,
                      absl::StrCat(where, " as ", ToString(import.type), ": the host function is ",
                                   ToString(offered)));
  }
  return function;
}

}  // namespace

absl::Status wasm_host_internal::CheckGrants(const LinkState& link, const Grants& grants) {
  for (const HostFunction* const function : link.imports) {
    const std::string& capability = function->info().capability;
    if (capability.empty() || grants.Has(capability)) continue;
    return GuestError(GuestCause::kCapabilityDenied,
                      absl::StrCat("module ", link.module.name(), " imports ", function->FullName(),
                                   ", which needs the capability ", capability,
                                   "; grant it to whoever calls the module (in a graph: in the "
                                   "step), or use a module that does without"));
  }
  return absl::OkStatus();
}

LinkedModule::LinkedModule(std::shared_ptr<const LinkState> link) : link_(std::move(link)) {}

absl::StatusOr<LinkedModule> LinkedModule::Link(const Module& module,
                                                std::shared_ptr<const HostFunctions> functions) {
  auto link = std::make_shared<wasm_host_internal::LinkState>(
      module, module.engine_, module.compiled_, std::move(functions));
  const LinkerHandle linker(wasmtime_linker_new(link->engine->engine.get()));
  std::set<const HostFunction*> defined;
  std::set<std::string> capabilities;
  for (const Import& import : link->compiled->imports) {
    absl::StatusOr<const HostFunction*> function = Resolve(module, import, *link->functions);
    if (!function.ok()) return function.status();
    if (!defined.insert(*function).second) continue;
    if (absl::Status status = Define(linker.get(), **function); !status.ok()) return status;
    const HostFunctionInfo& info = (*function)->info();
    link->imports.push_back(*function);
    link->is_cacheable = link->is_cacheable && info.is_cacheable;
    if (!info.capability.empty()) capabilities.insert(info.capability);
  }
  link->capabilities.assign(capabilities.begin(), capabilities.end());
  wasmtime_instance_pre_t* instance_pre = nullptr;
  const ErrorHandle error(
      wasmtime_linker_instantiate_pre(linker.get(), link->compiled->module.get(), &instance_pre));
  if (error != nullptr) {
    return GuestError(
        GuestCause::kUnknownImport,
        absl::StrCat("module ", module.name(), ": ", wasm_host_internal::MessageOf(*error)));
  }
  link->instance_pre.reset(instance_pre);
  return LinkedModule(std::move(link));
}

const Module& LinkedModule::module() const { return link_->module; }

const std::vector<std::string>& LinkedModule::capabilities() const { return link_->capabilities; }

bool LinkedModule::is_cacheable() const { return link_->is_cacheable; }

absl::Status LinkedModule::CheckGrants(const Grants& grants) const {
  return wasm_host_internal::CheckGrants(*link_, grants);
}

GuestCall LinkedModule::Call(std::string_view function, std::vector<GuestValue> args,
                             GuestOptions options) const {
  return GuestCall(std::make_unique<Run>(link_, function, std::move(args), std::move(options)));
}

GuestCall::GuestCall(std::unique_ptr<Run> run) : run_(std::move(run)) {}

GuestCall::GuestCall(GuestCall&& other) noexcept : run_(std::move(other.run_)) {
  WEFT_CHECK(run_ == nullptr || !run_->IsStarted())
      << "a GuestCall was moved after it had been polled";
}

GuestCall::~GuestCall() {
  WEFT_CHECK(run_ == nullptr || !run_->IsStarted() || run_->IsFinished())
      << "a GuestCall was destroyed while its guest runs; poll it with a stop requested until it "
         "answers";
}

Poll<GuestCall::Output> GuestCall::poll(Context& cx) { return run_->poll(cx); }

}  // namespace weft
