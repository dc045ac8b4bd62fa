// Goal: each bullet of the contract of Notify; no NotifyOne() is lost when task t is cancelled
// before its k-th step; no wake-up is lost between a condition and its wait, on real threads.
#include "sync/notify.h"

#include <atomic>
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

static_assert(Future<NotifyWait>);
static_assert(!std::is_copy_constructible_v<NotifyWait>);
static_assert(!std::is_move_constructible_v<Notify>);

Task<> WaitAndLog(Notify* notify, char name, std::string* log) {
  co_await notify->Wait();
  log->push_back(name);
}

class NotifyTest : public testing::Test {
 protected:
  JoinHandle<void> SpawnWaiter(char name) {
    JoinHandle<void> handle = Spawn(executor_, WaitAndLog(&notify_, name, &log_));
    executor_.RunUntilStalled();
    return handle;
  }

  Notify notify_;
  std::string log_;
  ManualExecutor executor_;
};

TEST_F(NotifyTest, NotifyOneWakesTheFirstWaiterOnly) {
  for (char name : {'a', 'b', 'c'}) SpawnWaiter(name).Detach();
  notify_.NotifyOne();
  executor_.RunUntilStalled();
  EXPECT_EQ(log_, "a");
  notify_.NotifyOne();
  notify_.NotifyOne();
  executor_.RunUntilStalled();
  EXPECT_EQ(log_, "abc");
}

TEST_F(NotifyTest, NotifyOneWithoutAWaiterLeavesOneToken) {
  notify_.NotifyOne();
  notify_.NotifyOne();
  SpawnWaiter('a').Detach();
  EXPECT_EQ(log_, "a");
  SpawnWaiter('b').Detach();
  EXPECT_EQ(log_, "a") << "tokens must not add up";
  notify_.NotifyOne();
  executor_.RunUntilStalled();
}

TEST_F(NotifyTest, NotifyAllWakesEverybodyAndLeavesNoToken) {
  for (char name : {'a', 'b', 'c'}) SpawnWaiter(name).Detach();
  notify_.NotifyAll();
  executor_.RunUntilStalled();
  EXPECT_EQ(log_, "abc");
  SpawnWaiter('d').Detach();
  EXPECT_EQ(log_, "abc");
  notify_.NotifyAll();
  executor_.RunUntilStalled();
}

TEST_F(NotifyTest, NotifyAllReachesFuturesThatWereMadeBeforeIt) {
  NotifyWait made_before = notify_.Wait();
  notify_.NotifyAll();
  NotifyWait made_after = notify_.Wait();
  const Waker waker;
  const CancelToken token;
  Context cx(waker, token);
  EXPECT_TRUE(made_before.poll(cx).IsReady());
  EXPECT_TRUE(made_after.poll(cx).IsPending());
}

TEST_F(NotifyTest, NotifyOneThatReachedACancelledWaiterGoesToTheNext) {
  JoinHandle<void> first = SpawnWaiter('a');
  JoinHandle<void> second = SpawnWaiter('b');
  notify_.NotifyOne();
  first.Cancel();
  executor_.RunUntilStalled();
  EXPECT_EQ(log_, "b");
}

TEST_F(NotifyTest, NotifyOneThatReachedTheLastWaiterBecomesTheTokenWhenItIsCancelled) {
  JoinHandle<void> only = SpawnWaiter('a');
  notify_.NotifyOne();
  only.Cancel();
  executor_.RunUntilStalled();
  EXPECT_EQ(log_, "");
  SpawnWaiter('b').Detach();
  EXPECT_EQ(log_, "b");
}

TEST_F(NotifyTest, NotifyAllThatReachedACancelledWaiterLeavesNothingBehind) {
  JoinHandle<void> only = SpawnWaiter('a');
  notify_.NotifyAll();
  only.Cancel();
  executor_.RunUntilStalled();
  JoinHandle<void> next = SpawnWaiter('b');
  EXPECT_EQ(log_, "");
  next.Cancel();
  executor_.RunUntilStalled();
}

