// Question: with many more workers than processors, is every task run to its end exactly once, and
// no wake-up lost? Method: tasks carry identities and are counted; a lost wake-up shows as a hang.
// Sizes are bounded.
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <random>
#include <thread>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "base/backoff.h"
#include "future/context.h"
#include "future/executor.h"
#include "future/poll.h"
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
  constexpr std::uint32_t kTasks = 10'000;
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

// Something that runs, and can wait for another one without going back to the scheduler.
struct Step final : Runnable {
  void Run() noexcept override {
    if (needed != nullptr) needed->AwaitDone();
    is_done.store(true, std::memory_order_release);
  }

  void AwaitDone() const {
    // Notices the end within nanoseconds, but does not keep a processor from the others for long.
    for (int i = 0; !is_done.load(std::memory_order_acquire); ++i) {
      if (i < 200) {
        CpuRelax();
      } else {
        std::this_thread::yield();
      }
    }
  }

  Step* needed = nullptr;
  std::atomic<bool> is_done{false};
};

// From nothing to some microseconds, short times more often, so that the next push meets each stage
// of a worker that is going idle.
void Dawdle(std::minstd_rand* random) {
  const unsigned longest = 1u << ((*random)() % 9);
  for (unsigned i = (*random)() % longest; i > 0; --i) CpuRelax();
}

class IdleRaceTest : public testing::TestWithParam<int> {
 protected:
  IdleRaceTest() : runtime_(Options()) {}

  Runtime runtime_;
  std::minstd_rand random_{1};

 private:
  static Runtime::Options Options() {
    Runtime::Options options;
    options.workers = GetParam();
    return options;
  }
};

// Where one worker waits for another.
class IdleRaceOfTwoTest : public IdleRaceTest {};

// Each push from outside meets workers that are about to go idle.
TEST_P(IdleRaceTest, PushFromOutsideIsSeenByAWorkerThatGoesIdle) {
  for (int i = 0; i < 15'000; ++i) {
    Step step;
    runtime_.Schedule(&step, ScheduleHint::kSpawn);
    step.AwaitDone();
    Dawdle(&random_);
  }
}

// The first step holds its worker until the second one has run: somebody else must be awake for it.
TEST_P(IdleRaceOfTwoTest, TwoPushesWakeTwoWorkers) {
  for (int i = 0; i < 4'000; ++i) {
    Step first;
    Step second;
    first.needed = &second;
    runtime_.Schedule(&first, ScheduleHint::kSpawn);
    runtime_.Schedule(&second, ScheduleHint::kSpawn);
    first.AwaitDone();
    second.AwaitDone();
    Dawdle(&random_);
  }
}

// A task pushes to its own queue and holds its worker: the others must come for it.
TEST_P(IdleRaceOfTwoTest, PushFromInsideIsSeenByAWorkerThatGoesIdle) {
  const auto pusher = PollFn([this](Context&) -> Poll<void> {
    for (int i = 0; i < 4'000; ++i) {
      Step step;
      runtime_.Schedule(&step, ScheduleHint::kSpawn);
      step.AwaitDone();
      Dawdle(&random_);
    }
    return Poll<void>::Ready();
  });
  EXPECT_TRUE(runtime_.BlockOn(pusher).ok());
}

INSTANTIATE_TEST_SUITE_P(Workers, IdleRaceTest, testing::Values(1, 2, 3),
                         testing::PrintToStringParamName());
INSTANTIATE_TEST_SUITE_P(Workers, IdleRaceOfTwoTest, testing::Values(2, 3),
                         testing::PrintToStringParamName());

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
