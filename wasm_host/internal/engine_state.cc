#include "wasm_host/internal/engine_state.h"

#include <limits>

#include "base/check.h"

namespace weft::wasm_host_internal {
namespace {

// Sanitizers have signal handlers and an address space of their own.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kIsSanitized = true;
#elif defined(__has_feature)
constexpr bool kIsSanitized = __has_feature(address_sanitizer) || __has_feature(thread_sanitizer);
#else
constexpr bool kIsSanitized = false;
#endif

// A guest of a fiber: its own stack, and this much for inline host functions.
constexpr size_t kHostStackBytes = size_t{1} << 20;
constexpr uint32_t kTablesOfAModule = 4;

void SetPool(wasm_config_t* config, const EngineOptions& options) {
  wasmtime_pooling_allocation_config_t* const pool = wasmtime_pooling_allocation_config_new();
  wasmtime_pooling_allocation_config_total_core_instances_set(pool, options.max_instances);
  wasmtime_pooling_allocation_config_total_memories_set(pool, options.max_instances);
  wasmtime_pooling_allocation_config_total_tables_set(pool,
                                                      options.max_instances * kTablesOfAModule);
  wasmtime_pooling_allocation_config_total_stacks_set(pool, options.max_instances);
  wasmtime_pooling_allocation_config_max_memories_per_module_set(pool, 1);
  wasmtime_pooling_allocation_config_max_tables_per_module_set(pool, kTablesOfAModule);
  wasmtime_pooling_allocation_config_table_elements_set(pool, options.max_table_elements);
  wasmtime_pooling_allocation_config_max_memory_size_set(pool, options.max_memory_bytes);
  wasmtime_pooling_allocation_strategy_set(config, pool);
  wasmtime_pooling_allocation_config_delete(pool);
}

EngineHandle MakeEngine(const EngineOptions& options) {
  WEFT_CHECK(options.max_instances > 0 && options.stack_bytes >= 64 * 1024 &&
             options.max_memory_bytes >= 65536 && options.quantum > absl::ZeroDuration())
      << "Engine(): expected at least one instance, 64 KiB of stack, 64 KiB of memory and a "
         "positive quantum, found "
      << options.max_instances << ", " << options.stack_bytes << ", " << options.max_memory_bytes
      << ", " << absl::FormatDuration(options.quantum);
  wasm_config_t* const config = wasm_config_new();
  wasmtime_config_epoch_interruption_set(config, true);
  wasmtime_config_consume_fuel_set(config, options.count_fuel);
  wasmtime_config_max_wasm_stack_set(config, options.stack_bytes);
  wasmtime_config_async_stack_size_set(config, options.stack_bytes + kHostStackBytes);
  // Frames registered with libgcc would make every C++ throw of the program slower.
  wasmtime_config_native_unwind_info_set(config, false);
  // Results must not depend on the machine.
  wasmtime_config_cranelift_nan_canonicalization_set(config, true);
  wasmtime_config_wasm_relaxed_simd_deterministic_set(config, true);
  wasmtime_config_wasm_memory64_set(config, false);
  wasmtime_config_wasm_multi_memory_set(config, false);
  if (kIsSanitized) {
    wasmtime_config_signals_based_traps_set(config, false);
    wasmtime_config_memory_reservation_set(config, options.max_memory_bytes);
    wasmtime_config_memory_guard_size_set(config, 0);
  }
  SetPool(config, options);
  wasm_engine_t* const engine = wasm_engine_new_with_config(config);
  WEFT_CHECK(engine != nullptr) << "Engine(): Wasmtime refused its configuration";
  return EngineHandle(engine);
}

std::string ToString(const std::vector<WasmType>& types) {
  std::string text;
  for (const WasmType type : types) {
    if (!text.empty()) text += ", ";
    text += ToString(type);
  }
  return text;
}

}  // namespace

std::string ToString(const FunctionType& type) {
  const std::string results = ToString(type.results);
  return "(" + ToString(type.params) + ") -> " + (results.empty() ? "nothing" : results);
}

EngineState::EngineState(const EngineOptions& the_options)
    : options(the_options),
      engine(MakeEngine(options)),
      pool(options.max_instances),
      ticker(options.quantum, [raw = engine.get()] { wasmtime_engine_increment_epoch(raw); }) {}

}  // namespace weft::wasm_host_internal
