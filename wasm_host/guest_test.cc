// The contract of calling guests: values in and out, host functions of every kind, fresh instances,
// and the messages of what is refused before a guest runs.

#include "wasm_host/guest.h"

#include <cstdint>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "future/poll_fn.h"
#include "future/sleep.h"
#include "future/spawn.h"
#include "future/task.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "wasm_host/engine.h"
#include "wasm_host/error.h"
#include "wasm_host/grants.h"
#include "wasm_host/host_call.h"
#include "wasm_host/registry.h"
#include "wasm_host/testing.h"
#include "wasm_host/value.h"

namespace weft {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

Task<int32_t> AddLater(int32_t a, int32_t b) {
  co_await SleepFor(absl::Milliseconds(5));
  co_return a + b;
}

class GuestTest : public testing::Test {
 protected:
  GuestWorld world_;
};

TEST_F(GuestTest, ReturnsWhatTheExportedFunctionReturns) {
  const absl::StatusOr<GuestResult> result = world_.Run(
      R"((module (func (export "run") (param i32 i64 f32 f64) (result i64 f64 f32 i32)
           local.get 1 local.get 3 local.get 2 local.get 0)))",
      {int32_t{-1}, int64_t{1} << 40, 1.5f, 2.25});
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_THAT(result->values, ElementsAre(GuestValue(int64_t{1} << 40), GuestValue(2.25),
                                          GuestValue(1.5f), GuestValue(int32_t{-1})));
  EXPECT_GT(result->usage.fuel, 0u);
  EXPECT_EQ(result->usage.suspensions, 0u);
}

TEST_F(GuestTest, CallsAUsersFunctionInline) {
  world_.functions->Add({.module = "shop", .name = "price"},
                        [](int32_t item, double factor) -> double { return item * factor; });
  const absl::StatusOr<GuestResult> result = world_.Run(
      R"((module (import "shop" "price" (func $price (param i32 f64) (result f64)))
           (func (export "run") (result f64) (call $price (i32.const 4) (f64.const 2.5)))))");
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_THAT(result->values, ElementsAre(GuestValue(10.0)));
}

constexpr char kAddLater[] =
    R"((module (import "env" "add" (func $add (param i32 i32) (result i32)))
         (func (export "run") (param i32) (result i32)
           (call $add (call $add (local.get 0) (i32.const 1)) (i32.const 1)))))";

TEST_F(GuestTest, IsSuspendedWhileAUsersCoroutineWaits) {
  world_.functions->Add({.module = "env", .name = "add"}, AddLater);
  LinkedModule linked = world_.Link(kAddLater);
  auto first = Spawn(world_.executor, linked.Call("run", {int32_t{1}}));
  auto second = Spawn(world_.executor, linked.Call("run", {int32_t{10}}));
  world_.executor.RunUntilStalled();
  EXPECT_EQ(world_.engine.live_instances(), 2u);
  world_.executor.Advance(absl::Milliseconds(5));
  EXPECT_EQ(world_.engine.live_instances(), 2u);
  world_.executor.Advance(absl::Milliseconds(5));
  EXPECT_EQ(world_.engine.live_instances(), 0u);
  const absl::StatusOr<GuestResult> one = world_.executor.BlockOn(std::move(first));
  const absl::StatusOr<GuestResult> two = world_.executor.BlockOn(std::move(second));
  ASSERT_TRUE(one.ok() && two.ok());
  EXPECT_THAT(one->values, ElementsAre(GuestValue(int32_t{3})));
  EXPECT_THAT(two->values, ElementsAre(GuestValue(int32_t{12})));
  EXPECT_EQ(one->usage.suspensions, 2u);
}

TEST_F(GuestTest, AFunctionThatIsReadyAtOnceCostsNoTurn) {
  world_.functions->Add({.module = "env", .name = "add"},
                        [](int32_t a, int32_t b) { return Ready<int32_t>(a + b); });
  auto handle = Spawn(world_.executor, world_.Link(kAddLater).Call("run", {int32_t{1}}));
  EXPECT_TRUE(world_.executor.RunOne());
  EXPECT_FALSE(world_.executor.RunOne());
  EXPECT_THAT(world_.executor.BlockOn(std::move(handle))->values,
              ElementsAre(GuestValue(int32_t{3})));
}

