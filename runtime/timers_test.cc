// Question: does the timer service wake the right wakers at the right time, and interrupt the
// poller only when it must? Method: the test says what time it is, and a reactor that only counts
// stands in for the kernel.
#include "runtime/internal/timers.h"

#include <cstddef>
#include <vector>

#include "absl/time/time.h"
#include "base/instant.h"
#include "future/executor.h"
#include "future/waker.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "reactor/operation.h"
#include "reactor/reactor.h"

namespace weft::runtime_internal {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class CountingReactor final : public Reactor {
 public:
  void Submit(Operation*) override {}
  void Cancel(Operation*) override {}
  std::size_t Poll(Instant) override { return 0; }
  void Wake() override { ++wakes; }
  int wakes = 0;
};

// Something to wake: notes its number.
struct Sleeper {
  explicit Sleeper(std::vector<int>* the_log = nullptr, int the_id = 0)
      : log(the_log), id(the_id) {}

  std::vector<int>* log;
  int id;
  TimerSlot slot;

  Waker MakeWaker() {
    static constexpr Waker::VTable kVTable = {
        .add_ref = [](void*) {},
        .drop = [](void*) {},
        .wake =
            [](void* data) {
              auto* const sleeper = static_cast<Sleeper*>(data);
              sleeper->log->push_back(sleeper->id);
            },
    };
    return Waker(&kVTable, this);
  }
};

const absl::Duration kTick = absl::Nanoseconds(Timers::kTickNanos);

class TimersTest : public testing::Test {
 protected:
  Instant At(int ticks) const { return start_ + ticks * kTick; }
  void ArmFor(Sleeper* sleeper, Instant deadline) {
    timers_.Arm(sleeper->slot, deadline, sleeper->MakeWaker());
  }
  void Arm(Sleeper* sleeper, int ticks) { ArmFor(sleeper, At(ticks)); }

  // Sleeps as the poller does until `count` timers have fired. Returns how often it woke up.
  int WakeUpsUntilFired(std::size_t count) {
    int wake_ups = 0;
    while (log_.size() < count) {
      const Instant now = timers_.BeginSleep();
      timers_.EndSleep();
      timers_.FireDue(now);
      ++wake_ups;
    }
    return wake_ups;
  }

