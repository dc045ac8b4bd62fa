// The contract of TimerWheel, one bullet at a time, and the bugs that wheels are known for. Time is
// a number here: nothing waits.
#include "timer/timer_wheel.h"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "base/instant.h"
#include "gtest/gtest.h"

namespace weft {
namespace {

constexpr Instant kStart = Instant::FromNanos(123'456'789);

struct Timer : TimerEntry {
  explicit Timer(std::string name_in = "") : name(std::move(name_in)) {}
  std::string name;
};

static_assert(sizeof(TimerEntry) == 16, "timer_wheel.h promises 16 bytes");

template <typename Wheel>
std::vector<std::string> PopAll(Wheel* wheel) {
  std::vector<std::string> names;
  while (TimerEntry* const entry = wheel->PopExpired()) {
    names.push_back(static_cast<Timer*>(entry)->name);
  }
  return names;
}

template <typename Wheel>
std::vector<std::string> AdvanceAndPop(Wheel* wheel, Instant now) {
  wheel->Advance(now);
  return PopAll(wheel);
}

using Names = std::vector<std::string>;

TEST(TimerWheelTest, AnEmptyWheelHasNothingToExpireAndNoDeadline) {
  TimerWheel wheel(kStart);
  wheel.Advance(kStart + absl::Hours(1));
  EXPECT_EQ(wheel.PopExpired(), nullptr);
  EXPECT_EQ(wheel.NextDeadline(), Instant::InfiniteFuture());
  EXPECT_EQ(wheel.size(), 0u);
}

TEST(TimerWheelTest, ATimerExpiresOnceAndNeverEarly) {
  TimerWheel wheel(kStart);
  Timer timer("t");
  const Instant deadline = kStart + absl::Milliseconds(20) + absl::Nanoseconds(1);
  wheel.Arm(&timer, deadline);
  EXPECT_TRUE(timer.IsArmed());
  EXPECT_EQ(wheel.size(), 1u);
  EXPECT_EQ(AdvanceAndPop(&wheel, deadline - absl::Nanoseconds(1)), Names{});
  EXPECT_EQ(AdvanceAndPop(&wheel, deadline + absl::Milliseconds(1)), Names{"t"});
  EXPECT_FALSE(timer.IsArmed());
  EXPECT_EQ(wheel.size(), 0u);
  EXPECT_EQ(AdvanceAndPop(&wheel, deadline + absl::Hours(1)), Names{});
}

TEST(TimerWheelTest, ADeadlineThatIsPastExpiresAtTheNextAdvanceOfTheSameTime) {
  TimerWheel wheel(kStart);
  Timer now("now"), past("past"), distant("distant");
  wheel.Arm(&now, kStart);
  wheel.Arm(&past, kStart - absl::Hours(1));
  wheel.Arm(&distant, Instant::InfinitePast());
  EXPECT_EQ(wheel.PopExpired(), nullptr);
  EXPECT_LE(wheel.NextDeadline(), kStart);
  EXPECT_EQ(AdvanceAndPop(&wheel, kStart), (Names{"now", "past", "distant"}));
}

TEST(TimerWheelTest, AnInfiniteDeadlineNeverExpires) {
  TimerWheel wheel(kStart);
  Timer timer;
  wheel.Arm(&timer, Instant::InfiniteFuture());
  EXPECT_EQ(wheel.NextDeadline(), Instant::InfiniteFuture());
  EXPECT_EQ(AdvanceAndPop(&wheel, kStart + absl::Hours(24 * 365 * 200)), Names{});
  EXPECT_EQ(AdvanceAndPop(&wheel, Instant::InfiniteFuture()), Names{});
  EXPECT_TRUE(wheel.Cancel(&timer));
}

// Delays at which a level ends, an index wraps or a multiplication overflows in a careless wheel.
class TimerWheelDelayTest : public testing::TestWithParam<int64_t> {};

TEST_P(TimerWheelDelayTest, ExpiresOnTimeWhetherTheWheelFollowsNextDeadlineOrNot) {
  const absl::Duration delay = absl::Milliseconds(GetParam());
  // Starts in the middle of a slot of each level, then at the last tick before all of them wrap.
  for (const int64_t offset : {int64_t{0}, int64_t{255}, int64_t{0x01020304}, 0xffffffffL}) {
    TimerWheel wheel(kStart);
    const Instant armed_at = kStart + absl::Milliseconds(offset);
    wheel.Advance(armed_at);
    Timer followed("followed");
    wheel.Arm(&followed, armed_at + delay);
    EXPECT_EQ(wheel.NextDeadline(), armed_at + delay) << "exact, while nothing is cancelled";
    EXPECT_EQ(AdvanceAndPop(&wheel, armed_at + delay - absl::Nanoseconds(1)), Names{});
    EXPECT_EQ(wheel.NextDeadline(), armed_at + delay);
    EXPECT_EQ(AdvanceAndPop(&wheel, armed_at + delay), Names{"followed"}) << offset;
    EXPECT_EQ(wheel.NextDeadline(), Instant::InfiniteFuture());

    Timer late("late");
    wheel.Arm(&late, armed_at + 2 * delay);
    EXPECT_EQ(AdvanceAndPop(&wheel, armed_at + 5 * delay + absl::Hours(1)), Names{"late"});
  }
}

INSTANTIATE_TEST_SUITE_P(Boundaries, TimerWheelDelayTest,
                         testing::Values(1, 254, 255, 256, 257, 511, 512, 65'535, 65'536, 65'600,
                                         65'793, 16'777'215, 16'777'216, 16'920'000, 4'294'967'295,
                                         4'294'967'296, 4'320'000'000, 8'589'934'593,
                                         40'000'000'000'000 / 1000));

// The same in ticks of the finer wheel, which has one level more.
class FineTimerWheelDelayTest : public testing::TestWithParam<int64_t> {};

TEST_P(FineTimerWheelDelayTest, ExpiresInItsTick) {
  constexpr absl::Duration kNano = absl::Nanoseconds(1);
  const absl::Duration tick = absl::Nanoseconds(FineTimerWheel::kTickNanos);
  for (const int64_t offset : {int64_t{0}, int64_t{255}, int64_t{0x01020304}, 0xffffffffffL}) {
    FineTimerWheel wheel(kStart);
    const Instant armed_at = kStart + tick * offset;
    wheel.Advance(armed_at);
    Timer timer;
    const Instant due = armed_at + tick * GetParam();
    wheel.Arm(&timer, due - tick + kNano);
    EXPECT_EQ(wheel.NextDeadline(), due);
    wheel.Advance(due - kNano);
    EXPECT_EQ(wheel.PopExpired(), nullptr);
    EXPECT_EQ(wheel.NextDeadline(), due);
    wheel.Advance(due);
    EXPECT_EQ(wheel.PopExpired(), &timer);
    EXPECT_EQ(wheel.NextDeadline(), Instant::InfiniteFuture());
  }
}

INSTANTIATE_TEST_SUITE_P(Boundaries, FineTimerWheelDelayTest,
                         testing::Values(1, 255, 256, 257, 65'535, 65'536, 16'777'215, 16'777'216,
                                         4'294'967'295, 4'294'967'296, 1'099'511'627'775,
                                         1'099'511'627'776, 281'474'976'710'655,
                                         281'474'976'710'656, 400'000'000'000'000));

// A timer of 257 ms lies in the second level; a wheel that forgets to move it down fires it at 512
// ms, one that masks the index at 1 ms.
TEST(TimerWheelTest, Regression_257MillisecondsIsNotOneMillisecond) {
  TimerWheel wheel(kStart);
  Timer timer("t");
  wheel.Arm(&timer, kStart + absl::Milliseconds(257));
  for (int ms = 0; ms < 257; ++ms) {
    ASSERT_EQ(AdvanceAndPop(&wheel, kStart + absl::Milliseconds(ms)), Names{}) << ms;
  }
  EXPECT_EQ(AdvanceAndPop(&wheel, kStart + absl::Milliseconds(257)), Names{"t"});
}

// Long timers that fire early: 65.6 s, 4.7 h and 50 days each begin a level; one that is polled
// every so often passes through all of the slots below.
TEST(TimerWheelTest, Regression_LongTimersDoNotFireEarlyWhenTimeMovesInSmallSteps) {
  TimerWheel wheel(kStart);
  Timer minute("65.6 s"), hours("4.7 h"), days("50 d");
  wheel.Arm(&days, kStart + absl::Hours(50 * 24));
  wheel.Arm(&hours, kStart + absl::Minutes(282));
  wheel.Arm(&minute, kStart + absl::Milliseconds(65'600));
  const auto step_to = [&](Instant from, Instant to, absl::Duration step) {
    for (Instant now = from; now < to; now = now + step) {
      ASSERT_EQ(AdvanceAndPop(&wheel, now), Names{});
    }
  };
  step_to(kStart, kStart + absl::Milliseconds(65'600), absl::Milliseconds(7));
  EXPECT_EQ(AdvanceAndPop(&wheel, kStart + absl::Milliseconds(65'600)), Names{"65.6 s"});
  step_to(kStart + absl::Seconds(66), kStart + absl::Minutes(282), absl::Milliseconds(997));
  EXPECT_EQ(AdvanceAndPop(&wheel, kStart + absl::Minutes(282)), Names{"4.7 h"});
  step_to(kStart + absl::Minutes(283), kStart + absl::Hours(50 * 24), absl::Minutes(11));
  EXPECT_EQ(AdvanceAndPop(&wheel, kStart + absl::Hours(50 * 24)), Names{"50 d"});
}

// A wheel that looks at the slot of `now` only skips timers when it is polled late.
TEST(TimerWheelTest, Regression_ALateAdvanceSkipsNothingAndKeepsTheOrder) {
  TimerWheel wheel(kStart);
  std::vector<std::unique_ptr<Timer>> timers;
  Names expected;
  for (const int64_t ms : {1, 2, 255, 256, 300, 512, 65'535, 65'536, 70'000, 20'000'000}) {
    expected.push_back(std::to_string(ms));
    timers.push_back(std::make_unique<Timer>(expected.back()));
  }
  for (auto timer = timers.rbegin(); timer != timers.rend(); ++timer) {
    wheel.Arm(timer->get(), kStart + absl::Milliseconds(std::stoll((*timer)->name)));
  }
  EXPECT_EQ(AdvanceAndPop(&wheel, kStart + absl::Hours(24 * 60)), expected);
}

// Two instants may be further apart than int64_t reaches; a difference that saturates fires the
// timer centuries early.
template <typename Wheel>
void TheFurthestDeadlineOfTheEarliestStartIsNotEarly() {
  const Instant start = Instant::InfinitePast();
  const Instant deadline = Instant::FromNanos(Instant::InfiniteFuture().nanos() - 2'000'000);
  Wheel wheel(start);
  Timer timer("t"), never("never"), last("last");
  wheel.Arm(&timer, deadline);
  wheel.Arm(&never, Instant::InfiniteFuture());
  wheel.Arm(&last, Instant::FromNanos(Instant::InfiniteFuture().nanos() - 1));
  EXPECT_GE(wheel.NextDeadline(), deadline);
  EXPECT_EQ(AdvanceAndPop(&wheel, deadline - absl::Nanoseconds(1)), Names{});
  EXPECT_EQ(AdvanceAndPop(&wheel, deadline + absl::Milliseconds(1)), Names{"t"});
  EXPECT_EQ(AdvanceAndPop(&wheel, Instant::InfiniteFuture()), Names{});
  EXPECT_EQ(wheel.NextDeadline(), Instant::InfiniteFuture());
  EXPECT_TRUE(wheel.Cancel(&never));
  EXPECT_TRUE(wheel.Cancel(&last)) << "its tick begins behind the end of time";
}

TEST(TimerWheelTest, Regression_TheFurthestDeadlineOfTheEarliestStartIsNotEarly) {
  TheFurthestDeadlineOfTheEarliestStartIsNotEarly<TimerWheel>();
  TheFurthestDeadlineOfTheEarliestStartIsNotEarly<FineTimerWheel>();
}

TEST(TimerWheelTest, TimersOfOneTickExpireInTheOrderOfArmingAcrossLevels) {
  TimerWheel wheel(kStart);
  const Instant deadline = kStart + absl::Hours(1200);
  Timer a("a"), b("b"), c("c"), d("d"), e("e");
  wheel.Arm(&a, deadline);
  wheel.Advance(deadline - absl::Hours(30));
  wheel.Arm(&b, deadline);
  wheel.Advance(deadline - absl::Minutes(2));
  wheel.Arm(&c, deadline);
  wheel.Advance(deadline - absl::Milliseconds(300));
  wheel.Arm(&d, deadline);
  wheel.Advance(deadline - absl::Milliseconds(1));
  wheel.Arm(&e, deadline);
  EXPECT_EQ(AdvanceAndPop(&wheel, deadline), (Names{"a", "b", "c", "d", "e"}));
}

TEST(TimerWheelTest, ACancelledTimerDoesNotExpire) {
  TimerWheel wheel(kStart);
  Timer timer("t"), other("other");
  wheel.Arm(&timer, kStart + absl::Milliseconds(300));
  wheel.Arm(&other, kStart + absl::Milliseconds(300));
  EXPECT_TRUE(wheel.Cancel(&timer));
  EXPECT_FALSE(wheel.Cancel(&timer));
  EXPECT_EQ(wheel.size(), 1u);
  EXPECT_EQ(AdvanceAndPop(&wheel, kStart + absl::Seconds(1)), Names{"other"});
  EXPECT_FALSE(wheel.Cancel(&other));
}

// The caller fires timers one by one; the first may cancel the second, which is due as well.
TEST(TimerWheelTest, Regression_ATimerThatIsDueCanBeCancelledByTheOneBeforeIt) {
  TimerWheel wheel(kStart);
  Timer first("first"), second("second"), third("third");
  for (Timer* const timer : {&first, &second, &third}) {
    wheel.Arm(timer, kStart + absl::Milliseconds(5));
  }
  wheel.Advance(kStart + absl::Milliseconds(5));
  EXPECT_EQ(wheel.PopExpired(), &first);
  EXPECT_TRUE(second.IsArmed());
  EXPECT_TRUE(wheel.Cancel(&second));
  EXPECT_EQ(PopAll(&wheel), Names{"third"});
}

// A periodic timer that is late by many periods must not keep its owner in the loop for ever.
TEST(TimerWheelTest, Regression_ReArmingInTheLoopEndsEvenIfTheNewDeadlineIsPast) {
  TimerWheel wheel(kStart);
  Timer timer("t");
  wheel.Arm(&timer, kStart + absl::Milliseconds(1));
  const Instant late = kStart + absl::Seconds(10);
  wheel.Advance(late);
  int fired = 0;
  while (TimerEntry* const entry = wheel.PopExpired()) {
    ++fired;
    wheel.Arm(entry, kStart + absl::Milliseconds(1 + fired));
  }
  EXPECT_EQ(fired, 1);
  EXPECT_LE(wheel.NextDeadline(), late) << "the wheel wants to be advanced at once";
  EXPECT_EQ(AdvanceAndPop(&wheel, late), Names{"t"});
}

TEST(TimerWheelTest, ReArmingMovesATimerInBothDirections) {
  TimerWheel wheel(kStart);
  Timer timer("t");
  wheel.Arm(&timer, kStart + absl::Hours(1));
  wheel.Arm(&timer, kStart + absl::Milliseconds(10));
  EXPECT_EQ(wheel.size(), 1u);
  EXPECT_EQ(wheel.NextDeadline(), kStart + absl::Milliseconds(10)) << "moved to an earlier time";
  wheel.Arm(&timer, kStart + absl::Milliseconds(600));
  EXPECT_EQ(AdvanceAndPop(&wheel, kStart + absl::Milliseconds(599)), Names{});
  wheel.Arm(&timer, kStart + absl::Milliseconds(700));
  EXPECT_EQ(AdvanceAndPop(&wheel, kStart + absl::Milliseconds(699)), Names{});
  EXPECT_EQ(AdvanceAndPop(&wheel, kStart + absl::Milliseconds(700)), Names{"t"});
}

TEST(TimerWheelTest, ReArmingATimerThatIsExpiredAndNotPoppedMovesIt) {
  TimerWheel wheel(kStart);
  Timer timer("t");
  wheel.Arm(&timer, kStart + absl::Milliseconds(1));
  wheel.Advance(kStart + absl::Milliseconds(1));
  wheel.Arm(&timer, kStart + absl::Milliseconds(2));
  EXPECT_EQ(wheel.PopExpired(), nullptr);
  EXPECT_EQ(wheel.size(), 1u);
  EXPECT_EQ(AdvanceAndPop(&wheel, kStart + absl::Milliseconds(2)), Names{"t"});
}

TEST(TimerWheelTest, ATimerMayBeDestroyedOnceItIsPopped) {
  TimerWheel wheel(kStart);
  auto timer = std::make_unique<Timer>("t");
  wheel.Arm(timer.get(), kStart + absl::Milliseconds(1));
  wheel.Advance(kStart + absl::Milliseconds(1));
  EXPECT_EQ(wheel.PopExpired(), timer.get());
  timer.reset();
  EXPECT_EQ(AdvanceAndPop(&wheel, kStart + absl::Seconds(1)), Names{});
}

TEST(TimerWheelTest, AClockThatJumpsBackDoesNotMoveTheWheel) {
  TimerWheel wheel(kStart);
  Timer timer("t"), due("due");
  wheel.Advance(kStart + absl::Seconds(10));
  wheel.Arm(&timer, kStart + absl::Seconds(11));
  wheel.Arm(&due, kStart + absl::Seconds(3));
  EXPECT_EQ(AdvanceAndPop(&wheel, kStart - absl::Hours(1)), Names{"due"});
  EXPECT_EQ(AdvanceAndPop(&wheel, kStart + absl::Milliseconds(10'999)), Names{});
  EXPECT_EQ(AdvanceAndPop(&wheel, kStart + absl::Seconds(11)), Names{"t"});
}

TEST(TimerWheelTest, AClockThatJumpsOverYearsExpiresEverythingOnce) {
  TimerWheel wheel(kStart);
  Timer soon("soon"), years("years"), centuries("centuries");
  wheel.Arm(&centuries, kStart + absl::Hours(24 * 365 * 250));
  wheel.Arm(&years, kStart + absl::Hours(24 * 365 * 3));
  wheel.Arm(&soon, kStart + absl::Milliseconds(400));
  EXPECT_EQ(AdvanceAndPop(&wheel, kStart + absl::Hours(24 * 365 * 200)), (Names{"soon", "years"}));
  EXPECT_EQ(AdvanceAndPop(&wheel, kStart + absl::Hours(24 * 365 * 250)), Names{"centuries"});
}

TEST(TimerWheelTest, NextDeadlineAfterACancelIsEarlyAtMostOnceForEachLevel) {
  TimerWheel wheel(kStart);
  Timer cancelled, timer("t");
  const Instant deadline = kStart + absl::Minutes(300);
  wheel.Arm(&cancelled, kStart + absl::Minutes(290));
  wheel.Arm(&timer, deadline);
  wheel.Cancel(&cancelled);
  int wakes = 0;
  Names popped;
  while (popped.empty()) {
    const Instant next = wheel.NextDeadline();
    ASSERT_LE(next, deadline);
    ++wakes;
    ASSERT_LE(wakes, 4);
    popped = AdvanceAndPop(&wheel, next);
  }
  EXPECT_EQ(popped, Names{"t"});
}

TEST(TimerWheelTest, PopExpiredCanBeSpreadOverSeveralTurns) {
  TimerWheel wheel(kStart);
  Timer a("a"), b("b"), c("c");
  wheel.Arm(&a, kStart + absl::Milliseconds(1));
  wheel.Arm(&b, kStart + absl::Milliseconds(2));
  wheel.Advance(kStart + absl::Milliseconds(2));
  EXPECT_EQ(wheel.PopExpired(), &a);
  EXPECT_LE(wheel.NextDeadline(), kStart) << "b is due, so do not sleep";
  wheel.Arm(&c, kStart + absl::Milliseconds(3));
  EXPECT_EQ(AdvanceAndPop(&wheel, kStart + absl::Milliseconds(3)), (Names{"b", "c"}));
}

TEST(TimerWheelDeathTest, DestroyingAWheelWithArmedTimersIsRefused) {
  EXPECT_DEATH(
      {
        Timer timer;
        TimerWheel wheel(kStart);
        wheel.Arm(&timer, kStart + absl::Seconds(1));
      },
      "no timer may be armed, found 1; Cancel\\(\\) them first");
}

}  // namespace
}  // namespace weft
