// After Reserve() nothing allocates, whatever pattern the timers are armed and cancelled in;
// without it, growing is left to Advance().
#include <cstdint>
#include <memory>
#include <random>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "base/instant.h"
#include "gtest/gtest.h"
#include "timer/timer_wheel.h"
#include "tools/stress/allocations.h"

namespace weft {
namespace {

constexpr size_t kTimers = 20'000;

Instant At(int64_t ms) { return Instant() + absl::Milliseconds(ms); }

class TimerWheelAllocationTest : public testing::Test {
 protected:
  TimerWheelAllocationTest() : wheel_(Instant()), timers_(kTimers) {
    wheel_.Reserve(kTimers);
    before_ = stress::AllocationCount();
  }
  ~TimerWheelAllocationTest() override {
    for (TimerEntry& timer : timers_) wheel_.Cancel(&timer);
    EXPECT_EQ(stress::AllocationCount(), before_);
    EXPECT_EQ(wheel_.stats().allocations_in_arm, 0u);
  }

  void PopAll() {
    while (wheel_.PopExpired() != nullptr) {
    }
  }

  TimerWheel wheel_;
  std::vector<TimerEntry> timers_;
  int64_t before_ = 0;
  std::mt19937_64 random_{11};
};

TEST_F(TimerWheelAllocationTest, RandomUseAllocatesNothing) {
  int64_t now = 0;
  for (int round = 0; round < 50; ++round) {
    for (TimerEntry& timer : timers_) {
      const int64_t delay = static_cast<int64_t>(random_() >> (20 + random_() % 44));
      if (random_() % 3 == 0) wheel_.Cancel(&timer);
      if (random_() % 3 == 0) wheel_.Arm(&timer, At(now + delay));
    }
    now += static_cast<int64_t>(random_() % 3'000);
    wheel_.Advance(At(now));
    PopAll();
  }
}

// Full chunks are thinned out until they must be merged; then the freed timers fill other slots.
TEST_F(TimerWheelAllocationTest, ThinnedOutSlotsGiveTheirMemoryBack) {
  for (size_t keep : {2, 3, 5, 16, 61, 100}) {
    for (size_t i = 0; i < kTimers; ++i) wheel_.Arm(&timers_[i], At(100'000));
    for (size_t i = 0; i < kTimers; ++i) {
      if (i % keep != 0) wheel_.Arm(&timers_[i], At(200'000 + static_cast<int64_t>(i) * 256));
    }
    for (size_t i = kTimers; i-- > 0;) {
      if (i % keep == 1) wheel_.Arm(&timers_[i], At(90'000));
    }
  }
}

TEST_F(TimerWheelAllocationTest, RepeatedReArmingOfOneTimerInAFullSlotAllocatesNothing) {
  for (size_t i = 0; i < kTimers / 2; ++i) wheel_.Arm(&timers_[i], At(100'000));
  for (int i = 0; i < 100'000; ++i) {
    wheel_.Arm(&timers_[random_() % kTimers], At(100'000));
  }
}

// A suspended machine wakes: each of very many slots holds one timer.
TEST_F(TimerWheelAllocationTest, ALatePollGathersSparseSlots) {
  for (int round = 0; round < 3; ++round) {
    const int64_t now = round * 1'000'000;
    for (size_t i = 0; i < kTimers; ++i) {
      wheel_.Arm(&timers_[i], At(now + 1 + static_cast<int64_t>(i) * 7));
    }
    wheel_.Advance(At(now + 1'000'000));
    // Armed again while the others wait to be popped.
    for (size_t i = 0; i < kTimers / 2; ++i) {
      ASSERT_EQ(wheel_.PopExpired(), &timers_[i]);
      wheel_.Arm(&timers_[i], At(now + 1'000'001 + static_cast<int64_t>(i) * 3));
    }
  }
  wheel_.Advance(At(10'000'000));
  PopAll();
}

TEST(TimerWheelGrowthTest, AdvanceGrowsThePoolSoThatArmDoesNot) {
  TimerWheel wheel{Instant()};
  std::vector<TimerEntry> timers(200'000);
  std::mt19937_64 random(12);
  for (size_t i = 0; i < timers.size(); ++i) {
    if (i % 500 == 0) wheel.Advance(At(static_cast<int64_t>(i) / 500));
    wheel.Arm(&timers[i], At(10'000 + static_cast<int64_t>(random() % 50'000)));
  }
  // The first timers of a wheel come before its first Advance could know.
  EXPECT_LE(wheel.stats().allocations_in_arm, 12u);
  for (TimerEntry& timer : timers) wheel.Cancel(&timer);
}

}  // namespace
}  // namespace weft