TEST_F(NotifyTest, DroppedFuturePassesItsNotificationOn) {
  const Waker waker;
  const CancelToken token;
  Context cx(waker, token);
  NotifyWait last = notify_.Wait();
  {
    NotifyWait notified = notify_.Wait();
    NotifyWait waiting = notify_.Wait();
    ASSERT_TRUE(notified.poll(cx).IsPending());
    ASSERT_TRUE(waiting.poll(cx).IsPending());
    ASSERT_TRUE(last.poll(cx).IsPending());
    notify_.NotifyOne();
  }
  EXPECT_TRUE(last.poll(cx).IsReady());
}

// Three waiters, two notifications, one cancelled waiter: the other two are always woken.
TEST(NotifyCancelTest, CancellingEachWaiterAtEachStepLosesNoNotification) {
  for (int victim = 0; victim < 3; ++victim) {
    for (int step = 0; step < 12; ++step) {
      SCOPED_TRACE(testing::Message() << "task " << victim << " cancelled at step " << step);
      Notify notify;
      std::string log;
      ManualExecutor executor;
      std::vector<JoinHandle<void>> handles;
      for (char name : {'a', 'b', 'c'}) {
        handles.push_back(Spawn(executor, WaitAndLog(&notify, name, &log)));
      }
      handles.push_back(Spawn(executor, [](Notify* target) -> Task<> {
        for (int i = 0; i < 2; ++i) {
          co_await YieldNow();
          target->NotifyOne();
        }
      }(&notify)));
      for (int i = 0; i < step; ++i) executor.RunOne();
      handles[victim].Cancel();
      executor.RunUntilStalled();
      const bool victim_was_first = log.find(static_cast<char>('a' + victim)) != std::string::npos;
      if (victim_was_first) notify.NotifyOne();  // It had used one up; the third still waits.
      executor.RunUntilStalled();
      EXPECT_EQ(executor.live_tasks(), 0u) << log;
    }
  }
}

// A waker that uses the Notify from inside its wake: hangs if anything is woken under the lock.
TEST(NotifyLockTest, NothingIsWokenUnderTheLock) {
  static constexpr Waker::VTable kVTable = {
      [](void*) {}, [](void*) {}, [](void* data) { static_cast<Notify*>(data)->NotifyOne(); }};
  Notify notify;
  const Waker waker(&kVTable, &notify);
  const CancelToken token;
  Context cx(waker, token);
  NotifyWait first = notify.Wait();
  ASSERT_TRUE(first.poll(cx).IsPending());
  notify.NotifyAll();
  EXPECT_TRUE(first.poll(cx).IsReady());
  NotifyWait second = notify.Wait();
  EXPECT_TRUE(second.poll(cx).IsReady()) << "the waker left a token";
}

Task<> WaitUntil(Notify* changed, std::atomic<int>* value, int wanted) {
  for (;;) {
    NotifyWait wait = changed->Wait();  // Before the look: from here on NotifyAll() counts.
    if (value->load(std::memory_order_relaxed) >= wanted) co_return;
    co_await wait;
  }
}

TEST(NotifyStressTest, NoChangeIsMissedBetweenTheLookAndTheWait) {
  for (int round = 0; round < 100; ++round) {
    Notify changed;
    std::atomic<int> value{0};
    std::vector<std::thread> threads;
    for (int t = 0; t < 3; ++t) {
      threads.emplace_back([&] { BlockOn(WaitUntil(&changed, &value, 5)); });
    }
    for (int i = 0; i < 5; ++i) {
      value.fetch_add(1, std::memory_order_relaxed);
      changed.NotifyAll();
    }
    for (std::thread& thread : threads) thread.join();
  }
}

TEST(NotifyStressTest, EachNotificationLetsOneThreadOn) {
  constexpr int kRounds = 1500;
  Notify ping;
  Notify pong;
  int ball = 0;  // Not atomic: the notifications order the accesses.
  std::thread other([&] {
    for (int i = 0; i < kRounds; ++i) {
      BlockOn(ping.Wait());
      ++ball;
      pong.NotifyOne();
    }
  });
  for (int i = 0; i < kRounds; ++i) {
    ++ball;
    ping.NotifyOne();
    BlockOn(pong.Wait());
    EXPECT_EQ(ball, 2 * i + 2);
  }
  other.join();
}

}  // namespace
}  // namespace weft
