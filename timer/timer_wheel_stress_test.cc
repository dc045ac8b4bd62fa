// Random arm, re-arm, cancel and advance, on time and late, against a std::multimap that does the
// same thing in the obvious way. Fails when the wheel loses a timer, expires one twice, early or
// late, breaks the order, or claims a next deadline that is later than the true one.
#include <cstdint>
#include <map>
#include <memory>
#include <random>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "base/instant.h"
#include "gtest/gtest.h"
#include "timer/timer_wheel.h"

namespace weft {
namespace {

constexpr int64_t kTick = TimerWheel::kTickNanos;

struct Timer : TimerEntry {
  int id = 0;
};

// The reference: (tick of expiry, number of the arming) -> id.
class Model {
 public:
  using Key = std::pair<int64_t, int64_t>;

  void Arm(int id, int64_t tick, int64_t now_tick) {
    Cancel(id);
    // What is due already goes before what the next advance makes due, in order of arming.
    const Key key(tick <= now_tick ? kDue : tick, ++arms_);
    timers_.emplace(key, id);
    keys_[id] = key;
  }
  bool Cancel(int id) {
    const auto found = keys_.find(id);
    if (found == keys_.end()) return false;
    timers_.erase(found->second);
    keys_.erase(found);
    return true;
  }
  std::vector<int> Advance(int64_t now_tick) {
    std::vector<int> expired;
    while (!timers_.empty() && timers_.begin()->first.first <= now_tick) {
      expired.push_back(timers_.begin()->second);
      keys_.erase(timers_.begin()->second);
      timers_.erase(timers_.begin());
    }
    return expired;
  }
  // The tick of the earliest timer; -1 if there is none.
  int64_t Earliest() const { return timers_.empty() ? -1 : timers_.begin()->first.first; }
  size_t size() const { return timers_.size(); }

 private:
  static constexpr int64_t kDue = 0;
  std::map<Key, int> timers_;
  std::map<int, Key> keys_;
  int64_t arms_ = 0;
};

class Differential {
 public:
  explicit Differential(uint64_t seed) : random_(seed), wheel_(Instant()) {
    for (int id = 0; id < 200; ++id) {
      timers_.push_back(std::make_unique<Timer>());
      timers_.back()->id = id;
    }
  }
  ~Differential() {
    for (const auto& timer : timers_) wheel_.Cancel(timer.get());
  }

  void Step() {
    const uint64_t choice = random_() % 10;
    Timer* const timer = timers_[random_() % timers_.size()].get();
    if (choice < 5) {
      ArmAt(timer, now_ + Delay());
    } else if (choice < 7) {
      ASSERT_EQ(wheel_.Cancel(timer), model_.Cancel(timer->id));
    } else if (choice < 9 && model_.Earliest() > 0) {
      AdvanceTo(std::max(now_, wheel_.NextDeadline().nanos()));
    } else {
      AdvanceTo(now_ + Delay());
    }
    Compare();
  }

 private:
  // Delays of all orders of magnitude, on and off the boundaries of ticks and slots.
  int64_t Delay() {
    const int bits = static_cast<int>(random_() % 54);
    int64_t nanos = static_cast<int64_t>(random_() & ((uint64_t{1} << bits) - 1));
    if (random_() % 4 == 0) nanos -= nanos % (256 * kTick);
    if (random_() % 4 == 0) nanos -= nanos % kTick;
    return nanos - (random_() % 8 == 0 ? kTick : 0);
  }
  static int64_t TickAtOrAfter(int64_t nanos) {
    return nanos <= 0 ? 0 : (nanos + kTick - 1) / kTick;
  }

  void ArmAt(Timer* timer, int64_t deadline) {
    wheel_.Arm(timer, Instant::FromNanos(deadline));
    model_.Arm(timer->id, TickAtOrAfter(deadline), now_ / kTick);
  }

  void AdvanceTo(int64_t now) {
    if (now > now_) now_ = now;
    wheel_.Advance(Instant::FromNanos(now));
    const std::vector<int> expected = model_.Advance(now_ / kTick);
    std::vector<Timer*> again;
    for (const int id : expected) {
      TimerEntry* const entry = wheel_.PopExpired();
      ASSERT_NE(entry, nullptr) << "lost timer " << id;
      ASSERT_EQ(static_cast<Timer*>(entry)->id, id);
      // Some are armed again while others are still expired.
      if (random_() % 3 == 0) ArmAt(static_cast<Timer*>(entry), now_ + Delay());
    }
    ASSERT_EQ(wheel_.PopExpired(), nullptr) << "expired twice or early";
  }

  void Compare() {
    ASSERT_EQ(wheel_.size(), model_.size());
    if (model_.Earliest() < 0) {
      ASSERT_EQ(wheel_.NextDeadline(), Instant::InfiniteFuture());
    } else {
      ASSERT_LE(wheel_.NextDeadline().nanos(), model_.Earliest() * kTick);
    }
  }

  std::mt19937_64 random_;
  TimerWheel wheel_;
  Model model_;
  int64_t now_ = 0;
  std::vector<std::unique_ptr<Timer>> timers_;
};

class TimerWheelStressTest : public testing::TestWithParam<uint64_t> {};

TEST_P(TimerWheelStressTest, BehavesLikeAMultimap) {
  Differential differential(GetParam());
  for (int step = 0; step < 5'000; ++step) {
    ASSERT_NO_FATAL_FAILURE(differential.Step()) << "step " << step << " of seed " << GetParam();
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, TimerWheelStressTest, testing::Range(uint64_t{1}, uint64_t{9}));

}  // namespace
}  // namespace weft
