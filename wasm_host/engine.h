// wasm_host/engine.h — compiles WebAssembly modules and owns what running guests share.
//
//   weft::Engine engine;
//   absl::StatusOr<weft::Module> module = engine.Compile("census.wasm", bytes);
//
// One engine per program is enough. It owns a pool of instances (guests beyond its size queue), the
// compiled modules, and a thread that ticks while guests run, so that each gives way to other tasks
// after its quantum.
//
// Guarantees
//   Thread safety    All methods may be called from any thread.
//   Fairness         A running guest returns to its executor after at most two quanta (plus what
//                    the operating system delays the ticking thread), unless it is inside one
//                    memory.fill or memory.copy, which the memory limit bounds.
//   Idle cost        The ticking thread sleeps for good while no guest runs.
//   Lifetime         Engine and Module are handles; what they refer to lives until the last goes.
#ifndef WEFT_WASM_HOST_ENGINE_H_
#define WEFT_WASM_HOST_ENGINE_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace weft {
namespace wasm_host_internal {
struct EngineState;
struct CompiledModule;
}  // namespace wasm_host_internal

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

// A function that a module imports or exports.
struct ModuleFunction {
  std::string module;  // of an import; empty for an export
  std::string name;
  std::string signature;  // "(i32, i32) -> i64"
};

// A compiled module. Cheap to copy.
class Module {
 public:
  // What the user calls it; part of every message.
  const std::string& name() const { return name_; }
  // SHA-256 of its bytes, as 64 lower-case hexadecimal digits.
  const std::string& sha256() const;
  // What it imports, and which functions it exports, in its own order.
  const std::vector<ModuleFunction>& imports() const;
  const std::vector<ModuleFunction>& exports() const;

  // Whether it exports a function of this name.
  bool Exports(std::string_view function) const;

 private:
  friend class Engine;
  friend class LinkedModule;
  Module(std::string name, std::shared_ptr<wasm_host_internal::EngineState> engine,
         std::shared_ptr<const wasm_host_internal::CompiledModule> compiled);

  std::string name_;
  std::shared_ptr<wasm_host_internal::EngineState> engine_;
  std::shared_ptr<const wasm_host_internal::CompiledModule> compiled_;
};

class Engine {
 public:
  // Precondition (checked): the options are positive and fit the machine's address space.
  explicit Engine(const EngineOptions& options = {});

  // Compiles the bytes of a .wasm file, or takes the result of an earlier call with equal bytes.
  // Computes for milliseconds to seconds: call it from the blocking pool (SpawnBlocking).
  // Errors: kBadModule, with what the compiler says.
  absl::StatusOr<Module> Compile(std::string_view name, std::string_view bytes);

  // For tests and traces. Approximate while other threads run.
  std::size_t cached_modules() const;
  uint32_t live_instances() const;
  uint32_t queued_instances() const;

 private:
  std::shared_ptr<wasm_host_internal::EngineState> state_;
};

}  // namespace weft

#endif  // WEFT_WASM_HOST_ENGINE_H_
