// Spawned tasks under real threads: polls of one task never overlap, no wake is lost, and each
// result arrives once. Every future here checks its poller; a lost wake hangs the test, an overlap
// or a wrong sum fails it.

#include <atomic>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <thread>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/mutex.h"
#include "future/block_on.h"
#include "future/cancel.h"
#include "future/context.h"
#include "future/manual_executor.h"
#include "future/poll.h"
#include "future/poll_fn.h"
#include "future/spawn.h"
#include "future/task.h"
#include "future/test_pool.h"
#include "future/waker.h"
#include "gtest/gtest.h"

namespace weft {
namespace {

// Keeps the waker of its last poll where a test can reach it; ready when told.
struct Gate {
  Mutex mutex;
  Waker waker;
  bool is_open = false;
  int polls = 0;

  Poll<int> poll(Context& cx) {
    MutexLock lock(&mutex);
    ++polls;
    if (is_open) return polls;
    waker = cx.waker().Clone();
    return kPending;
  }
  void Open() {
    Waker woken;
    {
      MutexLock lock(&mutex);
      is_open = true;
      woken = std::move(waker);
    }
    std::move(woken).Wake();
  }
};

auto Through(Gate* gate) {
  return PollFn([gate](Context& cx) { return gate->poll(cx); });
}

TEST(RunStateTest, AWakeWhileQueuedDoesNotQueueTwice) {
  ManualExecutor executor;
  Gate gate;
  JoinHandle<int> handle = Spawn(executor, Through(&gate));
  executor.RunUntilStalled();
  const Waker waker = gate.waker.Clone();
  waker.WakeByRef();
  waker.WakeByRef();
  EXPECT_EQ(executor.RunUntilStalled(), 1u);
  EXPECT_EQ(gate.polls, 2);
  gate.Open();
  EXPECT_EQ(*executor.BlockOn(std::move(handle)), 3);
}

TEST(RunStateTest, AWakeDuringThePollQueuesOnceMore) {
  ManualExecutor executor;
  int polls = 0;
  JoinHandle<int> handle = Spawn(executor, PollFn([&](Context& cx) -> Poll<int> {
                                   if (++polls == 3) return polls;
                                   cx.waker().WakeByRef();
                                   cx.waker().WakeByRef();
                                   return kPending;
                                 }));
  EXPECT_EQ(executor.RunUntilStalled(), 3u);
  EXPECT_EQ(*executor.BlockOn(std::move(handle)), 3);
}

TEST(RunStateTest, AWakeAfterTheEndIsIgnoredAndMayComeAfterTheHandle) {
  ManualExecutor executor;
  Waker late;
  {
    Gate gate;
    JoinHandle<int> handle = Spawn(executor, Through(&gate));
    executor.RunUntilStalled();
    late = gate.waker.Clone();
    gate.Open();
    executor.RunUntilStalled();
    late.WakeByRef();
    EXPECT_EQ(executor.RunUntilStalled(), 0u);
  }
  late.WakeByRef();
  EXPECT_EQ(executor.RunUntilStalled(), 0u);
  EXPECT_EQ(executor.live_tasks(), 0u);
}

TEST(RunStateTest, ATaskCancelledBeforeItsFirstPollIsStillJoined) {
  ManualExecutor executor;
  Gate gate;
  auto body = [](Gate* where) -> Task<int> { co_return co_await Through(where); };
  JoinHandle<int> handle = Spawn(executor, body(&gate));
  handle.Cancel();
  EXPECT_EQ(executor.BlockOn(std::move(handle)).status(),
            absl::CancelledError("the task was cancelled before it finished"));
  EXPECT_EQ(gate.polls, 0);
}

// Fails the test when two polls overlap; ready after a number of polls, each caused by a wake from
// yet another thread's future.
class Exclusive {
 public:
  using Output = int;

  Exclusive(int turns, int identity) : turns_(turns), identity_(identity) {}
  Exclusive(Exclusive&& other) noexcept : turns_(other.turns_), identity_(other.identity_) {}

