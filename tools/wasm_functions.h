// tools/wasm_functions.h — steps that are WebAssembly guests. The build chooses the source: one
// with Wasmtime, or one without (//bazel:wasmtime.bzl).
#ifndef WEFT_TOOLS_WASM_FUNCTIONS_H_
#define WEFT_TOOLS_WASM_FUNCTIONS_H_

#include "dag/function.h"
#include "reactor/reactor.h"

namespace weft::tools {

// Registers the function "wasm", or what to do to get it.
void RegisterWasm(Reactor& reactor, FunctionRegistry& registry);

}  // namespace weft::tools

#endif  // WEFT_TOOLS_WASM_FUNCTIONS_H_
