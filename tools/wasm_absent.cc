#include "dag/spec.h"
#include "tools/wasm_functions.h"

namespace weft::tools {

void RegisterWasm(Reactor&, FunctionRegistry& registry) {
  registry.RegisterMissing(
      kWasmFunction,
      "this weft was built without Wasmtime; run ./setup in weft's source tree "
      "(it says what it cannot do) and build weft again");
}

}  // namespace weft::tools