  Poll<int> poll(Context& cx) {
    EXPECT_FALSE(is_polled_.exchange(true, std::memory_order_acq_rel));
    plain_ += 1;  // for ThreadSanitizer: ordered by the run state alone
    const bool is_done = plain_ > turns_;
    if (!is_done) cx.waker().WakeByRef();
    is_polled_.store(false, std::memory_order_release);
    if (is_done) return identity_;
    return kPending;
  }

 private:
  const int turns_;
  const int identity_;
  int plain_ = 0;
  std::atomic<bool> is_polled_{false};
};

TEST(SpawnStressTest, PollsOfOneTaskNeverOverlap) {
  constexpr int kTasks = 64;
  TestPool pool(4);
  std::vector<JoinHandle<int>> handles;
  for (int i = 0; i < kTasks; ++i) handles.push_back(Spawn(pool, Exclusive(50, i)));
  int64_t sum = 0;
  for (JoinHandle<int>& handle : handles) sum += *BlockOn(std::move(handle));
  EXPECT_EQ(sum, kTasks * (kTasks - 1) / 2);
}

TEST(SpawnStressTest, WakesFromManyThreadsAreNotLost) {
  constexpr int kRounds = 300;
  TestPool pool(3);
  for (int round = 0; round < kRounds; ++round) {
    Gate gate;
    JoinHandle<int> handle = Spawn(pool, Through(&gate));
    std::thread noise([&gate] {
      for (int i = 0; i < 5; ++i) {
        Waker waker;
        {
          MutexLock lock(&gate.mutex);
          waker = gate.waker.Clone();
        }
        waker.WakeByRef();
      }
    });
    gate.Open();
    EXPECT_GE(*BlockOn(std::move(handle)), 1);
    noise.join();
  }
}

TEST(SpawnStressTest, HandlesAreJoinedCancelledAndDroppedAsTasksFinish) {
  constexpr int kRounds = 500;
  TestPool pool(3);
  auto body = [](int turns) -> Task<int> {
    for (int i = 0; i < turns; ++i) co_await YieldNow();
    co_return turns;
  };
  int cancelled = 0;
  for (int round = 0; round < kRounds; ++round) {
    JoinHandle<int> handle = Spawn(pool, body(round % 7));
    switch (round % 3) {
      case 0:
        EXPECT_EQ(*BlockOn(std::move(handle)), round % 7);
        break;
      case 1: {
        handle.Cancel();
        absl::StatusOr<int> result = BlockOn(std::move(handle));
        if (!result.ok()) ++cancelled;
        EXPECT_TRUE(result.ok() || absl::IsCancelled(result.status())) << result.status();
        break;
      }
      default:
        std::move(handle).Detach();
    }
  }
  EXPECT_LE(cancelled, kRounds);
  pool.WaitUntilIdle();
}

TEST(SpawnStressTest, TasksJoinEachOtherInATree) {
  TestPool pool(4);
  struct Tree {
    static Task<int> Leaves(TestPool* where, int depth) {
      if (depth == 0) co_return 1;
      JoinHandle<int> left = Spawn(*where, Leaves(where, depth - 1));
      JoinHandle<int> right = Spawn(*where, Leaves(where, depth - 1));
      absl::StatusOr<int> a = co_await std::move(left);
      absl::StatusOr<int> b = co_await std::move(right);
      co_return *a + *b;
    }
  };
  EXPECT_EQ(*BlockOn(pool, Tree::Leaves(&pool, 9)), 512);
}

TEST(SpawnStressTest, ShutdownCancelsTasksWhereverTheyAre) {
  std::atomic<int> alive{0};
  auto body = [](std::atomic<int>* count) -> Task<> {
    struct Guard {
      std::atomic<int>* count;
      ~Guard() { count->fetch_sub(1); }
    };
    count->fetch_add(1);
    Guard guard{count};
    while (true) co_await YieldNow();
  };
  {
    TestPool pool(3);
    for (int i = 0; i < 100; ++i) Spawn(pool, body(&alive)).Detach();
  }
  EXPECT_EQ(alive, 0);
}

}  // namespace
}  // namespace weft
