// Guests that spin on every worker of the real scheduler delay a timer by the turns that are under
// way when it is due, not by the number of guests.
//
// Counted in turns, not in milliseconds: a turn is one poll of a guest, which ends with its
// quantum. Turns that are preempted by the operating system make no difference to that.

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <limits>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "base/instant.h"
#include "future/block_on.h"
#include "future/context.h"
#include "future/poll.h"
#include "future/sleep.h"
#include "future/spawn.h"
#include "future/task.h"
#include "gtest/gtest.h"
#include "runtime/runtime.h"
#include "wasm_host/engine.h"
#include "wasm_host/engine_options.h"
#include "wasm_host/guest.h"
#include "wasm_host/registry.h"

namespace weft {
namespace {

constexpr int kWorkers = 2;
constexpr int kTimers = 9;
constexpr std::string_view kSpin = R"((module (func (export "run") (loop (br 0)))))";

// What the guests and the sleeper share.
struct Turns {
  static constexpr int64_t kNotYet = std::numeric_limits<int64_t>::max();
  std::atomic<int64_t> due{kNotYet};  // nanoseconds
  std::atomic<int> begun_after_due{0};
};

// A call of a guest that counts its turns.
class CountedCall {
 public:
  using Output = GuestCall::Output;

  CountedCall(GuestCall call, Turns* turns) : call_(std::move(call)), turns_(turns) {}

  Poll<Output> poll(Context& cx) {
    if (cx.executor().Now().nanos() >= turns_->due.load()) turns_->begun_after_due.fetch_add(1);
    return call_.poll(cx);
  }

 private:
  GuestCall call_;
  Turns* turns_;
};

// Waits until all guests spin, then lets one timer after the other run out. Returns for each how
// many turns of guests began between its deadline and its wake.
Task<std::vector<int>> MeasureTimers(Runtime& runtime, const Engine& engine, uint32_t guests,
                                     Turns& turns) {
  while (engine.live_instances() < guests) co_await SleepFor(absl::Milliseconds(1));
  std::vector<int> counts;
  for (int i = 0; i < kTimers; ++i) {
    const Instant due = runtime.Now() + absl::Milliseconds(5);
    turns.begun_after_due.store(0);
    turns.due.store(due.nanos());
    co_await SleepUntil(due);
    counts.push_back(turns.begun_after_due.load());
    turns.due.store(Turns::kNotYet);
  }
  co_return counts;
}

class SpinningTest : public testing::TestWithParam<int> {};

TEST_P(SpinningTest, GuestsOnEveryWorkerDelayATimerByNoMoreThanTheTurnsUnderWay) {
  const auto guests = static_cast<uint32_t>(GetParam());
  EngineOptions engine_options;
  engine_options.max_instances = guests;
  engine_options.max_memory_bytes = 1 << 20;
  // Longer than a tick of the coarse clock by which busy workers look at their timers.
  engine_options.quantum = absl::Milliseconds(12);
  Engine engine(engine_options);
  const absl::StatusOr<Module> module = engine.Compile("spin", kSpin);
  ASSERT_TRUE(module.ok()) << module.status();
  const absl::StatusOr<LinkedModule> spin =
      LinkedModule::Link(*module, std::make_shared<HostFunctions>());
  ASSERT_TRUE(spin.ok()) << spin.status();

  Runtime runtime({.workers = kWorkers});
  Turns turns;
  std::vector<JoinHandle<GuestCall::Output>> calls;
  for (uint32_t i = 0; i < guests; ++i) {
    calls.push_back(Spawn(runtime, CountedCall(spin->Call("run", {}), &turns)));
  }
  absl::StatusOr<std::vector<int>> counts =
      runtime.BlockOn(MeasureTimers(runtime, engine, guests, turns));
  ASSERT_TRUE(counts.ok()) << counts.status();

  // A worker whose turn was under way at the deadline looks at its timers when that turn ends. One
  // turn more for a look that had begun before the deadline. The median, since whoever looks may be
  // preempted right then, and the other worker goes on meanwhile.
  std::sort(counts->begin(), counts->end());
  EXPECT_LE((*counts)[kTimers / 2], 2 * kWorkers) << "guests: " << guests;

  for (JoinHandle<GuestCall::Output>& call : calls) call.Cancel();
  for (JoinHandle<GuestCall::Output>& call : calls) {
    EXPECT_TRUE(absl::IsCancelled(BlockOn(std::move(call)).status()));
  }
  EXPECT_EQ(engine.live_instances(), 0u);
}

INSTANTIATE_TEST_SUITE_P(NumbersOfGuests, SpinningTest, testing::Values(kWorkers, 16 * kWorkers),
                         testing::PrintToStringParamName());

}  // namespace
}  // namespace weft
