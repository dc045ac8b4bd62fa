// Several threads run guests of one engine whose places, stacks and memories they take from each
// other. Each guest writes its identity through host functions of both kinds and reads it back.
// Fails on a mixed-up instance, a lost place, or (under TSan) a reuse that is not ordered.

#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <thread>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "future/manual_executor.h"
#include "future/sleep.h"
#include "future/task.h"
#include "gtest/gtest.h"
#include "wasm_host/engine.h"
#include "wasm_host/guest.h"
#include "wasm_host/guest_options.h"
#include "wasm_host/registry.h"
#include "wasm_host/testing.h"
#include "wasm_host/value.h"

namespace weft {
namespace {

constexpr int kThreads = 3;
constexpr int kCallsPerThread = 150;

// Every third traps at its end, so that unwound stacks are reused too.
constexpr std::string_view kGuest = R"(
  (module
    (import "env" "put" (func $put (param i32 i32 i64)))
    (import "env" "get" (func $get (param i32 i32) (result i64)))
    (memory (export "memory") 1)
    (func (export "run") (param i64) (result i64) (local i64)
      (call $put (i32.const 1000) (i32.const 8) (local.get 0))
      (local.set 1 (call $get (i32.const 1000) (i32.const 8)))
      (if (i64.eqz (i64.rem_u (local.get 0) (i64.const 3))) (then unreachable))
      (local.get 1))))";

void Put(std::span<char> bytes, int64_t value) { std::memcpy(bytes.data(), &value, sizeof(value)); }

Task<int64_t> Get(std::string_view bytes) {
  co_await SleepFor(absl::Milliseconds(1));
  int64_t value = 0;
  std::memcpy(&value, bytes.data(), sizeof(value));
  co_return value;
}

TEST(GuestStressTest, ThreadsShareAnEngineWithoutMixingUpGuests) {
  EngineOptions options = SmallEngine();
  options.max_instances = kThreads;
  GuestWorld world(options);
  world.functions->Add({.module = "env", .name = "put"}, Put)
      .Add({.module = "env", .name = "get"}, Get);
  const LinkedModule linked = world.Link(kGuest);
  std::vector<std::thread> threads;
  for (int thread = 0; thread < kThreads; ++thread) {
    threads.emplace_back([&linked, thread] {
      ManualExecutor executor;
      for (int i = 0; i < kCallsPerThread; ++i) {
        const int64_t id = int64_t{thread} * kCallsPerThread + i;
        const absl::StatusOr<GuestResult> result = executor.BlockOn(linked.Call("run", {id}));
        EXPECT_EQ(result.ok(), id % 3 != 0) << result.status();
        if (result.ok()) EXPECT_EQ(result->values[0], GuestValue(id));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(world.engine.live_instances(), 0u);
}

}  // namespace
}  // namespace weft
