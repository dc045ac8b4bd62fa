// Goal: each bullet of the semaphore's contract; permits are conserved when task t is cancelled
// before its k-th step, for all t and all k; no more tasks inside than permits, on real threads.
#include "sync/semaphore.h"

#include <atomic>
#include <cstddef>
#include <optional>
#include <string>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include "future/block_on.h"
#include "future/cancel.h"
#include "future/context.h"
#include "future/future.h"
#include "future/manual_executor.h"
#include "future/poll_fn.h"
#include "future/spawn.h"
#include "future/task.h"
#include "future/waker.h"
#include "gtest/gtest.h"

namespace weft {
namespace {

static_assert(Future<Semaphore::AcquireFuture>);
static_assert(!std::is_copy_constructible_v<SemaphorePermit>);
static_assert(!std::is_move_constructible_v<Semaphore>);

// Takes `count` permits, notes its name, waits `yields` turns, and gives them back.
Task<> Visit(Semaphore* semaphore, std::size_t count, char name, std::string* log, int yields = 0) {
  const SemaphorePermit permit = co_await semaphore->Acquire(count);
  log->push_back(name);
  for (int i = 0; i < yields; ++i) co_await YieldNow();
}

TEST(SemaphoreTest, PermitsGoBackWithTheirGuard) {
  Semaphore semaphore(2);
  {
    const SemaphorePermit first = BlockOn(semaphore.Acquire());
    SemaphorePermit second = BlockOn(semaphore.Acquire());
    EXPECT_EQ(semaphore.available(), 0u);
    EXPECT_FALSE(semaphore.TryAcquire().has_value());
    second.Release();
    second.Release();
    EXPECT_EQ(second.count(), 0u);
    EXPECT_EQ(semaphore.available(), 1u);
    EXPECT_TRUE(semaphore.TryAcquire().has_value());
  }
  EXPECT_EQ(semaphore.available(), 2u);
}

TEST(SemaphoreTest, MovedPermitGoesBackOnce) {
  Semaphore semaphore(3);
  std::optional<SemaphorePermit> first = semaphore.TryAcquire(2);
  std::optional<SemaphorePermit> second = semaphore.TryAcquire(1);
  *first = *std::move(second);
  EXPECT_EQ(first->count(), 1u);
  second.reset();
  EXPECT_EQ(semaphore.available(), 2u);
  first.reset();
  EXPECT_EQ(semaphore.available(), 3u);
}

TEST(SemaphoreTest, ForgottenPermitDoesNotComeBackAndAddedOnesDo) {
  Semaphore semaphore(1);
  BlockOn(semaphore.Acquire()).Forget();
  EXPECT_EQ(semaphore.available(), 0u);
  semaphore.AddPermits(4);
  EXPECT_EQ(semaphore.available(), 4u);
}

TEST(SemaphoreTest, AcquireWaitsUntilThereAreEnough) {
  ManualExecutor executor;
  Semaphore semaphore(0);
  std::string log;
  JoinHandle<void> visit = Spawn(executor, Visit(&semaphore, 3, 'a', &log));
  for (int i = 0; i < 3; ++i) {
    executor.RunUntilStalled();
    EXPECT_EQ(log, "");
    semaphore.AddPermits(1);
  }
  executor.RunUntilStalled();
  EXPECT_EQ(log, "a");
  EXPECT_EQ(semaphore.available(), 3u);
}

TEST(SemaphoreTest, FirstComeFirstServedWhateverTheNumbers) {
  ManualExecutor executor;
  Semaphore semaphore(2);
  std::string log;
  std::optional<SemaphorePermit> one = semaphore.TryAcquire();
  Spawn(executor, Visit(&semaphore, 2, 'a', &log)).Detach();  // Wide: one permit is missing.
  Spawn(executor, Visit(&semaphore, 1, 'b', &log)).Detach();
  executor.RunUntilStalled();
  EXPECT_EQ(log, "") << "a narrow request overtook a wide one";
  EXPECT_FALSE(semaphore.TryAcquire().has_value()) << "TryAcquire overtook a waiter";
  one.reset();
  executor.RunUntilStalled();
  EXPECT_EQ(log, "ab");
}

TEST(SemaphoreTest, CancelledWideRequestLetsTheNarrowOnesThrough) {
  ManualExecutor executor;
  Semaphore semaphore(1);
  std::string log;
  JoinHandle<void> wide = Spawn(executor, Visit(&semaphore, 5, 'a', &log));
  JoinHandle<void> narrow = Spawn(executor, Visit(&semaphore, 1, 'b', &log));
  executor.RunUntilStalled();
  EXPECT_EQ(log, "");
  wide.Cancel();
  executor.RunUntilStalled();
  EXPECT_EQ(log, "b");
  EXPECT_EQ(semaphore.available(), 1u);
}

TEST(SemaphoreTest, GrantThatReachesACancelledWaiterGoesToTheNext) {
  ManualExecutor executor;
  Semaphore semaphore(0);
  std::string log;
  JoinHandle<void> first = Spawn(executor, Visit(&semaphore, 1, 'a', &log));
  JoinHandle<void> second = Spawn(executor, Visit(&semaphore, 1, 'b', &log));
  executor.RunUntilStalled();
  semaphore.AddPermits(1);  // Granted to the first, which has not run yet.
  EXPECT_EQ(semaphore.available(), 0u);
  first.Cancel();
  executor.RunUntilStalled();
  EXPECT_EQ(log, "b");
  EXPECT_EQ(semaphore.available(), 1u);
}

TEST(SemaphoreTest, DroppedFuturesGiveTheirGrantBack) {
  Semaphore semaphore(0);
  const Waker waker;
  const CancelToken token;
  Context cx(waker, token);
  {
    auto granted = semaphore.Acquire();
    auto waiting = semaphore.Acquire();
    ASSERT_TRUE(granted.poll(cx).IsPending());
    ASSERT_TRUE(waiting.poll(cx).IsPending());
    semaphore.AddPermits(1);
  }
  EXPECT_EQ(semaphore.available(), 1u);
}

// Four tasks with different needs over three permits; task t is cancelled before step k.
TEST(SemaphoreTest, CancellingEachTaskAtEachStepConservesThePermits) {
  constexpr int kTasks = 4;
  constexpr std::size_t kNeeds[kTasks] = {1, 3, 2, 1};
  int runs = 0;
  for (int victim = 0; victim < kTasks; ++victim) {
    for (int step = 0;; ++step) {
      SCOPED_TRACE(testing::Message() << "task " << victim << " cancelled before step " << step);
      ManualExecutor executor;
      Semaphore semaphore(3);
      std::string log;
      std::vector<JoinHandle<void>> handles;
      for (int t = 0; t < kTasks; ++t) {
        const char name = static_cast<char>('a' + t);
        handles.push_back(Spawn(executor, Visit(&semaphore, kNeeds[t], name, &log, 2)));
      }
      int done = 0;
      while (done < step && executor.RunOne()) ++done;
      handles[victim].Cancel();
      executor.RunUntilStalled();
      EXPECT_EQ(executor.live_tasks(), 0u) << "a task waits although permits are free";
      EXPECT_EQ(semaphore.available(), 3u);
      EXPECT_GE(log.size(), kTasks - 1u);
      ++runs;
      if (done < step) break;
    }
  }
  EXPECT_GT(runs, 30) << "the scenario has become trivial";
}

// A waker that uses the semaphore from inside its wake: hangs if anything is woken under the lock.
TEST(SemaphoreTest, NothingIsWokenUnderTheLock) {
  static constexpr Waker::VTable kVTable = {
      [](void*) {}, [](void*) {}, [](void* data) { static_cast<Semaphore*>(data)->AddPermits(1); }};
  Semaphore semaphore(0);
  const Waker waker(&kVTable, &semaphore);
  const CancelToken token;
  Context cx(waker, token);
  auto acquire = semaphore.Acquire();
  ASSERT_TRUE(acquire.poll(cx).IsPending());
  semaphore.AddPermits(1);
  EXPECT_EQ(semaphore.available(), 1u);
  EXPECT_TRUE(acquire.poll(cx).IsReady());
}

TEST(SemaphoreTest, NeverMoreThreadsInsideThanPermits) {
  constexpr int kPermits = 2;
  Semaphore semaphore(kPermits);
  std::atomic<int> inside{0};
  std::atomic<int> most{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 400; ++i) {
        const std::size_t count = 1 + (t + i) % kPermits;
        const SemaphorePermit permit = BlockOn(semaphore.Acquire(count));
        const int now = inside.fetch_add(static_cast<int>(count)) + static_cast<int>(count);
        int seen = most.load();
        while (now > seen && !most.compare_exchange_weak(seen, now)) {
        }
        inside.fetch_sub(static_cast<int>(count));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_LE(most.load(), kPermits);
  EXPECT_EQ(semaphore.available(), static_cast<std::size_t>(kPermits));
}

TEST(SemaphoreDeathTest, MovingAPolledFutureIsRefusedWithItsReason) {
  Semaphore semaphore(1);
  const Waker waker;
  const CancelToken token;
  Context cx(waker, token);
  auto acquire = semaphore.Acquire();
  EXPECT_TRUE(acquire.poll(cx).IsReady());
  EXPECT_DEATH(auto moved = std::move(acquire), "moved after its first poll");
}

}  // namespace
}  // namespace weft
