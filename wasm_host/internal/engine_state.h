// wasm_host/internal/engine_state.h — what Engine and Module refer to.
#ifndef WEFT_WASM_HOST_INTERNAL_ENGINE_STATE_H_
#define WEFT_WASM_HOST_INTERNAL_ENGINE_STATE_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "base/mutex.h"
#include "wasm_host/engine_options.h"
#include "wasm_host/internal/instance_pool.h"
#include "wasm_host/internal/ticker.h"
#include "wasm_host/internal/wasmtime.h"
#include "wasm_host/value.h"

namespace weft::wasm_host_internal {

// Whether functions that return a plain value run on the guest's stack. Not under AddressSanitizer,
// which does not know that stack and would be confused by an exception thrown on it.
#if defined(__SANITIZE_ADDRESS__)
inline constexpr bool kRunsInlineOnGuestStack = false;
#elif defined(__has_feature)
inline constexpr bool kRunsInlineOnGuestStack = !__has_feature(address_sanitizer);
#else
inline constexpr bool kRunsInlineOnGuestStack = true;
#endif

// The signature of an import or export.
struct FunctionType {
  std::vector<WasmType> params;
  std::vector<WasmType> results;

  friend bool operator==(const FunctionType&, const FunctionType&) = default;
};

// "(i32, i32) -> i64".
std::string ToString(const FunctionType& type);

// An import; not a function if it is a memory, table or global.
struct Import {
  std::string module;
  std::string name;
  bool is_function = false;
  FunctionType type;
};

// Immutable; shared by all Modules with the same bytes.
struct CompiledModule {
  ModuleHandle module;
  std::string sha256;
  std::vector<Import> imports;
  std::map<std::string, FunctionType, std::less<>> functions;  // exported
};

// A module that is compiled once, under its own lock. Null after an error, too.
struct ModuleSlot {
  Mutex mutex;
  std::shared_ptr<const CompiledModule> compiled ABSL_GUARDED_BY(mutex);
};

struct EngineState {
  explicit EngineState(const EngineOptions& options);

  const EngineOptions options;
  const EngineHandle engine;
  InstancePool pool;
  Ticker ticker;
  // Edge (2): written before a guest's stack and memory go back to Wasmtime's pool, read by the
  // first C++ frame of whichever guest gets them next. Wasmtime orders the two by a lock of its
  // own, which tools that check our memory accesses cannot see.
  std::atomic<uint64_t> retired_guests{0};
  // See CompileTurn in engine.cc.
  Mutex compile_mutex;
  Mutex mutex;
  std::map<std::string, std::shared_ptr<ModuleSlot>> modules ABSL_GUARDED_BY(mutex);  // by SHA-256
};

}  // namespace weft::wasm_host_internal

#endif  // WEFT_WASM_HOST_INTERNAL_ENGINE_STATE_H_
