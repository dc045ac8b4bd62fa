#include "wasm_host/step.h"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "base/mutex.h"
#include "future/or_return.h"
#include "future/spawn.h"
#include "future/task.h"
#include "wasm_host/clock.h"
#include "wasm_host/data.h"
#include "wasm_host/error.h"
#include "wasm_host/fs_read.h"
#include "wasm_host/grants.h"
#include "wasm_host/guest.h"
#include "wasm_host/guest_io.h"
#include "wasm_host/log_write.h"

namespace weft {
namespace {

constexpr char kEntry[] = "weft_run";
constexpr char kVersionExport[] = "weft_abi_1";
constexpr char kHttpFetchGrant[] = "http.fetch";  // http_fetch.h is not needed to name it

Grants GrantsOf(const StepSpec& spec) {
  Grants grants;
  for (const ParamSpec& param : spec.params) {
    if (param.name == kWasmFsRead) grants.Allow(kFsReadCapability, param.value);
    if (param.name == kWasmHttpFetch) grants.Allow(kHttpFetchGrant, param.value);
    if (param.name == kWasmClock) grants.Allow(kClockSleepCapability).Allow(kClockNowCapability);
    if (param.name == kWasmLog) grants.Allow(kLogWriteCapability);
    if (param.name == kWasmCapability) grants.Allow(param.value);
  }
  return grants;
}

std::optional<uint64_t> NumberParam(const StepSpec& spec, std::string_view name) {
  for (const ParamSpec& param : spec.params) {
    uint64_t number = 0;
    if (param.name == name && absl::SimpleAtoi(param.value, &number)) return number;
  }
  return std::nullopt;
}

std::string_view ModuleName(const StepSpec& spec) {
  for (const ParamSpec& param : spec.params) {
    if (param.name == kWasmModule) return param.value;
  }
  return "without a name";
}

GuestLimits LimitsOf(const StepSpec& spec, const WasmStepOptions& options) {
  GuestLimits limits = options.limits;
  if (const auto fuel = NumberParam(spec, kWasmFuel)) limits.fuel = *fuel;
  if (const auto bytes = NumberParam(spec, kWasmMemoryBytes)) limits.memory_bytes = *bytes;
  if (const auto wall = NumberParam(spec, kWasmWallMs)) {
    limits.wall_time = absl::Milliseconds(static_cast<int64_t>(*wall));
  }
  const bool is_bounded = limits.fuel.has_value() || limits.wall_time != absl::InfiniteDuration() ||
                          limits.cpu_time != absl::InfiniteDuration();
  if (!is_bounded) limits.cpu_time = options.default_cpu_time;
  return limits;
}

// What the guest's fs.read looked at, for the step's recorder.
Observation ObservationOf(const FsReadEvent& event) {
  Observation observation;
  observation.kind = event.exists ? Observation::Kind::kFile : Observation::Kind::kAbsent;
  observation.path = event.path;
  if (event.exists) {
    observation.digest.hash = event.sha256;
    observation.digest.size = event.size;
  }
  return observation;
}

class WasmStep final : public StepFunction {
 public:
  WasmStep(Engine engine, std::shared_ptr<const HostFunctions> functions, WasmStepOptions options)
      : engine_(std::move(engine)), functions_(std::move(functions)), options_(options) {}

  std::string_view name() const override { return kWasmFunction; }
  std::string_view version() const override { return "1"; }
  std::string_view help() const override {
    return "runs a WebAssembly module (write wasm { ... })";
  }

  absl::Status Check(const StepSpec& spec) const override {
    bool has_module = false;
    for (const InputSpec& input : spec.inputs) has_module |= input.name == kWasmModule;
    if (!has_module) {
      return absl::InvalidArgumentError(
          absl::StrCat("a wasm step needs the input ", kWasmModule, ", found none"));
    }
    return functions_->CheckGrants(GrantsOf(spec));
  }

  bool IsPure(const StepSpec& spec) const override {
    return functions_->IsCacheable(GrantsOf(spec));
  }

  Task<absl::StatusOr<StepOutputs>> Run(StepContext& step) override {
    const StepInput* const module = step.FindInput(kWasmModule);
    if (module == nullptr) {
      co_return absl::InvalidArgumentError(absl::StrCat("expected the input ", kWasmModule));
    }
    Task<absl::StatusOr<LinkedModule>> linking = Linked(step, *module);
    absl::StatusOr<LinkedModule> linked = co_await std::move(linking);
    LinkedModule guest = co_await OrReturn(std::move(linked));
    auto io = std::make_shared<GuestIo>();
    Task<absl::Status> filling = FillIo(step, *io);
    absl::Status filled = co_await std::move(filling);
    if (!filled.ok()) co_return filled;
    GuestOptions options;
    options.grants = GrantsOf(step.spec());
    options.limits = LimitsOf(step.spec(), options_);
    options.data.Set(io);
    options.data.Set(MakeFsReadOptions(step));
    options.data.Set(
        std::make_shared<GuestLog>(GuestLog{[&step](std::string_view line) { step.Log(line); }}));
    GuestCall call = guest.Call(kEntry, {}, std::move(options));
    absl::StatusOr<GuestResult> result = co_await call;
    if (!result.ok()) co_return result.status();
    io->outputs.resize(step.outputs().size());
    co_return std::move(io->outputs);
  }

