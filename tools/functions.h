// tools/functions.h — the functions that steps may name in this program.
#ifndef WEFT_TOOLS_FUNCTIONS_H_
#define WEFT_TOOLS_FUNCTIONS_H_

#include "dag/execute.h"
#include "dag/function.h"
#include "reactor/reactor.h"

namespace weft::tools {

// Registers the built-in functions, processes, and WebAssembly guests where this program was built
// with Wasmtime. The reactor outlives the runs.
void RegisterFunctions(Reactor& reactor, FunctionRegistry& registry);

// Fetches the URLs that are inputs of steps: an answer other than 2xx is an error.
UrlFetcher MakeUrlFetcher(Reactor& reactor);

}  // namespace weft::tools

#endif  // WEFT_TOOLS_FUNCTIONS_H_
