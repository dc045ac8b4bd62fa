// Goal: each bullet of the mutex's contract, also when task t is cancelled before its k-th step for
// all t and all k, and on real threads.
#include "sync/async_mutex.h"

#include <optional>
#include <string>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include "future/block_on.h"
#include "future/future.h"
#include "future/manual_executor.h"
#include "future/poll_fn.h"
#include "future/spawn.h"
#include "future/task.h"
#include "gtest/gtest.h"

namespace weft {
namespace {

static_assert(Future<AsyncMutex::LockFuture>);
static_assert(!std::is_copy_constructible_v<AsyncMutexGuard>);
static_assert(!std::is_move_constructible_v<AsyncMutex>);

// Writes its name in lower case, waits inside the critical section, writes it in upper case.
Task<> Visit(AsyncMutex* mutex, char name, std::string* log) {
  const AsyncMutexGuard guard = co_await mutex->Lock();
  log->push_back(name);
  co_await YieldNow();
  co_await YieldNow();
  log->push_back(static_cast<char>(name - 'a' + 'A'));
}

TEST(AsyncMutexTest, LockExcludesUntilTheGuardGoes) {
  AsyncMutex mutex;
  {
    AsyncMutexGuard guard = BlockOn(mutex.Lock());
    EXPECT_TRUE(guard.OwnsLock());
    EXPECT_FALSE(mutex.TryLock().has_value());
    guard.Unlock();
    guard.Unlock();
    EXPECT_FALSE(guard.OwnsLock());
    EXPECT_TRUE(mutex.TryLock().has_value());
    guard = BlockOn(mutex.Lock());
  }
  EXPECT_TRUE(mutex.TryLock().has_value());
}

TEST(AsyncMutexTest, CriticalSectionsThatWaitDoNotInterleaveAndComeInOrder) {
  ManualExecutor executor;
  AsyncMutex mutex;
  std::string log;
  for (char name : {'a', 'b', 'c'}) Spawn(executor, Visit(&mutex, name, &log)).Detach();
  executor.RunUntilStalled();
  EXPECT_EQ(log, "aAbBcC");
}

TEST(AsyncMutexTest, NewcomerDoesNotOvertakeAWaiter) {
  ManualExecutor executor;
  AsyncMutex mutex;
  std::string log;
  std::optional<AsyncMutexGuard> guard = mutex.TryLock();
  Spawn(executor, Visit(&mutex, 'a', &log)).Detach();
  executor.RunUntilStalled();
  guard.reset();
  EXPECT_FALSE(mutex.TryLock().has_value()) << "the mutex belongs to the waiter already";
  executor.RunUntilStalled();
  EXPECT_EQ(log, "aA");
}

TEST(AsyncMutexTest, CancellingEachTaskAtEachStepLeavesTheMutexFree) {
  int runs = 0;
  for (int victim = 0; victim < 3; ++victim) {
    for (int step = 0;; ++step) {
      SCOPED_TRACE(testing::Message() << "task " << victim << " cancelled before step " << step);
      ManualExecutor executor;
      AsyncMutex mutex;
      std::string log;
      std::vector<JoinHandle<void>> handles;
      for (char name : {'a', 'b', 'c'}) {
        handles.push_back(Spawn(executor, Visit(&mutex, name, &log)));
      }
      int done = 0;
      while (done < step && executor.RunOne()) ++done;
      handles[victim].Cancel();
      executor.RunUntilStalled();
      EXPECT_EQ(executor.live_tasks(), 0u) << "a task waits for a mutex that nobody holds";
      EXPECT_TRUE(mutex.TryLock().has_value());
      for (int t = 0; t < 3; ++t) {
        if (t == victim) continue;
        const char name = static_cast<char>('a' + t);
        const std::string section = {name, static_cast<char>(name - 'a' + 'A')};
        EXPECT_NE(log.find(section), std::string::npos) << log;
      }
      ++runs;
      if (done < step) break;
    }
  }
  EXPECT_GT(runs, 20) << "the scenario has become trivial";
}

TEST(AsyncMutexTest, ThreadsSeeWhatTheLastHolderDid) {
  AsyncMutex mutex;
  int count = 0;  // Not atomic: the mutex orders the accesses.
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 500; ++i) {
        const AsyncMutexGuard guard = BlockOn(mutex.Lock());
        ++count;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(count, 2000);
}

TEST(AsyncMutexDeathTest, DestroyingALockedMutexIsReported) {
  EXPECT_DEATH(
      {
        std::optional<AsyncMutex> mutex(std::in_place);
        std::optional<AsyncMutexGuard> guard = mutex->TryLock();
        mutex.reset();
      },
      "expected an unlocked mutex, found a locked one");
}

}  // namespace
}  // namespace weft