constexpr char kFill[] =
    R"((module (import "env" "fill" (func $fill (param i32 i32 i32 i32) (result i32)))
         (memory (export "memory") 1)
         (data (i32.const 8) "weft")
         (func (export "run") (param i32 i32 i32 i32) (result i32 i64)
           (call $fill (local.get 0) (local.get 1) (local.get 2) (local.get 3))
           (i64.load (i32.const 64)))))";

TEST_F(GuestTest, MemoryIsReadAndFilledThroughTypedViews) {
  auto fill = [](std::string_view text, std::span<char> buffer) -> int32_t {
    for (std::size_t i = 0; i < buffer.size(); ++i) buffer[i] = text[i % text.size()];
    return static_cast<int32_t>(text.size());
  };
  world_.functions->Add({.module = "env", .name = "fill"}, fill);
  const absl::StatusOr<GuestResult> result =
      world_.Run(kFill, {int32_t{8}, int32_t{4}, int32_t{64}, int32_t{8}});
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_THAT(result->values,
              ElementsAre(GuestValue(int32_t{4}), GuestValue(int64_t{0x7466657774666577})));
}

TEST_F(GuestTest, MemoryIsFilledByACoroutineWhileTheGuestIsSuspended) {
  auto fill = [](std::string_view text, std::span<char> buffer) -> Task<int32_t> {
    co_await SleepFor(absl::Milliseconds(1));
    for (std::size_t i = 0; i < buffer.size(); ++i) buffer[i] = text[i % text.size()];
    co_return 7;
  };
  world_.functions->Add({.module = "env", .name = "fill"}, fill);
  const absl::StatusOr<GuestResult> result =
      world_.Run(kFill, {int32_t{8}, int32_t{4}, int32_t{64}, int32_t{8}});
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_THAT(result->values,
              ElementsAre(GuestValue(int32_t{7}), GuestValue(int64_t{0x7466657774666577})));
}

TEST_F(GuestTest, BadPointersEndTheGuestWithTheirValues) {
  world_.functions->Add({.module = "env", .name = "fill"},
                        [](std::string_view, std::span<char>) -> int32_t { return 0; });
  const std::pair<int32_t, int32_t> kBad[] = {{65536, 1}, {65535, 2}, {-1, 1},
                                              {0, -1},    {-1, -1},   {65537, 0}};
  for (const auto& [pointer, length] : kBad) {
    const absl::StatusOr<GuestResult> read =
        world_.Run(kFill, {pointer, length, int32_t{0}, int32_t{0}});
    EXPECT_EQ(CauseOf(read.status()), GuestCause::kBadPointer) << pointer << " " << length;
    const absl::StatusOr<GuestResult> write =
        world_.Run(kFill, {int32_t{0}, int32_t{0}, pointer, length});
    EXPECT_EQ(CauseOf(write.status()), GuestCause::kBadPointer) << pointer << " " << length;
  }
  EXPECT_EQ(
      world_.Run(kFill, {int32_t{65536}, int32_t{1}, int32_t{0}, int32_t{0}}).status().message(),
      "module guest, function run: env.fill: expected memory of the guest, which has 65536 "
      "bytes, found pointer 65536 with length 1");
  EXPECT_TRUE(world_.Run(kFill, {int32_t{65536}, int32_t{0}, int32_t{0}, int32_t{0}}).ok());
}

TEST_F(GuestTest, BadPointersToACoroutineEndTheGuest) {
  auto fill = [](std::string_view, std::span<char>) -> Task<int32_t> { co_return 0; };
  world_.functions->Add({.module = "env", .name = "fill"}, fill);
  EXPECT_EQ(CauseOf(world_.Run(kFill, {int32_t{0}, int32_t{-1}, int32_t{0}, int32_t{0}}).status()),
            GuestCause::kBadPointer);
}

