// wasm_host/step.h — a WebAssembly module as a step of a graph.
//
//   auto functions = std::make_shared<weft::HostFunctions>();
//   weft::AddStepFunctions(*functions);
//   weft::AddHttpFetch(*functions, runtime.reactor());   // for those who want it
//   registry.Register(weft::MakeWasmStep(weft::Engine(), functions));
//
// The module is the step's input "@module" (dag/spec.h has the names); a guest built with
// weft_guest.h sees the other inputs, the parameters that do not begin with '@', and the outputs.
// Grants and limits are the parameters "@fs_read", "@http_fetch", "@clock", "@log", "@capability",
// "@fuel", "@memory_bytes" and "@wall_ms".
//
// Guarantees
//   Thread safety    One function serves many steps at once.
//   Caching          What is read with fs.read is recorded with its digest, and so is the absence
//                    of a file. A step is pure unless its grants reach a host function that is not
//                    cacheable (http.fetch, clock.sleep, clock.now).
//   Errors           As guest.h; the messages name the module by its path.
#ifndef WEFT_WASM_HOST_STEP_H_
#define WEFT_WASM_HOST_STEP_H_

#include <memory>

#include "absl/time/time.h"
#include "dag/function.h"
#include "wasm_host/engine.h"
#include "wasm_host/guest_options.h"
#include "wasm_host/registry.h"

namespace weft {

// What a step gets that does not say otherwise.
struct WasmStepOptions {
  GuestLimits limits = {};
  // Time spent running for steps without a limit of fuel or wall time, so that none spins for ever.
  absl::Duration default_cpu_time = absl::Minutes(1);
};

// Adds the host functions that need nothing from the program: data, guest_io, fs_read, clock,
// log_write.
void AddStepFunctions(HostFunctions& functions);

// The step function "wasm".
std::unique_ptr<StepFunction> MakeWasmStep(Engine engine,
                                           std::shared_ptr<const HostFunctions> functions,
                                           WasmStepOptions options = {});

}  // namespace weft

#endif  // WEFT_WASM_HOST_STEP_H_
