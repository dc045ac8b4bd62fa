#include <memory>
#include <utility>

#include "tools/wasm_functions.h"
#include "wasm_host/engine.h"
#include "wasm_host/http_fetch.h"
#include "wasm_host/registry.h"
#include "wasm_host/step.h"

namespace weft::tools {

void RegisterWasm(Reactor& reactor, FunctionRegistry& registry) {
  auto functions = std::make_shared<HostFunctions>();
  AddStepFunctions(*functions);
  AddHttpFetch(*functions, reactor);
  registry.Register(MakeWasmStep(Engine(), std::move(functions)));
}

}  // namespace weft::tools