constexpr char kCallOnce[] =
    R"((module (import "env" "f" (func $f)) (func (export "run") (call $f))))";

TEST_F(GuestTest, AnExceptionOfAnInlineFunctionEndsTheGuest) {
  world_.functions->Add({.module = "env", .name = "f"},
                        []() -> void { throw std::runtime_error("lost a shoe"); });
  EXPECT_EQ(
      world_.Run(kCallOnce).status().ToString(),
      absl::UnknownError("module guest, function run: env.f: it threw: lost a shoe").ToString() +
          " [weft.dev/guest_cause='host function']");
}

TEST_F(GuestTest, AnExceptionOfACoroutineEndsTheGuest) {
  auto body = []() -> Task<> {
    co_await SleepFor(absl::Milliseconds(1));
    throw 42;
  };
  world_.functions->Add({.module = "env", .name = "f"}, body);
  EXPECT_EQ(world_.Run(kCallOnce).status().message(),
            "module guest, function run: env.f: it threw an exception that is not a "
            "std::exception");
}

TEST_F(GuestTest, AnErrorOfAHostFunctionKeepsItsCode) {
  world_.functions->Add({.module = "env", .name = "f"},
                        []() -> absl::Status { return absl::DataLossError("the tape broke"); });
  const absl::Status status = world_.Run(kCallOnce).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(CauseOf(status), GuestCause::kHostFunction);
  EXPECT_EQ(status.message(), "module guest, function run: env.f: the tape broke");
}

TEST_F(GuestTest, EachCallGetsAFreshInstance) {
  LinkedModule linked = world_.Link(
      R"((module (global $n (mut i32) (i32.const 0))
           (func (export "run") (result i32)
             (global.set $n (i32.add (global.get $n) (i32.const 1))) (global.get $n))))");
  for (int i = 0; i < 20; ++i) {
    const absl::StatusOr<GuestResult> result = world_.executor.BlockOn(linked.Call("run", {}));
    ASSERT_TRUE(result.ok()) << result.status();
    EXPECT_THAT(result->values, ElementsAre(GuestValue(int32_t{1})));
  }
}

TEST_F(GuestTest, AStartFunctionMayCallHostFunctionsThatWait) {
  auto body = [](std::string_view text) -> Task<absl::Status> {
    co_await SleepFor(absl::Milliseconds(1));
    if (text == "hi") co_return absl::OkStatus();
    co_return absl::DataLossError("not hi");
  };
  world_.functions->Add({.module = "env", .name = "f"}, body);
  const absl::StatusOr<GuestResult> result = world_.Run(
      R"((module (import "env" "f" (func $f (param i32 i32))) (memory (export "memory") 1)
           (data (i32.const 0) "hi") (func $start (call $f (i32.const 0) (i32.const 2)))
           (start $start) (func (export "run"))))");
  EXPECT_TRUE(result.ok()) << result.status();
}

TEST_F(GuestTest, MoreCallsThanPlacesQueueInOrder) {
  world_.functions->Add({.module = "env", .name = "add"}, AddLater);
  LinkedModule linked = world_.Link(kAddLater);
  std::vector<JoinHandle<GuestCall::Output>> handles;
  for (int32_t i = 0; i < 20; ++i) {
    handles.push_back(Spawn(world_.executor, linked.Call("run", {i})));
  }
  world_.executor.RunUntilStalled();
  EXPECT_EQ(world_.engine.live_instances(), 8u);
  EXPECT_EQ(world_.engine.queued_instances(), 12u);
  for (int32_t i = 0; i < 20; ++i) {
    const absl::StatusOr<GuestResult> result = world_.executor.BlockOn(std::move(handles[i]));
    ASSERT_TRUE(result.ok()) << result.status();
    EXPECT_THAT(result->values, ElementsAre(GuestValue(i + 2)));
  }
  EXPECT_EQ(world_.engine.live_instances(), 0u);
}

// What is refused before anything of the guest runs.

