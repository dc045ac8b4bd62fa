// The contract of SharedTimerWheel, stepped: one thread plays the owner and the others. Races are
// for shared_timer_wheel_model_test and shared_timer_wheel_stress_test.
#include "timer/shared_timer_wheel.h"

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/time/time.h"
#include "base/instant.h"
#include "gtest/gtest.h"
#include "timer/manual_clock.h"

namespace weft {
namespace {

constexpr Instant kStart = Instant::FromNanos(55'555);

static_assert(sizeof(SharedTimer) == 32, "shared_timer_wheel.h promises 32 bytes");

Instant At(int64_t ms) { return kStart + absl::Milliseconds(ms); }

class SharedTimerWheelTest : public testing::Test {
 protected:
  void ArmRemotely(SharedTimer* timer, Instant deadline) {
    EXPECT_EQ(wheel_.ArmRemotely(timer, deadline), ArmResult::kArmed) << "the owner is awake";
  }
  SharedTimer* AdvanceAndPop(int64_t ms) {
    wheel_.Advance(At(ms));
    return wheel_.PopExpired();
  }

  SharedTimerWheel wheel_{kStart};
};

TEST_F(SharedTimerWheelTest, ARemotelyArmedTimerExpiresOnceAndNeverEarly) {
  SharedTimer timer;
  EXPECT_TRUE(timer.IsReleased());
  ArmRemotely(&timer, At(20));
  EXPECT_FALSE(timer.IsReleased());
  EXPECT_LE(wheel_.NextDeadline(), kStart) << "the inbox wants to be emptied";
  EXPECT_EQ(AdvanceAndPop(19), nullptr);
  EXPECT_EQ(wheel_.NextDeadline(), At(20));
  EXPECT_EQ(AdvanceAndPop(20), &timer);
  EXPECT_TRUE(timer.IsReleased());
  EXPECT_EQ(AdvanceAndPop(1'000), nullptr);
  EXPECT_EQ(wheel_.stats().remote, 1u);
  EXPECT_EQ(wheel_.stats().fired, 1u);
}

TEST_F(SharedTimerWheelTest, TheOwnerArmsAndCancelsWithoutTheInbox) {
  SharedTimer timer;
  wheel_.Arm(&timer, At(5));
  EXPECT_EQ(wheel_.NextDeadline(), At(5));
  EXPECT_TRUE(wheel_.Cancel(&timer));
  EXPECT_TRUE(timer.IsReleased());
  EXPECT_FALSE(wheel_.Cancel(&timer));
  wheel_.Arm(&timer, At(7), absl::Milliseconds(1));
  EXPECT_EQ(AdvanceAndPop(7), nullptr) << "8 is rounder";
  EXPECT_EQ(AdvanceAndPop(8), &timer);
  EXPECT_EQ(wheel_.stats().remote, 0u);
}

TEST_F(SharedTimerWheelTest, ATimerInTheInboxCanBeCancelledMovedAndCancelled) {
  SharedTimer timer;
  ArmRemotely(&timer, At(5));
  EXPECT_TRUE(wheel_.CancelRemotely(&timer));
  EXPECT_FALSE(wheel_.CancelRemotely(&timer));
  EXPECT_FALSE(timer.IsReleased()) << "it lies in the inbox";
  ArmRemotely(&timer, At(9));
  ArmRemotely(&timer, At(6));
  EXPECT_EQ(AdvanceAndPop(5), nullptr);
  EXPECT_EQ(wheel_.NextDeadline(), At(6));
  ArmRemotely(&timer, At(8));
  EXPECT_TRUE(wheel_.Cancel(&timer)) << "the owner cancels what lies in the inbox";
  EXPECT_FALSE(timer.IsReleased());
  EXPECT_EQ(AdvanceAndPop(100), nullptr);
  EXPECT_TRUE(timer.IsReleased());
}

TEST_F(SharedTimerWheelTest, ACancelledTimerIsReleasedByTheNextAdvance) {
  SharedTimer timer;
  wheel_.Arm(&timer, At(500));
  EXPECT_TRUE(wheel_.CancelRemotely(&timer));
  EXPECT_FALSE(timer.IsReleased());
  EXPECT_EQ(wheel_.size(), 1u);
  wheel_.Advance(kStart);
  EXPECT_TRUE(timer.IsReleased());
  EXPECT_EQ(wheel_.size(), 0u);
}

TEST_F(SharedTimerWheelTest, TheOwnerMovesATimerThatLiesInTheInbox) {
  SharedTimer timer;
  ArmRemotely(&timer, At(50));
  wheel_.Arm(&timer, At(10));
  EXPECT_EQ(AdvanceAndPop(9), nullptr);
  EXPECT_EQ(AdvanceAndPop(10), &timer);
}

// The classic of two-sided timers: the owner has the timer among the expired when the cancel comes.
TEST_F(SharedTimerWheelTest, Regression_ACancelBetweenExpiryAndPopWins) {
  SharedTimer first, second, third;
  for (SharedTimer* const timer : {&first, &second, &third}) wheel_.Arm(timer, At(5));
  wheel_.Advance(At(5));
  EXPECT_EQ(wheel_.PopExpired(), &first);
  EXPECT_TRUE(wheel_.CancelRemotely(&second));
  EXPECT_EQ(wheel_.PopExpired(), &third);
  EXPECT_EQ(wheel_.PopExpired(), nullptr);
  EXPECT_FALSE(wheel_.CancelRemotely(&third));
  EXPECT_EQ(wheel_.stats().overtaken, 1u);
  EXPECT_FALSE(second.IsReleased());
  wheel_.Advance(At(5));
  EXPECT_TRUE(second.IsReleased());
}

// Cancelled and armed again before the owner looked: it must neither fire at the old time nor be
// forgotten.
TEST_F(SharedTimerWheelTest, Regression_ACancelFollowedByAnArmIsAMove) {
  SharedTimer timer;
  wheel_.Arm(&timer, At(5));
  EXPECT_TRUE(wheel_.CancelRemotely(&timer));
  ArmRemotely(&timer, At(30));
  EXPECT_EQ(AdvanceAndPop(29), nullptr);
  EXPECT_EQ(AdvanceAndPop(30), &timer);

  wheel_.Arm(&timer, At(40));
  wheel_.Advance(At(40));
  ArmRemotely(&timer, At(50));
  EXPECT_EQ(wheel_.PopExpired(), nullptr) << "moved when it had expired";
  EXPECT_EQ(AdvanceAndPop(49), nullptr);
  EXPECT_EQ(AdvanceAndPop(50), &timer);
}

// A deadline that moves earlier than what the owner sleeps for must wake it; one that does not,
// not.
TEST_F(SharedTimerWheelTest, Regression_OnlyAnEarlierDeadlineWakesASleepingOwner) {
  SharedTimer a, b, c;
  wheel_.Arm(&a, At(100));
  EXPECT_EQ(wheel_.BeginSleep(), At(100));
  EXPECT_EQ(wheel_.ArmRemotely(&b, At(200)), ArmResult::kArmed);
  EXPECT_EQ(wheel_.ArmRemotely(&b, At(100)), ArmResult::kArmed);
  EXPECT_EQ(wheel_.ArmRemotely(&b, At(50)), ArmResult::kMustWakeOwner) << "moved earlier";
  EXPECT_EQ(wheel_.ArmRemotely(&c, At(10)), ArmResult::kArmed) << "somebody wakes it already";
  wheel_.EndSleep();
  wheel_.Advance(At(1));
  EXPECT_EQ(wheel_.BeginSleep(), At(10));
  EXPECT_EQ(wheel_.ArmRemotely(&a, At(9)), ArmResult::kMustWakeOwner);
  wheel_.EndSleep();
  EXPECT_EQ(AdvanceAndPop(100), &a);
  EXPECT_EQ(wheel_.PopExpired(), &c);
  EXPECT_EQ(wheel_.PopExpired(), &b);
}

TEST_F(SharedTimerWheelTest, AnOwnerWithoutTimersIsWokenByTheFirst) {
  SharedTimer timer, never;
  EXPECT_EQ(wheel_.BeginSleep(), Instant::InfiniteFuture());
  EXPECT_EQ(wheel_.ArmRemotely(&never, Instant::InfiniteFuture()), ArmResult::kArmed);
  EXPECT_EQ(wheel_.ArmRemotely(&timer, At(1'000'000)), ArmResult::kMustWakeOwner);
  wheel_.EndSleep();
  wheel_.Advance(kStart);
  EXPECT_TRUE(wheel_.Cancel(&timer));
  EXPECT_TRUE(wheel_.Cancel(&never));
}

TEST_F(SharedTimerWheelTest, TheOwnerDoesNotSleepWhileTheInboxHoldsSomething) {
  SharedTimer timer;
  ArmRemotely(&timer, At(1'000));
  EXPECT_EQ(wheel_.BeginSleep(), Instant::InfinitePast());
  wheel_.Advance(kStart);
  EXPECT_EQ(wheel_.BeginSleep(), At(1'000));
  wheel_.EndSleep();
  EXPECT_TRUE(wheel_.Cancel(&timer));
}

TEST_F(SharedTimerWheelTest, TheBudgetCountsTheInbox) {
  std::vector<SharedTimer> timers(100);
  for (SharedTimer& timer : timers) ArmRemotely(&timer, At(1'000));
  EXPECT_EQ(wheel_.Advance(kStart, 40), AdvanceResult::kMoreToDo);
  EXPECT_EQ(wheel_.size(), 40u);
  EXPECT_EQ(wheel_.BeginSleep(), Instant::InfinitePast()) << "the rest stays due";
  EXPECT_EQ(wheel_.Advance(kStart, 60), AdvanceResult::kCaughtUp);
  EXPECT_EQ(wheel_.size(), 100u);
  for (SharedTimer& timer : timers) EXPECT_TRUE(wheel_.CancelRemotely(&timer));
  wheel_.Advance(kStart);
}

TEST_F(SharedTimerWheelTest, ARetiredTimerComesBackFromEveryState) {
  auto idle = std::make_unique<SharedTimer>();
  auto queued = std::make_unique<SharedTimer>();
  auto armed = std::make_unique<SharedTimer>();
  auto expired = std::make_unique<SharedTimer>();
  auto fired = std::make_unique<SharedTimer>();
  wheel_.Arm(armed.get(), At(900));
  wheel_.Arm(fired.get(), At(1));
  wheel_.Arm(expired.get(), At(1));
  EXPECT_EQ(AdvanceAndPop(1), fired.get());
  ArmRemotely(queued.get(), At(5));
  EXPECT_FALSE(wheel_.Retire(idle.get()));
  EXPECT_TRUE(wheel_.Retire(queued.get()));
  EXPECT_TRUE(wheel_.Retire(armed.get()));
  EXPECT_TRUE(wheel_.Retire(expired.get()));
  EXPECT_FALSE(wheel_.Retire(fired.get())) << "the owner has it";
  EXPECT_EQ(wheel_.PopRetired(), nullptr) << "not before Advance()";
  EXPECT_EQ(AdvanceAndPop(1'000), nullptr);
  int retired = 0;
  while (SharedTimer* const timer = wheel_.PopRetired()) {
    EXPECT_TRUE(timer->IsReleased());
    ++retired;
  }
  EXPECT_EQ(retired, 5);
}

TEST_F(SharedTimerWheelTest, AManualClockDrivesIt) {
  ManualClock clock(kStart);
  SharedTimer timer;
  ArmRemotely(&timer, At(1'500));
  EXPECT_EQ(clock.AdvanceThrough(&wheel_, At(2'000),
                                 [&](SharedTimer*) { EXPECT_EQ(clock.Now(), At(1'500)); }),
            1);
}

using SharedTimerWheelDeathTest = SharedTimerWheelTest;

TEST_F(SharedTimerWheelDeathTest, DestroyingATimerThatTheOwnerHoldsIsRefused) {
  EXPECT_DEATH(
      {
        SharedTimer timer;
        ArmRemotely(&timer, At(5));
        wheel_.CancelRemotely(&timer);
      },
      "the owner of the wheel still holds the timer; wait for IsReleased\\(\\), or Retire\\(\\) "
      "it");
}

TEST_F(SharedTimerWheelDeathTest, UsingARetiredTimerIsRefused) {
  SharedTimer timer;
  wheel_.Retire(&timer);
  EXPECT_DEATH(wheel_.Retire(&timer), "Retire\\(\\): the timer was retired");
  EXPECT_DEATH(ArmRemotely(&timer, At(5)), "ArmRemotely\\(\\): the timer was retired");
  EXPECT_DEATH(wheel_.Arm(&timer, At(5)), "Arm\\(\\): the timer was retired");
  wheel_.Advance(kStart);
  EXPECT_EQ(wheel_.PopRetired(), &timer);
}

TEST(SharedTimerWheelLifetimeDeathTest, DestroyingAWheelWithAFullInboxIsRefused) {
  EXPECT_DEATH(
      {
        auto wheel = std::make_unique<SharedTimerWheel>(kStart);
        SharedTimer timer;
        wheel->Retire(&timer);
        wheel.reset();
      },
      "timers of other threads wait; Advance\\(\\) and PopRetired\\(\\) first");
}

}  // namespace
}  // namespace weft
