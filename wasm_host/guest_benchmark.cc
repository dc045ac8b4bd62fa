// What a guest's calls cost, next to the same C++ called natively.

#include <cstdint>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "base/check.h"
#include "benchmark/benchmark.h"
#include "future/cancel.h"
#include "future/context.h"
#include "future/poll.h"
#include "future/poll_fn.h"
#include "future/spawn.h"
#include "future/waker.h"
#include "io/testing/test_loop.h"
#include "wasm_host/clock.h"
#include "wasm_host/engine.h"
#include "wasm_host/guest.h"
#include "wasm_host/guest_options.h"
#include "wasm_host/registry.h"
#include "wasm_host/value.h"

namespace weft {
namespace {

// Calls "f" as often as its parameter says.
constexpr std::string_view kCaller = R"(
  (module (import "env" "f" (func $f (param i32) (result i32)))
    (func (export "run") (param i32) (result i32) (local i32)
      (loop (local.set 1 (call $f (local.get 1)))
            (br_if 0 (i32.ne (local.tee 0 (i32.sub (local.get 0) (i32.const 1))) (i32.const 0))))
      (local.get 1))))";

constexpr int32_t kCalls = 10'000;

// Ready at the second poll; wakes at once.
class Suspended {
 public:
  using Output = int32_t;

  explicit Suspended(int32_t value) : value_(value) {}

  Poll<int32_t> poll(Context& cx) {
    if (!std::exchange(has_waited_, true)) {
      cx.waker().WakeByRef();
      return kPending;
    }
    return value_ + 1;
  }

 private:
  int32_t value_;
  bool has_waited_ = false;
};

Engine& TheEngine() {
  static Engine engine;  // room for 1000 instances
  return engine;
}

template <typename Function>
LinkedModule LinkCaller(Function function) {
  auto functions = std::make_shared<HostFunctions>();
  functions->Add({.module = "env", .name = "f"}, function);
  absl::StatusOr<Module> module = TheEngine().Compile("caller", kCaller);
  WEFT_CHECK(module.ok()) << module.status().ToString();
  absl::StatusOr<LinkedModule> linked = LinkedModule::Link(*module, std::move(functions));
  WEFT_CHECK(linked.ok()) << linked.status().ToString();
  return *std::move(linked);
}

// Polls until it is ready, without a scheduler in between.
absl::StatusOr<GuestResult> PollToEnd(GuestCall call) {
  const Waker waker;
  const CancelToken token;
  Context cx(waker, token);
  while (true) {
    Poll<GuestCall::Output> poll = call.poll(cx);
    if (poll.IsReady()) return std::move(poll).value();
  }
}

void RunCaller(benchmark::State& state, const LinkedModule& linked) {
  for (auto _ : state) {
    absl::StatusOr<GuestResult> result = PollToEnd(linked.Call("run", {kCalls}));
    WEFT_CHECK(result.ok()) << result.status().ToString();
  }
  state.SetItemsProcessed(state.iterations() * kCalls);
}

void BM_HostCall_Inline(benchmark::State& state) {
  RunCaller(state, LinkCaller([](int32_t x) -> int32_t { return x + 1; }));
}
BENCHMARK(BM_HostCall_Inline);

void BM_HostCall_ReadyFuture(benchmark::State& state) {
  RunCaller(state, LinkCaller([](int32_t x) { return Ready<int32_t>(x + 1); }));
}
BENCHMARK(BM_HostCall_ReadyFuture);

void BM_HostCall_SuspendedFuture(benchmark::State& state) {
  RunCaller(state, LinkCaller([](int32_t x) { return Suspended(x); }));
}
BENCHMARK(BM_HostCall_SuspendedFuture);

void BM_Native_SuspendedFuture(benchmark::State& state) {
  const Waker waker;
  const CancelToken token;
  Context cx(waker, token);
  int32_t x = 0;
  for (auto _ : state) {
    Suspended future(x);
    WEFT_CHECK(future.poll(cx).IsPending());
    benchmark::DoNotOptimize(x = future.poll(cx).value());
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(BM_Native_SuspendedFuture);

void BM_Call_FreshInstance(benchmark::State& state) {
  absl::StatusOr<Module> module =
      TheEngine().Compile("empty", R"((module (memory (export "memory") 1)
                                        (func (export "run") (result i32) (i32.const 42))))");
  WEFT_CHECK(module.ok()) << module.status().ToString();
  const absl::StatusOr<LinkedModule> linked =
      LinkedModule::Link(*module, std::make_shared<HostFunctions>());
  for (auto _ : state) {
    absl::StatusOr<GuestResult> result = PollToEnd(linked->Call("run", {}));
    WEFT_CHECK(result.ok()) << result.status().ToString();
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(BM_Call_FreshInstance);

// How long `guests` calls take that each sleep 100 ms, on one thread, with 1000 instances.
void BM_Call_SleepingGuests(benchmark::State& state) {
  auto functions = std::make_shared<HostFunctions>();
  AddClock(*functions);
  absl::StatusOr<Module> module = TheEngine().Compile(
      "sleeper", R"((module (import "weft" "clock_sleep" (func $sleep (param i64)))
                      (func (export "run") (call $sleep (i64.const 100)))))");
  WEFT_CHECK(module.ok()) << module.status().ToString();
  const absl::StatusOr<LinkedModule> linked = LinkedModule::Link(*module, functions);
  WEFT_CHECK(linked.ok()) << linked.status().ToString();
  GuestOptions options;
  options.grants.Allow(kClockSleepCapability);
  for (auto _ : state) {
    TestLoop loop;
    std::vector<JoinHandle<GuestCall::Output>> handles;
    for (int64_t i = 0; i < state.range(0); ++i) {
      handles.push_back(Spawn(loop, linked->Call("run", {}, options)));
    }
    for (JoinHandle<GuestCall::Output>& handle : handles) WEFT_CHECK(loop.Join(handle).ok());
  }
}
BENCHMARK(BM_Call_SleepingGuests)
    ->ArgName("guests")
    ->Arg(1)
    ->Arg(1000)
    ->Arg(2000)
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace weft