TEST_F(GuestTest, AMissingGrantIsRefusedBeforeTheGuestRuns) {
  bool has_run = false;
  world_.functions->Add({.module = "shop", .name = "order", .capability = "shop.order"},
                        [&has_run]() -> void { has_run = true; });
  LinkedModule linked =
      world_.Link(R"((module (import "shop" "order" (func $f)) (func (export "run") (call $f))))");
  EXPECT_THAT(linked.capabilities(), ElementsAre("shop.order"));
  const absl::Status status = world_.executor.BlockOn(linked.Call("run", {})).status();
  EXPECT_EQ(CauseOf(status), GuestCause::kCapabilityDenied);
  EXPECT_EQ(
      status.message(),
      "module guest imports shop.order, which needs the capability shop.order; grant it to "
      "whoever calls the module (in a graph: in the step), or use a module that does without");
  EXPECT_FALSE(has_run);
  GuestOptions options;
  options.grants.Allow("shop.order");
  EXPECT_TRUE(world_.executor.BlockOn(linked.Call("run", {}, options)).ok());
  EXPECT_TRUE(has_run);
}

TEST_F(GuestTest, WasiIsRefusedWithAdvice) {
  const absl::Status status = world_
                                  .TryLink(R"((module (import "wasi_snapshot_preview1" "fd_write"
                       (func (param i32 i32 i32 i32) (result i32)))))")
                                  .status();
  EXPECT_EQ(CauseOf(status), GuestCause::kWasiImport);
  EXPECT_EQ(status.message(),
            "module guest imports wasi_snapshot_preview1.fd_write: weft offers no WASI. Build the "
            "guest freestanding, without a C library, against weft_guest.h (see "
            "wasm_host/GUESTS.md)");
}

TEST_F(GuestTest, UnknownImportsAreRefusedWithWhatThereIs) {
  world_.functions->Add({.module = "env", .name = "f"}, []() -> void {});
  EXPECT_EQ(world_.TryLink(R"((module (import "env" "g" (func))))").status().message(),
            "module guest imports env.g: expected a registered host function, found only f");
  EXPECT_EQ(world_.TryLink(R"((module (import "env" "f" (func (param i32)))))").status().message(),
            "module guest imports env.f as (i32) -> nothing: the host function is () -> nothing");
  EXPECT_THAT(world_.TryLink(R"((module (import "env" "m" (memory 1))))").status().message(),
              HasSubstr("env.m, which is not a function"));
}

TEST_F(GuestTest, MissingExportsAndWrongArgumentsAreNamed) {
  LinkedModule linked =
      world_.Link(R"((module (func (export "main") (param i32)) (func (export "aux"))))");
  EXPECT_EQ(world_.executor.BlockOn(linked.Call("run", {})).status().message(),
            "module guest: expected an exported function run, found aux, main");
  const absl::Status status = world_.executor.BlockOn(linked.Call("main", {int64_t{1}})).status();
  EXPECT_EQ(CauseOf(status), GuestCause::kBadCall);
  EXPECT_THAT(status.message(), HasSubstr("expected a call of (i32) -> nothing"));
}

TEST_F(GuestTest, BytesThatAreNoModuleAreRefused) {
  const absl::Status status = world_.engine.Compile("cat.png", "\x89PNG").status();
  EXPECT_EQ(CauseOf(status), GuestCause::kBadModule);
  EXPECT_THAT(status.message(),
              HasSubstr("module cat.png: expected a WebAssembly module that weft can run, found 4 "
                        "bytes of which the compiler says: "));
}

TEST_F(GuestTest, EqualBytesAreCompiledOnce) {
  const std::string bytes = WatToWasm(R"((module (func (export "run"))))");
  const absl::StatusOr<Module> first = world_.engine.Compile("a", bytes);
  const absl::StatusOr<Module> second = world_.engine.Compile("b", bytes);
  ASSERT_TRUE(first.ok() && second.ok());
  EXPECT_EQ(first->sha256(), second->sha256());
  EXPECT_EQ(second->name(), "b");
  EXPECT_EQ(world_.engine.cached_modules(), 1u);
}

}  // namespace
}  // namespace weft
