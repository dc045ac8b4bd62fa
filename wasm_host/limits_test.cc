// Hostile guests: what spins, allocates, traps, overflows or is abandoned ends with a typed error
// and leaves nothing behind; and nothing that a guest does keeps other tasks from running.

#include <cstdint>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "base/instant.h"
#include "future/context.h"
#include "future/poll.h"
#include "future/poll_fn.h"
#include "future/sleep.h"
#include "future/spawn.h"
#include "future/task.h"
#include "future/waker.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "io/testing/test_loop.h"
#include "wasm_host/error.h"
#include "wasm_host/guest.h"
#include "wasm_host/guest_options.h"
#include "wasm_host/registry.h"
#include "wasm_host/testing.h"
#include "wasm_host/value.h"

namespace weft {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr char kSpin[] = R"((module (func (export "run") (loop (br 0)))))";
constexpr char kSleep[] =
    R"((module (import "env" "sleep" (func $sleep (param i64)))
         (func (export "run") (loop (call $sleep (i64.const 1000000)) (br 0)))))";

class LimitsTest : public testing::Test {
 protected:
  LimitsTest() {
    world_.functions->Add({.module = "env", .name = "sleep"}, [](int64_t milliseconds) {
      return SleepFor(absl::Milliseconds(milliseconds));
    });
  }
  ~LimitsTest() override {
    EXPECT_EQ(world_.engine.live_instances(), 0u);
    EXPECT_EQ(world_.engine.queued_instances(), 0u);
  }

  absl::Status RunWith(std::string_view wat, const GuestLimits& limits) {
    GuestOptions options;
    options.limits = limits;
    return world_.Run(wat, {}, options).status();
  }

  GuestWorld world_;
};

// Time.

