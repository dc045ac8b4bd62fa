// Question: does a ready task of a Runtime wait for no more others than the contract says?
// Method: small programs on real threads count the runs of others. Nothing sleeps on a test's
// behalf: a test waits for events, however long they take.
#include <array>
#include <atomic>
#include <cstddef>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/time/time.h"
#include "base/instant.h"
#include "base/mutex.h"
#include "future/context.h"
#include "future/executor.h"
#include "future/poll.h"
#include "future/poll_fn.h"
#include "future/spawn.h"
#include "future/task.h"
#include "future/waker.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "runtime/internal/test_support.h"
#include "runtime/runtime.h"
#include "runtime/stats.h"

namespace weft {
namespace {

using runtime_internal::Add;
using runtime_internal::Call;
using runtime_internal::Event;
using runtime_internal::Workers;
using runtime_internal::YieldUntil;
using testing::Each;
using testing::ElementsAre;
using testing::Le;

// Two tasks that wake each other until `stop` is set, each from its worker's slot.
class PingPong {
 public:
  explicit PingPong(Event* stop) : stop_(*stop) {}

  auto Player(int self) {
    return PollFn([this, self](Context& cx) -> Poll<void> {
      Waker other;
      {
        MutexLock lock(&mutex_);
        other = std::move(wakers_[1 - self]);
        wakers_[self] = cx.waker().Clone();
      }
      std::move(other).Wake();
      return stop_.IsSet() ? Poll<void>::Ready() : Poll<void>(kPending);
    });
  }

 private:
  Event& stop_;
  Mutex mutex_;
  Waker wakers_[2] ABSL_GUARDED_BY(mutex_);
};

TEST(RuntimeFairnessTest, TasksThatWakeEachOtherDoNotStarveTheQueue) {
  Runtime runtime(Workers(1));
  Event stop;
  PingPong game(&stop);
  auto first = Spawn(runtime, game.Player(0));
  auto second = Spawn(runtime, game.Player(1));
  // Comes through the injector, and then waits in the queue behind yields.
  EXPECT_TRUE(runtime
                  .BlockOn([](Event& event) -> Task<void> {
                    for (int i = 0; i < 10; ++i) co_await YieldNow();
                    event.Set();
                  }(stop))
                  .ok());
  EXPECT_TRUE(runtime.BlockOn(std::move(first)).ok());
  EXPECT_TRUE(runtime.BlockOn(std::move(second)).ok());
}

// Two that wake each other run from the slot: each queued task waits for three such runs, and for
// those that were queued before it.
TEST(RuntimeFairnessTest, SlotDelaysEachQueuedTaskByAtMostThreeRuns) {
  constexpr int kQueued = 10;
  Runtime runtime(Workers(1));
  int runs = 0;
  std::vector<int> ran_at;
  std::atomic<bool> is_done{false};
  std::vector<std::unique_ptr<Call>> calls;
  for (int i = 0; i < kQueued; ++i) {
    calls.push_back(std::make_unique<Call>([&] {
      ran_at.push_back(++runs);
      if (ran_at.size() == kQueued) is_done = true;
    }));
  }
  std::array<std::unique_ptr<Call>, 2> pair;
  for (std::size_t self : {0, 1}) {
    pair[self] = std::make_unique<Call>([&, self] {
      ++runs;
      if (!is_done.load()) runtime.Schedule(pair[1 - self].get(), ScheduleHint::kWake);
    });
  }
  Call start([&] {
    runtime.Schedule(pair[0].get(), ScheduleHint::kWake);
    for (const auto& call : calls) runtime.Schedule(call.get(), ScheduleHint::kYield);
  });
  runtime.Schedule(&start, ScheduleHint::kSpawn);
  while (!is_done.load()) std::this_thread::yield();
  runtime.Shutdown(ShutdownMode::kDrain);
  for (int i = 0; i < kQueued; ++i) EXPECT_LE(ran_at[static_cast<std::size_t>(i)], 4 * (i + 1));
}

// The first of a batch holds its worker until the last one has run: another worker comes for them.
TEST(RuntimeFairnessTest, BatchOfAWorkerThatIsStuckIsTaken) {
  Runtime runtime(Workers(2));
  std::atomic<bool> both_busy{false};
  std::atomic<bool> is_stuck{false};
  std::atomic<bool> last_ran{false};
  std::atomic<bool> is_done{false};
  const auto await = [](const std::atomic<bool>& flag) {
    while (!flag.load()) std::this_thread::yield();
  };
  Call busy([&] {
    both_busy = true;
    await(is_stuck);
  });
  Call stuck([&] {
    is_stuck = true;
    await(last_ran);
    is_done = true;
  });
  Call before([] {});
  Call between([] {});
  Call last([&] { last_ran = true; });
  Call start([&] {
    runtime.Schedule(&busy, ScheduleHint::kSpawn);
    await(both_busy);
    for (Call* const call : {&before, &stuck, &between, &last}) {
      runtime.Schedule(call, ScheduleHint::kYield);
    }
  });
  runtime.Schedule(&start, ScheduleHint::kSpawn);
  await(is_done);
  runtime.Shutdown(ShutdownMode::kDrain);
  EXPECT_GE(runtime.Stats().Total().raids, 1u);  // the batch
}

// Its spawner wakes an idle worker for it, which then need not raid the slot.
TEST(RuntimeFairnessTest, WhatIsSpawnedByOneThatGoesOnIsStolen) {
  Runtime runtime(Workers(2));
  const auto are_idle = [&] {
    const WorkerStats total = runtime.Stats().Total();
    return total.parks >= 1 && total.polls >= 1;
  };
  while (!are_idle()) std::this_thread::yield();
  std::atomic<bool> has_run{false};
  std::atomic<bool> is_done{false};
  Call child([&] { has_run = true; });
  Call spawner([&] {
    runtime.Schedule(&child, ScheduleHint::kSpawn);
    while (!has_run.load()) std::this_thread::yield();
    is_done = true;
  });
  runtime.Schedule(&spawner, ScheduleHint::kSpawn);
  while (!is_done.load()) std::this_thread::yield();
  runtime.Shutdown(ShutdownMode::kDrain);
  EXPECT_EQ(runtime.Stats().Total().raids, 0u);
  EXPECT_GE(runtime.Stats().Total().steals, 1u);
}

// Whether a worker that runs nothing has waited three times since then, though nobody woke anybody.
bool HasMadeRounds(const RuntimeStats& begin, const RuntimeStats& now) {
  if (now.Total().wakes != begin.Total().wakes) return false;
  for (std::size_t i = 0; i < now.workers.size(); ++i) {
    const WorkerStats& worker = now.workers[i];
    const bool is_idle = worker.tasks_run == begin.workers[i].tasks_run;
    if (is_idle && worker.polls >= begin.workers[i].polls + 3) return true;
  }
  return false;
}

// Spawns tasks and joins each, until the other worker, which cannot get at them, makes rounds.
Task<void> SpawnAndJoinUntilPatrolled(Runtime& runtime) {
  RuntimeStats begin = runtime.Stats();
  while (true) {
    JoinHandle<int> child = Spawn(runtime, Add(1, 1));
    EXPECT_EQ(*co_await std::move(child), 2);
    RuntimeStats now = runtime.Stats();
    if (HasMadeRounds(begin, now)) co_return;
    if (now.Total().wakes != begin.Total().wakes) begin = std::move(now);
  }
}

Task<void> SetEvent(Event& event) {
  event.Set();
  co_return;
}

TEST(RuntimeFairnessTest, WhatAStuckWorkerKeepsIsTakenByTheOneThatMakesRounds) {
  Runtime runtime(Workers(2));
  for (int round = 0; round < 20; ++round) {
    EXPECT_TRUE(runtime
                    .BlockOn([](Runtime& executor) -> Task<void> {
                      co_await SpawnAndJoinUntilPatrolled(executor);
                      Event event;
                      Spawn(executor, SetEvent(event)).Detach();
                      while (!event.IsSet()) std::this_thread::yield();
                    }(runtime))
                    .ok());
  }
}

TEST(RuntimeFairnessTest, TaskThatYieldsForEverDoesNotStarveTheInjector) {
  Runtime runtime(Workers(1));
  std::atomic<bool> flag{false};
  auto yielder = Spawn(runtime, YieldUntil(flag));
  EXPECT_EQ(*runtime.BlockOn(Add(1, 1)), 2);
  flag = true;
  EXPECT_TRUE(runtime.BlockOn(std::move(yielder)).ok());
}

// Another thread injects something during the 200th run of the only worker, which always has others
// to run, and again while that runs. How many others run before each.
class Injection {
 public:
  explicit Injection(absl::Duration run) : run_(run) {}

