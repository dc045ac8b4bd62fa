// wasm_host/internal/link.h — a module with its imports resolved, as running guests see it.
#ifndef WEFT_WASM_HOST_INTERNAL_LINK_H_
#define WEFT_WASM_HOST_INTERNAL_LINK_H_

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "wasm_host/engine.h"
#include "wasm_host/grants.h"
#include "wasm_host/host_function.h"
#include "wasm_host/internal/engine_state.h"
#include "wasm_host/internal/wasmtime.h"
#include "wasm_host/registry.h"

namespace weft::wasm_host_internal {

// Immutable; shared by all calls of one linked module.
struct LinkState {
  LinkState(Module the_module, std::shared_ptr<EngineState> the_engine,
            std::shared_ptr<const CompiledModule> the_compiled,
            std::shared_ptr<const HostFunctions> the_functions)
      : module(std::move(the_module)),
        engine(std::move(the_engine)),
        compiled(std::move(the_compiled)),
        functions(std::move(the_functions)) {}

  const Module module;
  const std::shared_ptr<EngineState> engine;
  const std::shared_ptr<const CompiledModule> compiled;
  const std::shared_ptr<const HostFunctions> functions;
  std::vector<const HostFunction*> imports;  // what the module imports, in its order
  std::vector<std::string> capabilities;     // that the imports need; sorted, unique
  bool is_cacheable = true;
  InstancePreHandle instance_pre;
};

// Errors: kCapabilityDenied.
absl::Status CheckGrants(const LinkState& link, const Grants& grants);

}  // namespace weft::wasm_host_internal

#endif  // WEFT_WASM_HOST_INTERNAL_LINK_H_