TEST_F(LimitsTest, FuelEndsAGuestThatSpins) {
  const absl::Status status = RunWith(kSpin, {.fuel = 100'000});
  EXPECT_EQ(CauseOf(status), GuestCause::kFuel);
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_THAT(
      status.message(),
      StartsWith("module guest, function run: fuel limit: it used its 100000 units of fuel, "
                 "in function number 0 at offset 0x"));
}

TEST_F(LimitsTest, ANewCallHasItsFuelAgain) {
  const std::string wat =
      R"((module (func (export "run") (local i32)
           (loop (local.set 0 (i32.add (local.get 0) (i32.const 1)))
                 (br_if 0 (i32.lt_u (local.get 0) (i32.const 1000)))))))";
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(RunWith(wat, {.fuel = 12'000}).ok());
  EXPECT_EQ(CauseOf(RunWith(wat, {.fuel = 500})), GuestCause::kFuel);
}

TEST_F(LimitsTest, TheCpuDeadlineEndsAGuestThatSpins) {
  const absl::Status status = RunWith(kSpin, {.cpu_time = absl::Milliseconds(5)});
  EXPECT_EQ(CauseOf(status), GuestCause::kCpuDeadline);
  EXPECT_EQ(status.code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_THAT(status.message(), HasSubstr("its limit being 5ms"));
}

TEST_F(LimitsTest, TheWallDeadlineEndsAGuestThatSpins) {
  ShiftedExecutor executor(world_.executor);
  GuestOptions options;
  options.limits.wall_time = absl::Seconds(1);
  auto handle = Spawn(executor, world_.Link(kSpin).Call("run", {}, options));
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(world_.executor.RunOne());
  EXPECT_EQ(world_.engine.live_instances(), 1u);
  executor.Shift(absl::Seconds(1));
  world_.executor.RunUntilStalled();
  EXPECT_EQ(world_.engine.live_instances(), 0u);
  const absl::Status status = world_.executor.BlockOn(std::move(handle)).status();
  EXPECT_EQ(CauseOf(status), GuestCause::kWallDeadline);
  EXPECT_EQ(status.message(),
            "module guest, function run: wall deadline: it was not done after its limit of 1s "
            "while it ran");
}

TEST_F(LimitsTest, TheWallDeadlineEndsAGuestThatWaitsForAHostFunction) {
  GuestOptions options;
  options.limits.wall_time = absl::Seconds(3);
  auto handle = Spawn(world_.executor, world_.Link(kSleep).Call("run", {}, options));
  world_.executor.Advance(absl::Milliseconds(2999));
  EXPECT_EQ(world_.engine.live_instances(), 1u);
  world_.executor.Advance(absl::Milliseconds(1));
  EXPECT_EQ(world_.engine.live_instances(), 0u);
  EXPECT_EQ(world_.executor.BlockOn(std::move(handle)).status().message(),
            "module guest, function run: wall deadline: it was not done after its limit of 3s "
            "while it waited for env.sleep");
}

TEST_F(LimitsTest, SpinningGuestsDelayATimerByOneTurnEach) {
  constexpr int kGuests = 3;
  TestLoop loop;
  LinkedModule spin = world_.Link(kSpin);
  std::vector<JoinHandle<GuestCall::Output>> guests;
  for (int i = 0; i < kGuests; ++i) guests.push_back(Spawn(loop, spin.Call("run", {})));
  const Instant due = loop.Now() + absl::Milliseconds(5);
  bool is_awake = false;
  auto body = [](Instant deadline, bool* flag) -> Task<> {
    co_await SleepUntil(deadline);
    *flag = true;
  };
  auto sleeper = Spawn(loop, body(due, &is_awake));
  // That this loop ends at all shows that guests give way. A guest's turn is longer than the tick
  // of the loop's timers, so what is due is seen at the second turn at the latest.
  int turns_after_due = 0;
  while (!is_awake) {
    const bool is_due = loop.Now() >= due;
    loop.RunOnce();
    turns_after_due += is_due;
  }
  EXPECT_LE(turns_after_due, 2 + kGuests + 1);
  EXPECT_EQ(world_.engine.live_instances(), static_cast<uint32_t>(kGuests));
  for (JoinHandle<GuestCall::Output>& guest : guests) {
    guest.Cancel();
    EXPECT_TRUE(absl::IsCancelled(loop.Join(guest).status()));
  }
  EXPECT_TRUE(loop.Join(sleeper).ok());
}

TEST_F(LimitsTest, AGuestThatCallsReadyFunctionsWithoutEndGivesWayToo) {
  world_.functions->Add({.module = "env", .name = "nothing"}, []() { return Ready<int32_t>(0); });
  auto handle =
      Spawn(world_.executor, world_
                                 .Link(R"((module (import "env" "nothing" (func $f (result i32)))
                     (func (export "run") (loop (drop (call $f)) (br 0)))))")
                                 .Call("run", {}));
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(world_.executor.RunOne());
  handle.Cancel();
  EXPECT_TRUE(absl::IsCancelled(world_.executor.BlockOn(std::move(handle)).status()));
}

// Memory.

TEST_F(LimitsTest, MemoryWithoutEndIsReportedAsTheMemoryLimit) {
  const GuestLimits limits{.fuel = 1'000'000, .memory_bytes = 1 << 20};
  const std::string kGrow =
      R"((module (memory (export "memory") 1)
           (func (export "run") (loop (if (i32.eq (memory.grow (i32.const 1)) (i32.const -1))
                                          (then unreachable)) (br 0)))))";
  const absl::Status status = RunWith(kGrow, limits);
  EXPECT_EQ(CauseOf(status), GuestCause::kMemory);
  EXPECT_THAT(status.message(), HasSubstr("memory limit: its memory has grown to its limit of "
                                          "1048576 bytes; then: unreachable instruction"));
  const std::string kGrowAndSpin =
      R"((module (memory (export "memory") 1)
           (func (export "run") (loop (drop (memory.grow (i32.const 1))) (br 0)))))";
  EXPECT_EQ(CauseOf(RunWith(kGrowAndSpin, limits)), GuestCause::kMemory);
  EXPECT_EQ(
      CauseOf(RunWith(kGrowAndSpin, {.memory_bytes = 1 << 20, .cpu_time = absl::Milliseconds(20)})),
      GuestCause::kMemory);
}

TEST_F(LimitsTest, GrowthStopsAtTheLimitAndTheGuestMayGoOn) {
  const absl::StatusOr<GuestResult> result = world_.Run(
      R"((module (memory (export "memory") 1)
           (func (export "run") (result i32 i32)
             (memory.grow (i32.const 15)) (memory.grow (i32.const 1)))))",
      {}, GuestOptions{.limits = {.memory_bytes = 1 << 20}});
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_THAT(result->values, ElementsAre(GuestValue(int32_t{1}), GuestValue(int32_t{-1})));
  EXPECT_EQ(result->usage.memory_bytes, uint64_t{1} << 20);
}

