// Question: with many more workers than processors, is every task run to its end exactly once, and
// no wake-up lost? Method: tasks carry identities and are counted; a lost wake-up shows as a hang.
// Sizes are bounded.
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <thread>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "future/executor.h"
#include "future/poll_fn.h"
#include "future/sleep.h"
#include "future/spawn.h"
#include "future/task.h"
#include "gtest/gtest.h"
#include "runtime/runtime.h"

namespace weft {
namespace {

constexpr int kWorkers = 16;

Runtime::Options ManyWorkers() {
  Runtime::Options options;
  options.workers = kWorkers;
  return options;
}

// Marks its identity at its end, after a life that depends on it.
Task<void> Live(Executor& executor, std::uint32_t id, std::vector<std::atomic<int>>& marks) {
  switch (id % 5) {
    case 0:
      break;
    case 1:
      for (int i = 0; i < 3; ++i) co_await YieldNow();
      break;
    case 2:
      co_await SleepFor(absl::Microseconds(id % 3'000));
      break;
    case 3: {
      JoinHandle<int> child = Spawn(executor, Ready<int>(1));
      (void)co_await std::move(child);
      break;
    }
    case 4: {
      JoinHandle<void> child = SpawnBlocking(executor, [] {});
      (void)co_await std::move(child);
      break;
    }
  }
  marks[id].fetch_add(1, std::memory_order_relaxed);
}

TEST(RuntimeStressTest, EachTaskEndsExactlyOnce) {
  constexpr std::uint32_t kTasks = 4'000;
  constexpr std::uint32_t kProducers = 4;
  std::vector<std::atomic<int>> marks(kTasks);
  Runtime runtime(ManyWorkers());
  std::vector<std::thread> producers;
  for (std::uint32_t p = 0; p < kProducers; ++p) {
    producers.emplace_back([&runtime, &marks, p] {
      for (std::uint32_t id = p; id < kTasks; id += kProducers) {
        Spawn(runtime, Live(runtime, id, marks)).Detach();
      }
    });
  }
  for (std::thread& producer : producers) producer.join();
  runtime.Shutdown(ShutdownMode::kDrain);
  for (std::uint32_t id = 0; id < kTasks; ++id) {
    EXPECT_EQ(marks[id].load(std::memory_order_relaxed), 1) << "task " << id;
  }
}

// The runtime goes idle between any two tasks: each spawn must wake somebody.
TEST(RuntimeStressTest, NoWakeUpIsLostBetweenIdlePeriods) {
  Runtime runtime(ManyWorkers());
  for (int i = 0; i < 2'000; ++i) {
    ASSERT_EQ(*runtime.BlockOn(Ready<int>(i)), i);
  }
}

// As above, with a task that hands over to another worker's queue while all others fall asleep.
Task<int> Relay(Executor& executor, int hops) {
  for (int i = 0; i < hops; ++i) {
    JoinHandle<int> first = Spawn(executor, Ready<int>(1));
    JoinHandle<int> second = Spawn(executor, Ready<int>(2));
    (void)co_await std::move(first);
    (void)co_await std::move(second);
  }
  co_return hops;
}

TEST(RuntimeStressTest, RelaysBetweenWorkersEnd) {
  Runtime runtime(ManyWorkers());
  std::vector<JoinHandle<int>> relays;
  for (int i = 0; i < 4; ++i) relays.push_back(Spawn(runtime, Relay(runtime, 300)));
  for (JoinHandle<int>& relay : relays) EXPECT_EQ(*runtime.BlockOn(std::move(relay)), 300);
}

TEST(RuntimeStressTest, RuntimesComeAndGoWithLiveTasks) {
  for (int round = 0; round < 30; ++round) {
    std::vector<std::atomic<int>> marks(100);
    Runtime runtime(ManyWorkers());
    for (std::uint32_t id = 0; id < 100; ++id) {
      Spawn(runtime, Live(runtime, id, marks)).Detach();
    }
    for (int i = 0; i < 10; ++i) Spawn(runtime, SleepFor(absl::Hours(1))).Detach();
    if (round % 2 == 0) runtime.Shutdown(ShutdownMode::kCancel);
  }
}

}  // namespace
}  // namespace weft