  const Instant start_ = Instant::FromNanos(1'000'000'000);
  CountingReactor reactor_;
  Timers timers_{start_, &reactor_};
  std::vector<int> log_;
};

TEST_F(TimersTest, TimersFireInTheOrderOfTheirDeadlines) {
  Sleeper a(&log_, 1), b(&log_, 2), c(&log_, 3);
  Arm(&b, 20);
  Arm(&c, 300'000);
  Arm(&a, 10);
  EXPECT_EQ(timers_.FireDue(At(400'000)), 3u);
  EXPECT_THAT(log_, ElementsAre(1, 2, 3));
}

TEST_F(TimersTest, NothingFiresEarly) {
  Sleeper a(&log_, 1);
  Arm(&a, 10);
  EXPECT_EQ(timers_.FireDue(At(10) - absl::Nanoseconds(1)), 0u);
  EXPECT_TRUE(a.slot.is_armed.load());
  EXPECT_EQ(timers_.FireDue(At(10)), 1u);
  EXPECT_FALSE(a.slot.is_armed.load());
  EXPECT_EQ(timers_.FireDue(At(11)), 0u);
  EXPECT_THAT(log_, ElementsAre(1));
}

// A look at each microsecond.
TEST_F(TimersTest, ATimerOf100MicrosecondsFiresWithinATick) {
  for (int phase = 0; phase < 40; ++phase) {
    const Instant armed_at = start_ + absl::Milliseconds(phase) + absl::Microseconds(phase);
    EXPECT_EQ(timers_.FireDue(armed_at), 0u);
    Sleeper a(&log_, phase);
    const Instant deadline = armed_at + absl::Microseconds(100);
    ArmFor(&a, deadline);
    Instant now = armed_at;
    while (timers_.FireDue(now) == 0) now = now + absl::Microseconds(1);
    EXPECT_GE(now, deadline);
    EXPECT_LT(now, deadline + kTick + absl::Microseconds(1));
  }
}

TEST_F(TimersTest, TimersThatAre70MicrosecondsApartFireOneByOne) {
  std::vector<Sleeper> sleepers(100);
  for (std::size_t i = sleepers.size(); i-- > 0;) {
    sleepers[i].log = &log_;
    sleepers[i].id = static_cast<int>(i);
    ArmFor(&sleepers[i], start_ + absl::Microseconds(70) * static_cast<int>(i + 1));
  }
  std::size_t fired = 0;
  for (Instant now = start_; fired < sleepers.size(); now = now + absl::Microseconds(10)) {
    const std::size_t count = timers_.FireDue(now);
    ASSERT_LE(count, 1u);
    fired += count;
  }
  for (std::size_t i = 0; i < sleepers.size(); ++i) EXPECT_EQ(log_[i], static_cast<int>(i));
}

TEST_F(TimersTest, ADistantTimerCausesOneWakeUp) {
  for (const absl::Duration delay :
       {absl::Seconds(1), absl::Hours(1), absl::Hours(24), absl::Hours(24 * 3650)}) {
    Sleeper a(&log_, 1);
    log_.clear();
    ArmFor(&a, start_ + delay);
    EXPECT_EQ(WakeUpsUntilFired(1), 1) << delay;
  }
}

// As the time-outs of requests that were answered, armed while something else waits.
TEST_F(TimersTest, AThousandCancelledTimersCauseFewWakeUps) {
  Sleeper kept(&log_, 0);
  std::vector<Sleeper> cancelled(1'000);
  ArmFor(&kept, start_ + absl::Hours(1));
  int i = 0;
  for (Sleeper& sleeper : cancelled) {
    ArmFor(&sleeper, start_ + absl::Hours(1) - absl::Milliseconds(3) * ++i);
  }
  for (Sleeper& sleeper : cancelled) timers_.Cancel(sleeper.slot);
  EXPECT_LE(WakeUpsUntilFired(1), 4) << "more than one for each level that the timer moves down";
}

TEST_F(TimersTest, ManyTimersOfOneInstantAllFire) {
  std::vector<Sleeper> sleepers(100);
  int id = 0;
  for (Sleeper& sleeper : sleepers) {
    sleeper.log = &log_;
    sleeper.id = id++;
    Arm(&sleeper, 5);
  }
  EXPECT_EQ(timers_.FireDue(At(5)), 100u);
  EXPECT_EQ(log_.size(), 100u);
  EXPECT_EQ(log_.front(), 0);
  EXPECT_EQ(log_.back(), 99);
}

TEST_F(TimersTest, CancelledTimerDoesNotFire) {
  Sleeper a(&log_, 1);
  Arm(&a, 10);
  timers_.Cancel(a.slot);
  EXPECT_FALSE(a.slot.is_armed.load());
  timers_.Cancel(a.slot);  // nothing happens
  EXPECT_EQ(timers_.FireDue(At(20)), 0u);
  EXPECT_THAT(log_, IsEmpty());
}

TEST_F(TimersTest, ArmingAgainReplacesTheDeadline) {
  Sleeper a(&log_, 1);
  Arm(&a, 10);
  Arm(&a, 30);
  EXPECT_EQ(timers_.FireDue(At(20)), 0u);
  EXPECT_EQ(timers_.FireDue(At(30)), 1u);
}

TEST_F(TimersTest, SleepLastsUntilTheNextTimer) {
  EXPECT_EQ(timers_.BeginSleep(), Instant::InfiniteFuture());
  timers_.EndSleep();
  Sleeper a(&log_, 1);
  Arm(&a, 10);
  EXPECT_EQ(timers_.BeginSleep(), At(10));
  timers_.EndSleep();
  timers_.Cancel(a.slot);
}

TEST_F(TimersTest, OnlyAnEarlierTimerInterruptsTheSleepAndOnlyOnce) {
  Sleeper a(&log_, 1), later(&log_, 2), earlier(&log_, 3), earliest(&log_, 4);
  Arm(&a, 20);
  EXPECT_EQ(reactor_.wakes, 0);  // nobody sleeps
  timers_.BeginSleep();
  Arm(&later, 30);
  EXPECT_EQ(reactor_.wakes, 0);
  Arm(&earlier, 10);
  EXPECT_EQ(reactor_.wakes, 1);
  Arm(&earliest, 5);  // the sleeper is on its way and will ask again
  EXPECT_EQ(reactor_.wakes, 1);
  timers_.EndSleep();
  EXPECT_EQ(timers_.BeginSleep(), At(5));
  timers_.EndSleep();
  EXPECT_EQ(timers_.FireDue(At(30)), 4u);
}

TEST_F(TimersTest, DestroyingTheServiceWithAnArmedTimerIsRefused) {
  EXPECT_DEATH(
      {
        Timers timers(start_, &reactor_);
        Sleeper a(&log_, 1);
        timers.Arm(a.slot, At(10), a.MakeWaker());
      },
      "destroyed while 1 timers are armed by futures that no task owns");
}

}  // namespace
}  // namespace weft::runtime_internal
