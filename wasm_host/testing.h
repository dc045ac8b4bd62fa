// wasm_host/testing.h — what the tests of this package share.
#ifndef WEFT_WASM_HOST_TESTING_H_
#define WEFT_WASM_HOST_TESTING_H_

#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "base/check.h"
#include "base/instant.h"
#include "future/cancel.h"
#include "future/executor.h"
#include "future/manual_executor.h"
#include "wasm_host/engine.h"
#include "wasm_host/guest.h"
#include "wasm_host/guest_options.h"
#include "wasm_host/registry.h"
#include "wasm_host/value.h"
#include "wasm_host/wat.h"

namespace weft {

// An engine that is small enough for every sanitizer's address space.
inline EngineOptions SmallEngine() {
  EngineOptions options;
  options.max_instances = 8;
  options.max_memory_bytes = uint64_t{16} << 20;
  return options;
}

// An engine, a virtual clock, and guests from their text form.
class GuestWorld {
 public:
  explicit GuestWorld(const EngineOptions& options = SmallEngine()) : engine(options) {}

  // Links the module "guest" with `functions`.
  absl::StatusOr<LinkedModule> TryLink(std::string_view wat) {
    absl::StatusOr<Module> module = engine.Compile("guest", WatToWasm(wat));
    if (!module.ok()) return module.status();
    return LinkedModule::Link(*module, functions);
  }

  // As TryLink. Precondition (checked): it can be linked.
  LinkedModule Link(std::string_view wat) {
    absl::StatusOr<LinkedModule> linked = TryLink(wat);
    WEFT_CHECK(linked.ok()) << linked.status().ToString();
    return *std::move(linked);
  }

  // Calls the exported function "run".
  absl::StatusOr<GuestResult> Run(std::string_view wat, std::vector<GuestValue> args = {},
                                  GuestOptions options = {}) {
    return executor.BlockOn(Link(wat).Call("run", std::move(args), std::move(options)));
  }

  Engine engine;
  std::shared_ptr<HostFunctions> functions = std::make_shared<HostFunctions>();
  ManualExecutor executor;
};

// A ManualExecutor whose clock can be moved while tasks are ready: for guests that never stall.
class ShiftedExecutor final : public Executor {
 public:
  explicit ShiftedExecutor(ManualExecutor& inner) : inner_(inner) {}

  void Shift(absl::Duration duration) { shift_ += duration; }

  void Schedule(Runnable* runnable, ScheduleHint hint) override { inner_.Schedule(runnable, hint); }
  void ScheduleBlocking(Runnable* job) override { inner_.ScheduleBlocking(job); }
  Instant Now() override { return inner_.Now() + shift_; }
  TimerService& timers() override { return inner_.timers(); }
  const CancelToken& token() override { return inner_.token(); }
  void OnTaskSpawned() override { inner_.OnTaskSpawned(); }
  void OnTaskFinished() override { inner_.OnTaskFinished(); }

 private:
  ManualExecutor& inner_;
  absl::Duration shift_ = absl::ZeroDuration();
};

}  // namespace weft

#endif  // WEFT_WASM_HOST_TESTING_H_