TEST_F(LimitsTest, TooMuchFromTheStartIsReportedAsTheMemoryLimit) {
  const absl::Status memory =
      RunWith(R"((module (memory 20) (func (export "run"))))", {.memory_bytes = 1 << 20});
  EXPECT_EQ(CauseOf(memory), GuestCause::kMemory) << memory;
  EXPECT_THAT(memory.message(), HasSubstr("it needs more from the start than its limit of 1048576 "
                                          "bytes"));
  const absl::Status table =
      RunWith(R"((module (table 200 funcref) (func (export "run"))))", {.table_elements = 100});
  EXPECT_EQ(CauseOf(table), GuestCause::kMemory) << table;
}

// Traps.

TEST_F(LimitsTest, EachTrapIsNamed) {
  const std::pair<std::string_view, std::string_view> kTraps[] = {
      {"unreachable", "unreachable instruction"},
      {"(drop (i32.div_u (i32.const 1) (i32.const 0)))", "integer division by zero"},
      {"(drop (i32.div_s (i32.const 0x80000000) (i32.const -1)))", "integer overflow"},
      {"(drop (i32.trunc_f32_s (f32.const nan)))", "conversion of a number"},
      {"(drop (i32.load (i32.const 65533)))", "access outside its memory"},
      {"(drop (table.get $t (i32.const 5)))", "access outside a table"},
      {"(call_indirect (type $v) (i32.const 1))", "indirect call of a null function"},
      {"(call_indirect (type $v) (i32.const 0))", "indirect call with the wrong signature"},
  };
  for (const auto& [body, name] : kTraps) {
    const std::string wat =
        R"((module (type $v (func)) (memory (export "memory") 1) (table $t 2 funcref)
             (func $other (param i32)) (elem (i32.const 0) $other) (func (export "run") )" +
        std::string(body) + "))";
    const absl::Status status = RunWith(wat, {});
    EXPECT_EQ(CauseOf(status), GuestCause::kTrap) << status;
    EXPECT_THAT(status.message(), HasSubstr("module guest, function run: trap: "));
    EXPECT_THAT(status.message(), HasSubstr(std::string(name)));
  }
}

TEST_F(LimitsTest, StackOverflowIsNamed) {
  const absl::Status status =
      RunWith(R"((module (func $f (export "run") (call $f) (call $f))))", {});
  EXPECT_EQ(CauseOf(status), GuestCause::kStackOverflow);
  EXPECT_THAT(status.message(), HasSubstr("it used its stack of 524288 bytes, in function f"));
}

TEST_F(LimitsTest, ATrapInAStartFunctionIsReported) {
  EXPECT_EQ(
      CauseOf(RunWith(R"((module (func $s unreachable) (start $s) (func (export "run"))))", {})),
      GuestCause::kTrap);
}

TEST_F(LimitsTest, ACallAfterATrapGetsANewInstance) {
  LinkedModule linked = world_.Link(
      R"((module (global $n (mut i32) (i32.const 0))
           (func (export "run") (param i32) (result i32)
             (global.set $n (i32.add (global.get $n) (i32.const 1)))
             (if (local.get 0) (then unreachable))
             (global.get $n))))");
  for (int i = 0; i < 20; ++i) {
    EXPECT_FALSE(world_.executor.BlockOn(linked.Call("run", {int32_t{1}})).ok());
    const absl::StatusOr<GuestResult> result =
        world_.executor.BlockOn(linked.Call("run", {int32_t{0}}));
    ASSERT_TRUE(result.ok());
    EXPECT_THAT(result->values, ElementsAre(GuestValue(int32_t{1})));
  }
}

// Cancellation.

// Answers a stop request only when told to.
struct Stubborn {
  bool may_end = false;
  bool was_asked = false;
  bool has_ended = false;
  Waker waker;
};

