// Question: does a gate bound the tasks that live, lose no waiter and no place, serve first come,
// first served, and let everybody know when it closes?
// Method: a manual executor, step by step; then threads that race for the places of a pool.
#include "sync/spawn_gate.h"

#include <atomic>
#include <memory>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/instant.h"
#include "future/context.h"
#include "future/manual_executor.h"
#include "future/poll.h"
#include "future/poll_fn.h"
#include "future/spawn.h"
#include "future/task.h"
#include "future/test_pool.h"
#include "gtest/gtest.h"

namespace weft {
namespace {

auto Nothing() {
  return PollFn([](Context&) { return Poll<void>::Ready(); });
}

TEST(SpawnGateTest, TryAdmitRefusesWhenAllPlacesAreTaken) {
  ManualExecutor executor;
  SpawnGate gate(executor, 2);
  std::optional<Admission> first = gate.TryAdmit();
  std::optional<Admission> second = gate.TryAdmit();
  ASSERT_TRUE(first && second);
  EXPECT_FALSE(gate.TryAdmit());
  first.reset();  // unused
  EXPECT_TRUE(gate.TryAdmit());
  std::move(*second).Spawn(Nothing()).Detach();
  second.reset();
  EXPECT_EQ(gate.available(), 1u);  // the task has still to run
  executor.RunUntilStalled();
  EXPECT_EQ(gate.available(), 2u);
}

Task<> Waits(SpawnGate& gate, int number, std::vector<int>& served) {
  absl::StatusOr<Admission> admission = co_await gate.Admit();
  if (!admission.ok()) {
    served.push_back(-number);
    co_return;
  }
  served.push_back(number);
  std::move(*admission).Spawn(Nothing()).Detach();
}

TEST(SpawnGateTest, WaitersAreServedInTheirOrderAsTasksEnd) {
  ManualExecutor executor;
  SpawnGate gate(executor, 1);
  std::optional<Admission> held = gate.TryAdmit();
  std::vector<int> served;
  for (int i = 1; i <= 3; ++i) Spawn(executor, Waits(gate, i, served)).Detach();
  executor.RunUntilStalled();
  EXPECT_TRUE(served.empty());
  held.reset();
  executor.RunUntilStalled();
  EXPECT_EQ(served, (std::vector<int>{1, 2, 3}));
  EXPECT_EQ(gate.available(), 1u);
}

TEST(SpawnGateTest, CloseRefusesThoseWhoWaitAndThoseWhoCome) {
  ManualExecutor executor;
  SpawnGate gate(executor, 1);
  std::optional<Admission> held = gate.TryAdmit();
  std::vector<int> served;
  for (int i = 1; i <= 2; ++i) Spawn(executor, Waits(gate, i, served)).Detach();
  executor.RunUntilStalled();
  gate.Close();
  executor.RunUntilStalled();
  EXPECT_EQ(served, (std::vector<int>{-1, -2}));
  held.reset();
  EXPECT_FALSE(gate.TryAdmit());
  const auto late = gate.AdmitUntil(Instant::InfiniteFuture());
  EXPECT_TRUE(absl::IsCancelled(late.status()));
  EXPECT_EQ(late.status().message().substr(0, 10), "SpawnGate:");
  gate.CloseAndWait();
}

TEST(SpawnGateTest, WaiterThatIsCancelledHoldsNoPlace) {
  ManualExecutor executor;
  SpawnGate gate(executor, 1);
  std::optional<Admission> held = gate.TryAdmit();
  std::vector<int> served;
  auto waiter = Spawn(executor, Waits(gate, 1, served));
  Spawn(executor, Waits(gate, 2, served)).Detach();
  executor.RunUntilStalled();
  waiter.Cancel();
  held.reset();
  executor.RunUntilStalled();
  EXPECT_EQ(served, (std::vector<int>{2}));
}

TEST(SpawnGateTest, ShutdownOfTheExecutorRefusesThreadsThatWait) {
  ManualExecutor executor;
  SpawnGate gate(executor, 1);
  std::optional<Admission> held = gate.TryAdmit();
  std::thread waiter(
      [&] { EXPECT_TRUE(absl::IsCancelled(gate.AdmitUntil(Instant::InfiniteFuture()).status())); });
  executor.CancelAll();
  waiter.join();
}

TEST(SpawnGateTest, DeadlineOfAThreadThatWaits) {
  ManualExecutor executor;
  SpawnGate gate(executor, 1);
  std::optional<Admission> held = gate.TryAdmit();
  EXPECT_TRUE(absl::IsDeadlineExceeded(gate.AdmitUntil(Instant::InfinitePast()).status()));
  held.reset();
  EXPECT_TRUE(gate.AdmitUntil(Instant::InfinitePast()).ok());  // a free place is no wait
}

TEST(SpawnGateTest, TasksMayOutliveTheGate) {
  ManualExecutor executor;
  auto gate = std::make_unique<SpawnGate>(executor, 1);
  std::move(*gate->TryAdmit()).Spawn(Nothing()).Detach();
  gate.reset();
  executor.RunUntilStalled();
}

Task<> LiveFor(int yields, std::atomic<int>& alive, std::atomic<int>& most) {
  const int now = ++alive;
  int seen = most.load();
  while (seen < now && !most.compare_exchange_weak(seen, now)) {
  }
  for (int i = 0; i < yields; ++i) co_await YieldNow();
  --alive;
}

// Threads that block, threads that try, and the end: no more than three live, nobody is forgotten,
// and what was admitted has run when CloseAndWait() returns.
TEST(SpawnGateTest, NeverMoreAliveThanTheBoundAndNobodyIsForgotten) {
  constexpr int kTasks = 2'000;
  TestPool pool(2);
  SpawnGate gate(pool, 3);
  std::atomic<int> alive{0};
  std::atomic<int> most{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 3; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < kTasks; ++i) {
        if (t == 0) {
          std::optional<Admission> admission = gate.TryAdmit();
          if (admission) std::move(*admission).Spawn(LiveFor(i % 3, alive, most)).Detach();
          continue;
        }
        auto admission = gate.AdmitUntil(Instant::InfiniteFuture());
        ASSERT_TRUE(admission.ok());
        std::move(*admission).Spawn(LiveFor(i % 3, alive, most)).Detach();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  gate.CloseAndWait();
  EXPECT_EQ(alive.load(), 0);
  EXPECT_LE(most.load(), 3);
  EXPECT_EQ(gate.available(), 3u);
}

TEST(SpawnGateDeathTest, GateWithoutPlacesIsRefused) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  ManualExecutor executor;
  EXPECT_DEATH(SpawnGate(executor, 0), "max_tasks must be positive");
}

}  // namespace
}  // namespace weft