  std::vector<int> RunsBefore() {
    EXPECT_TRUE(runtime_.BlockOn(Crowd()).ok());
    return runs_before_;
  }

 private:
  Task<> Crowd() {
    std::vector<JoinHandle<void>> tasks;
    for (int i = 0; i < 100; ++i) tasks.push_back(Spawn(runtime_, TakeTurns()));
    for (JoinHandle<void>& task : tasks) (void)co_await std::move(task);
  }

  Task<> TakeTurns() {
    while (runs_before_.size() < 2) {
      const Instant end = MonotonicNow() + run_;
      while (MonotonicNow() < end) {
      }
      if (++runs_ == 200) Inject();
      co_await YieldNow();
    }
  }

  void Inject() {
    runs_at_push_ = runs_;
    std::thread([this] { runtime_.Schedule(&injected_, ScheduleHint::kWake); }).join();
  }

  const absl::Duration run_;  // at least so long
  int runs_ = 0;              // one worker: no two runs at once
  int runs_at_push_ = 0;
  std::vector<int> runs_before_;
  Call injected_{[this] {
    runs_before_.push_back(runs_ - runs_at_push_);
    if (runs_before_.size() < 2) Inject();
  }};
  Runtime runtime_{Workers(1)};
};

TEST(RuntimeFairnessTest, WhatIsInjectedWaitsForAtMost64Runs) {
  EXPECT_THAT(Injection(absl::ZeroDuration()).RunsBefore(), Each(Le(64)));
}

TEST(RuntimeFairnessTest, Regression_WhatIsInjectedHasItsTurnWithinTwoLongRuns) {
  EXPECT_THAT(Injection(absl::Microseconds(20)).RunsBefore(), ElementsAre(0, 1));
}

}  // namespace
}  // namespace weft