TEST_F(LimitsTest, ACancelledGuestWaitsForTheEndOfItsHostFunction) {
  Stubborn stubborn;
  world_.functions->Add({.module = "env", .name = "stubborn"}, [&stubborn]() {
    return PollFn([&stubborn](Context& cx) -> Poll<int32_t> {
      stubborn.was_asked |= cx.StopRequested();
      if (stubborn.may_end) {
        stubborn.has_ended = true;
        return kStopped;
      }
      stubborn.waker = cx.waker().Clone();
      return kPending;
    });
  });
  auto handle =
      Spawn(world_.executor, world_
                                 .Link(R"((module (import "env" "stubborn" (func $f (result i32)))
                                     (func (export "run") (drop (call $f)))))")
                                 .Call("run", {}));
  world_.executor.RunUntilStalled();
  handle.Cancel();
  world_.executor.RunUntilStalled();
  EXPECT_TRUE(stubborn.was_asked);
  EXPECT_EQ(world_.engine.live_instances(), 1u);
  stubborn.may_end = true;
  stubborn.waker.WakeByRef();
  world_.executor.RunUntilStalled();
  EXPECT_TRUE(stubborn.has_ended);
  EXPECT_EQ(world_.engine.live_instances(), 0u);
  stubborn.waker.Reset();
  EXPECT_TRUE(absl::IsCancelled(world_.executor.BlockOn(std::move(handle)).status()));
}

TEST_F(LimitsTest, AGuestIsCancelledAtEachPointWhereItWaits) {
  world_.functions->Add({.module = "env", .name = "step"}, [](int32_t n) -> Task<int32_t> {
    co_await SleepFor(absl::Milliseconds(1));
    co_return n + 1;
  });
  LinkedModule linked = world_.Link(
      R"((module (import "env" "step" (func $step (param i32) (result i32)))
           (func (export "run") (result i32) (local i32)
             (loop (local.set 0 (call $step (local.get 0)))
                   (br_if 0 (i32.lt_u (local.get 0) (i32.const 5))))
             (local.get 0))))");
  for (int turns = 0; turns <= 6; ++turns) {
    auto handle = Spawn(world_.executor, linked.Call("run", {}));
    for (int i = 0; i < turns; ++i) world_.executor.Advance(absl::Milliseconds(1));
    if (turns == 6) world_.executor.RunUntilStalled();
    handle.Cancel();
    const absl::StatusOr<GuestResult> result = world_.executor.BlockOn(std::move(handle));
    EXPECT_EQ(world_.engine.live_instances(), 0u);
    if (turns < 5) {
      EXPECT_TRUE(absl::IsCancelled(result.status())) << turns;
    } else {
      EXPECT_TRUE(result.ok()) << turns << result.status();
    }
  }
}

TEST_F(LimitsTest, ACancelledCallLeavesTheQueue) {
  LinkedModule linked = world_.Link(kSleep);
  std::vector<JoinHandle<GuestCall::Output>> handles;
  for (int i = 0; i < 10; ++i) handles.push_back(Spawn(world_.executor, linked.Call("run", {})));
  world_.executor.RunUntilStalled();
  EXPECT_EQ(world_.engine.queued_instances(), 2u);
  handles[8].Cancel();
  world_.executor.RunUntilStalled();
  EXPECT_EQ(world_.engine.queued_instances(), 1u);
  handles[0].Cancel();
  world_.executor.RunUntilStalled();
  EXPECT_EQ(world_.engine.queued_instances(), 0u);
  EXPECT_EQ(world_.engine.live_instances(), 8u);
  for (JoinHandle<GuestCall::Output>& handle : handles) {
    handle.Cancel();
    EXPECT_TRUE(absl::IsCancelled(world_.executor.BlockOn(std::move(handle)).status()));
  }
}

TEST_F(LimitsTest, GuestsMoveBetweenThreads) {
  // Each poll may come from another thread: the guest's stack, its traps and its host functions do
  // not care. The mutual exclusion is the join.
  LinkedModule linked = world_.Link(
      R"((module (import "env" "sleep" (func $sleep (param i64)))
           (func (export "run") (call $sleep (i64.const 1)) (call $sleep (i64.const 1))
             unreachable)))");
  auto handle = Spawn(world_.executor, linked.Call("run", {}));
  for (int i = 0; i < 3; ++i) {
    std::thread([&] { world_.executor.Advance(absl::Milliseconds(1)); }).join();
  }
  EXPECT_EQ(CauseOf(world_.executor.BlockOn(std::move(handle)).status()), GuestCause::kTrap);
}

}  // namespace
}  // namespace weft
