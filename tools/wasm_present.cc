#include <sys/mman.h>

#include <cstdint>
#include <memory>
#include <mutex>
#include <string_view>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "dag/function.h"
#include "dag/spec.h"
#include "future/task.h"
#include "tools/wasm_functions.h"
#include "wasm_host/engine.h"
#include "wasm_host/engine_options.h"
#include "wasm_host/http_fetch.h"
#include "wasm_host/registry.h"
#include "wasm_host/step.h"

namespace weft::tools {
namespace {

// Address space that a pooled guest takes: what 32-bit pointers reach, and room around it.
constexpr uint64_t kBytesPerInstance = (uint64_t{1} << 32) + (uint64_t{64} << 20);

// And what the rest of the program needs: stacks, threads, the store's map.
constexpr uint64_t kBytesBeside = uint64_t{1} << 30;

bool CanReserve(uint64_t bytes) {
  void* const place =
      mmap(nullptr, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (place == MAP_FAILED) return false;
  munmap(place, bytes);
  return true;
}

// The default pool, halved until it fits the address space that this process may use (ulimit -v).
// 0 if not even one guest fits.
uint32_t PoolSize() {
  uint32_t instances = EngineOptions().max_instances;
  while (instances > 0 && !CanReserve(instances * kBytesPerInstance + kBytesBeside)) instances /= 2;
  return instances;
}

// The function "wasm", made when a step first asks for it: a graph without guests does not pay for
// an engine, nor fail where there is no room for one.
class WasmWhenNeeded final : public StepFunction {
 public:
  explicit WasmWhenNeeded(Reactor& reactor) : reactor_(reactor) {}

  std::string_view name() const override { return kWasmFunction; }
  std::string_view help() const override {
    return "runs a WebAssembly module (write wasm { ... })";
  }
  // Precondition of these: Check() of some step was OK.
  std::string_view version() const override { return Get()->version(); }
  bool IsPure(const StepSpec& spec) const override { return Get()->IsPure(spec); }
  Task<absl::StatusOr<StepOutputs>> Run(StepContext& context) override {
    return Get()->Run(context);
  }

  absl::Status Check(const StepSpec& spec) const override {
    StepFunction* const function = Get();
    if (function != nullptr) return function->Check(spec);
    return absl::FailedPreconditionError(
        "no WebAssembly guest fits the address space that this process may use; expected room for "
        "6 GB; raise the limit (ulimit -v)");
  }

 private:
  StepFunction* Get() const {
    std::call_once(once_, [this] {
      EngineOptions options;
      options.max_instances = PoolSize();
      if (options.max_instances == 0) return;
      auto functions = std::make_shared<HostFunctions>();
      AddStepFunctions(*functions);
      AddHttpFetch(*functions, reactor_);
      function_ = MakeWasmStep(Engine(options), std::move(functions));
    });
    return function_.get();
  }

  Reactor& reactor_;
  mutable std::once_flag once_;
  mutable std::unique_ptr<StepFunction> function_;  // written under once_
};

}  // namespace

void RegisterWasm(Reactor& reactor, FunctionRegistry& registry) {
  registry.Register(std::make_unique<WasmWhenNeeded>(reactor));
}

}  // namespace weft::tools
