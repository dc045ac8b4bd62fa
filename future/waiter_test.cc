// Question: does WakingLock wake each served waiter once, without the mutex, and none that has left
// meanwhile? Named faults of others: a close that walks a list which a concurrent cancellation
// changes; a wake-up under the lock.
#include "future/waiter.h"

#include <cstddef>
#include <functional>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "base/intrusive_list.h"
#include "base/mutex.h"
#include "future/cancel.h"
#include "future/context.h"
#include "future/waker.h"
#include "gtest/gtest.h"

namespace weft {
namespace {

// Far more than one batch.
constexpr int kMany = 100;

// What a waker calls; counts who holds it.
struct Target {
  int wakes = 0;
  int references = 0;
  std::function<void()> on_wake = [] {};

  Waker MakeWaker() {
    static constexpr Waker::VTable kVTable = {
        .add_ref = [](void* target) { ++static_cast<Target*>(target)->references; },
        .drop = [](void* target) { --static_cast<Target*>(target)->references; },
        .wake =
            [](void* target) {
              ++static_cast<Target*>(target)->wakes;
              static_cast<Target*>(target)->on_wake();
            },
    };
    ++references;
    return Waker(&kVTable, this);
  }
};

struct TestWaiter : WaiterBase<TestWaiter> {};

// The smallest primitive: all wait until it is closed.
class Gate {
 public:
  void Wait(TestWaiter& waiter, Target& target) {
    const Waker waker = target.MakeWaker();
    const CancelToken token;
    const Context cx(waker, token);
    WakingLock<TestWaiter> lock(&mu_, &served_);
    StartWaiting(waiting_, waiter, cx);
  }

  void Close() {
    WakingLock<TestWaiter> lock(&mu_, &served_);
    while (TestWaiter* const waiter = waiting_.PopFront()) {
      Serve(*waiter, WaitState::kReleased, served_);
    }
  }

  // Returns in which state the waiter was.
  WaitState Leave(TestWaiter& waiter) {
    Waker old;
    WakingLock<TestWaiter> lock(&mu_, &served_);
    const WaitState state = waiter.state;
    old = StopWaiting(waiter);
    return state;
  }

  bool IsUnlocked() {
    if (!mu_.TryLock()) return false;
    mu_.Unlock();
    return true;
  }

 private:
  Mutex mu_;
  IntrusiveList<TestWaiter> waiting_ ABSL_GUARDED_BY(mu_);
  IntrusiveList<TestWaiter> served_ ABSL_GUARDED_BY(mu_);
};

class WaiterTest : public testing::Test {
 protected:
  WaiterTest() : targets_(kMany), waiters_(kMany) {
    for (std::size_t i = 0; i < kMany; ++i) gate_.Wait(waiters_[i], targets_[i]);
  }

  Gate gate_;
  std::vector<Target> targets_;
  std::vector<TestWaiter> waiters_;
};

TEST_F(WaiterTest, AllAreWokenOnceInOrderWithoutTheMutex) {
  std::vector<std::size_t> order;
  for (std::size_t i = 0; i < kMany; ++i) {
    targets_[i].on_wake = [this, i, &order] {
      EXPECT_TRUE(gate_.IsUnlocked());
      order.push_back(i);
    };
  }
  gate_.Close();
  ASSERT_EQ(order.size(), static_cast<std::size_t>(kMany));
  for (std::size_t i = 0; i < kMany; ++i) {
    EXPECT_EQ(order[i], i);
    EXPECT_EQ(targets_[i].references, 0);
    EXPECT_EQ(gate_.Leave(waiters_[i]), WaitState::kReleased);
  }
}

TEST_F(WaiterTest, WhoLeavesWhileWaitingIsNotWoken) {
  EXPECT_EQ(gate_.Leave(waiters_[1]), WaitState::kWaiting);
  EXPECT_EQ(targets_[1].references, 0);
  gate_.Close();
  EXPECT_EQ(targets_[0].wakes, 1);
  EXPECT_EQ(targets_[1].wakes, 0);
  EXPECT_EQ(targets_[2].wakes, 1);
}

// The first wake-up destroys the future of one behind its batch, which is served and in the list of
// the served, and must leave that list.
TEST_F(WaiterTest, WhoLeavesBetweenBeingServedAndWokenIsNotWoken) {
  constexpr std::size_t kLeaver = kMany - 1;
  targets_[0].on_wake = [this] { EXPECT_EQ(gate_.Leave(waiters_[kLeaver]), WaitState::kReleased); };
  gate_.Close();
  for (std::size_t i = 0; i < kMany; ++i) {
    EXPECT_EQ(targets_[i].wakes, i == kLeaver ? 0 : 1) << i;
    EXPECT_EQ(targets_[i].references, 0) << i;
  }
}

// Who is woken may wait again at once, in the same primitive.
TEST_F(WaiterTest, WhoWaitsAgainWhenWokenIsNotWokenAgain) {
  targets_[0].on_wake = [this] {
    gate_.Leave(waiters_[0]);
    gate_.Wait(waiters_[0], targets_[0]);
  };
  gate_.Close();
  EXPECT_EQ(targets_[0].wakes, 1);
  EXPECT_EQ(gate_.Leave(waiters_[0]), WaitState::kWaiting);
}

// Up to one batch, the mutex is not touched after its release: who is woken may end everything.
TEST(WakingLockTest, WhoIsWokenInTheLastBatchMayDestroyThePrimitive) {
  auto gate = std::make_unique<Gate>();
  std::vector<Target> targets(WakingLock<TestWaiter>::kBatch);
  std::vector<TestWaiter> waiters(WakingLock<TestWaiter>::kBatch);
  for (std::size_t i = 0; i < targets.size(); ++i) gate->Wait(waiters[i], targets[i]);
  targets[0].on_wake = [&gate] { gate.reset(); };
  gate->Close();
  for (const Target& target : targets) EXPECT_EQ(target.wakes, 1);
}

TEST(WakingLockTest, ClosingWhileOthersLeaveOnlyChangesWhoIsWoken) {
  for (int round = 0; round < 200; ++round) {
    Gate gate;
    std::vector<Target> targets(kMany);
    std::vector<TestWaiter> waiters(kMany);
    for (std::size_t i = 0; i < kMany; ++i) gate.Wait(waiters[i], targets[i]);
    std::vector<WaitState> left_in(kMany);
    std::thread leaver([&] {
      for (std::size_t i = kMany; i-- > 0;) left_in[i] = gate.Leave(waiters[i]);
    });
    gate.Close();
    leaver.join();
    for (std::size_t i = 0; i < kMany; ++i) {
      EXPECT_LE(targets[i].wakes, left_in[i] == WaitState::kReleased ? 1 : 0);
    }
  }
}

}  // namespace
}  // namespace weft
