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
#include "wasm_host/engine_options.h"

namespace weft {
namespace wasm_host_internal {
struct EngineState;
struct CompiledModule;
}  // namespace wasm_host_internal

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
  // What it imports, in its own order, and which functions it exports, by name.
  std::vector<ModuleFunction> imports() const;
  std::vector<ModuleFunction> exports() const;

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

  // Compiles a module in binary or text format, or takes the result of a call with equal bytes.
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
