// Goal: a call of a guest keeps its contract and leaves no instance behind, with a stop at each
// suspension, an exception at each await and each allocation failing.
#include "future/everywhere.h"

#include <cstdint>
#include <optional>
#include <utility>
#include <variant>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "future/poll_fn.h"
#include "future/sleep.h"
#include "future/task.h"
#include "gtest/gtest.h"
#include "wasm_host/engine.h"
#include "wasm_host/guest.h"
#include "wasm_host/guest_options.h"
#include "wasm_host/registry.h"
#include "wasm_host/testing.h"
#include "wasm_host/value.h"

namespace weft::everywhere {
namespace {

Task<int32_t> AddLater(int32_t a, int32_t b) {
  co_await YieldNow();
  co_await SleepFor(absl::Milliseconds(5));
  co_return a + b;
}

// Made once, because compiling takes its time: an engine, and a guest that adds two to a number.
struct Adder {
  Adder() {
    world.functions->Add({.module = "env", .name = "add"}, AddLater);
    linked.emplace(world.Link(
        R"((module (import "env" "add" (func $add (param i32 i32) (result i32)))
             (func (export "run") (param i32) (result i32)
               (call $add (call $add (local.get 0) (i32.const 1)) (i32.const 1)))))"));
  }

  static Adder& Get() {
    static auto* const adder = new Adder;
    return *adder;
  }

  GuestWorld world;
  std::optional<LinkedModule> linked;
};

// NOTE: each future is named before it is awaited, for GCC 12.
constexpr Row kRows[] = {
    {"Guest",
     [](Scene* scene) -> Task<int> {
       EXPECT_EQ(Adder::Get().world.engine.live_instances(), 0u);
       GuestOptions options;
       options.limits.wall_time = absl::Hours(1);
       auto call =
           scene->faults->Await(Adder::Get().linked->Call("run", {int32_t{1}}, std::move(options)));
       const absl::StatusOr<GuestResult> result = co_await std::move(call);
       if (result.ok()) co_return std::get<int32_t>(result->values[0]);
       EXPECT_EQ(result.status().code(), absl::StatusCode::kResourceExhausted) << result.status();
       co_return 3;
     }},
};

// Before a row counts allocations.
class MakeAdder : public testing::Environment {
 public:
  void SetUp() override { Adder::Get(); }
};

[[maybe_unused]] const auto* const kMakeAdder = testing::AddGlobalTestEnvironment(new MakeAdder);

INSTANTIATE_TEST_SUITE_P(Rows, EverywhereTest, testing::ValuesIn(kRows), NameOf);

}  // namespace
}  // namespace weft::everywhere
