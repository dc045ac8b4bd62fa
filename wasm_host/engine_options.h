// wasm_host/engine_options.h — how an Engine (engine.h) is made.
#ifndef WEFT_WASM_HOST_ENGINE_OPTIONS_H_
#define WEFT_WASM_HOST_ENGINE_OPTIONS_H_

#include <cstddef>
#include <cstdint>

#include "absl/time/time.h"

namespace weft {

// How an Engine is made. The limits here are those of the pool; each call has its own below them.
struct EngineOptions {
  // Guests that may exist at a time. Each takes address space, and memory only as it touches it.
  uint32_t max_instances = 1000;
  // The most linear memory that one guest may be allowed.
  uint64_t max_memory_bytes = uint64_t{1} << 30;
  // The most elements that each table of one guest may have.
  uint32_t max_table_elements = 20'000;
  // Stack of a guest; inline host functions have 1 MiB beyond it.
  std::size_t stack_bytes = 512 * 1024;
  // Period of the ticking thread.
  absl::Duration quantum = absl::Milliseconds(2);
  // Whether instructions are counted. Without it guests run faster and cannot have a fuel limit.
  bool count_fuel = true;
};

}  // namespace weft

#endif  // WEFT_WASM_HOST_ENGINE_OPTIONS_H_