 private:
  static std::shared_ptr<FsReadOptions> MakeFsReadOptions(StepContext& step) {
    auto options = std::make_shared<FsReadOptions>();
    options->directory = step.directory();
    options->on_read = [&step](const FsReadEvent& event) { step.Observe(ObservationOf(event)); };
    return options;
  }

  // The inputs, parameters and output names that the guest sees.
  static Task<absl::Status> FillIo(StepContext& step, GuestIo& io) {
    for (const StepInput& input : step.inputs()) {
      if (input.name.starts_with('@')) continue;
      Task<absl::StatusOr<Blob::Bytes>> loading = LoadBlob(step.executor(), input.blob);
      absl::StatusOr<Blob::Bytes> bytes = co_await std::move(loading);
      if (!bytes.ok()) co_return bytes.status();
      io.inputs.push_back({input.name, *std::move(bytes)});
    }
    for (const ParamSpec& param : step.spec().params) {
      if (!param.name.starts_with('@')) io.params.emplace_back(param.name, param.value);
    }
    io.output_names.assign(step.outputs().begin(), step.outputs().end());
    co_return absl::OkStatus();
  }

  // The module, compiled and linked once for each name and digest.
  Task<absl::StatusOr<LinkedModule>> Linked(StepContext& step, const StepInput& module) {
    std::string name(ModuleName(step.spec()));
    std::string key = absl::StrCat(module.blob.digest().ToString(), " ", name);
    if (std::optional<LinkedModule> found = FindLinked(key)) co_return *std::move(found);
    Task<absl::StatusOr<Blob::Bytes>> loading = LoadBlob(step.executor(), module.blob);
    absl::StatusOr<Blob::Bytes> loaded = co_await std::move(loading);
    Blob::Bytes bytes = co_await OrReturn(std::move(loaded));
    JoinHandle<absl::StatusOr<LinkedModule>> job =
        SpawnBlocking(step.executor(), CompileAndLink, engine_, functions_, name, bytes);
    absl::StatusOr<LinkedModule> linked = co_await job;
    if (linked.ok()) KeepLinked(std::move(key), *linked);
    co_return linked;
  }

  // Runs in the blocking pool.
  static absl::StatusOr<LinkedModule> CompileAndLink(Engine engine,
                                                     std::shared_ptr<const HostFunctions> functions,
                                                     std::string name, Blob::Bytes bytes) {
    const absl::StatusOr<Module> module = engine.Compile(name, *bytes);
    if (!module.ok()) return module.status();
    absl::StatusOr<LinkedModule> linked = LinkedModule::Link(*module, std::move(functions));
    if (linked.ok() && !module->Exports(kVersionExport)) {
      return GuestError(GuestCause::kMissingExport,
                        absl::StrCat("module ", name, ": expected it to export ", kVersionExport,
                                     ", found no such function: build it with weft_guest.h, of "
                                     "this version"));
    }
    return linked;
  }

  std::optional<LinkedModule> FindLinked(const std::string& key) {
    MutexLock lock(&mutex_);
    const auto found = linked_.find(key);
    return found == linked_.end() ? std::nullopt : std::optional<LinkedModule>(found->second);
  }

  void KeepLinked(std::string key, const LinkedModule& linked) {
    MutexLock lock(&mutex_);
    linked_.try_emplace(std::move(key), linked);
  }

  const Engine engine_;
  const std::shared_ptr<const HostFunctions> functions_;
  const WasmStepOptions options_;
  Mutex mutex_;
  std::map<std::string, LinkedModule> linked_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace

void AddStepFunctions(HostFunctions& functions) {
  AddData(functions);
  AddGuestIo(functions);
  AddFsRead(functions);
  AddClock(functions);
  AddLogWrite(functions);
}

std::unique_ptr<StepFunction> MakeWasmStep(Engine engine,
                                           std::shared_ptr<const HostFunctions> functions,
                                           WasmStepOptions options) {
  return std::make_unique<WasmStep>(std::move(engine), std::move(functions), options);
}

}  // namespace weft
