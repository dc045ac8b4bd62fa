#include "future/contract.h"

#include <functional>
#include <stdexcept>
#include <thread>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "future/cancel.h"
#include "future/context.h"
#include "future/manual_executor.h"
#include "future/poll.h"
#include "future/poll_fn.h"
#include "future/sleep.h"
#include "future/task.h"
#include "future/waker.h"
#include "gtest/gtest.h"

namespace weft {
namespace {

template <typename F>
CheckedFuture<F> Checked(F future, ContractOptions options = {}) {
  return CheckedFuture<F>(std::move(future), options);
}

// Answers pending as often as told, then 7. Keeps wakers where it is told to.
struct Leaf {
  using Output = int;

  Poll<int> poll(Context& cx) {
    if (throws) throw std::runtime_error("leaf");
    if (stops) return kStopped;
    if (keeps != nullptr) keeps->push_back(cx.waker().Clone());
    if (wakes) cx.waker().WakeByRef();
    if (pending-- > 0) return kPending;
    return 7;
  }

  int pending = 0;
  std::vector<Waker>* keeps = nullptr;
  bool wakes = false;
  bool stops = false;
  bool throws = false;
};

class ContractTest : public testing::Test {
 protected:
  template <typename F>
  auto PollOnce(F& future) {
    Context cx(waker_, token_, &executor_);
    return future.poll(cx);
  }

  ManualExecutor executor_;
  Waker waker_;
  CancelToken token_;
  std::vector<Waker> kept_;
};

using ContractDeathTest = ContractTest;

Task<int> SleepTwice() {
  co_await SleepFor(absl::Seconds(1));
  co_await YieldNow();
  co_return 7;
}

TEST_F(ContractTest, LetsFuturesPassThatKeepIt) {
  EXPECT_EQ(*executor_.BlockOn(Checked(SleepTwice())), 7);
  EXPECT_EQ(*executor_.BlockOn(CheckContract(SleepTwice())), 7);
  EXPECT_THROW((void)executor_.BlockOn(Checked(Leaf{.throws = true})), std::runtime_error);
  auto before_its_poll = Checked(Leaf{});
  auto moved = std::move(before_its_poll);
  EXPECT_EQ(PollOnce(moved).value(), 7);
  auto woken = Checked(Leaf{.pending = 1, .wakes = true});
  EXPECT_TRUE(PollOnce(woken).IsPending());
  EXPECT_EQ(PollOnce(woken).value(), 7);
}

TEST_F(ContractDeathTest, PendingWithoutAWaker) {
  auto future = Checked(Leaf{.pending = 2});
  EXPECT_DEATH((void)PollOnce(future), "neither kept the waker nor woken it");
  // The waker of an earlier poll does not count.
  bool keeps = true;
  auto forgetful = Checked(PollFn([&](Context& cx) -> Poll<int> {
                             if (std::exchange(keeps, false)) kept_.push_back(cx.waker().Clone());
                             return kPending;
                           }),
                           {.drop = ContractOptions::Drop::kAnyTime});
  EXPECT_TRUE(PollOnce(forgetful).IsPending());
  EXPECT_DEATH((void)PollOnce(forgetful), "neither kept the waker nor woken it");
}

TEST_F(ContractDeathTest, PolledAfterItsEnd) {
  auto future = Checked(Leaf{});
  EXPECT_EQ(PollOnce(future).value(), 7);
  EXPECT_DEATH((void)PollOnce(future), "polled after it had finished");
  auto thrower = Checked(Leaf{.throws = true});
  EXPECT_THROW((void)PollOnce(thrower), std::runtime_error);
  EXPECT_DEATH((void)PollOnce(thrower), "polled after it had finished");
}

TEST_F(ContractDeathTest, MovedOrDestroyedInFlight) {
  auto future = Checked(Leaf{.pending = 1, .keeps = &kept_});
  EXPECT_TRUE(PollOnce(future).IsPending());
  EXPECT_DEATH(auto moved = std::move(future), "moved after its first poll");
  EXPECT_DEATH(
      {
        auto dropped = Checked(Leaf{.pending = 1, .keeps = &kept_});
        (void)PollOnce(dropped);
      },
      "destroyed between its first poll and its end");
  EXPECT_EQ(PollOnce(future).value(), 7);
}

TEST_F(ContractDeathTest, PolledFromInsideItsPoll) {
  std::function<Poll<int>(Context&)> itself;
  auto future = Checked(PollFn([&](Context& cx) { return itself(cx); }));
  itself = [&](Context& cx) { return future.poll(cx); };
  EXPECT_DEATH((void)PollOnce(future), "another poll of it runs");
}

TEST_F(ContractDeathTest, StopsUnasked) {
  auto may = Checked(Leaf{.stops = true});
  EXPECT_TRUE(PollOnce(may).IsStopped());
  auto may_not = Checked(Leaf{.stops = true}, {.stops = ContractOptions::Stops::kWhenAsked});
  EXPECT_DEATH((void)PollOnce(may_not), "nobody asked it to stop");
}

TEST_F(ContractDeathTest, PolledOnAnotherThread) {
  const auto poll_elsewhere = [this](auto& future) {
    std::thread([&] { (void)PollOnce(future); }).join();
  };
  auto free = Checked(Leaf{.pending = 1, .keeps = &kept_});
  EXPECT_TRUE(PollOnce(free).IsPending());
  poll_elsewhere(free);
  auto moved_before = Checked(Leaf{}, {.threads = ContractOptions::Threads::kOne});
  poll_elsewhere(moved_before);
  auto bound =
      Checked(Leaf{.pending = 1, .keeps = &kept_}, {.threads = ContractOptions::Threads::kOne});
  EXPECT_TRUE(PollOnce(bound).IsPending());
  EXPECT_DEATH(poll_elsewhere(bound), "polled on another one");
  EXPECT_EQ(PollOnce(bound).value(), 7);
}

TEST_F(ContractDeathTest, LeavesAWakerBehind) {
  EXPECT_DEATH(
      {
        auto leaks = Checked(Leaf{.keeps = &kept_}, {.wakers = ContractOptions::Wakers::kGoWithIt});
        (void)PollOnce(leaks);
      },
      "somebody still keeps its waker");
}

}  // namespace
}  // namespace weft
