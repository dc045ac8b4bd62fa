// Random arm, re-arm, cancel, slack, intervals and advance, on time, late and in small budgets,
// against an ordered map that does the same in the obvious way. Each round draws its own weights,
// so that some rounds hardly cancel, some hardly advance, some have all timers in one tick.
//
// Fails when the wheel loses a timer, expires one twice, early or late, breaks the order, claims a
// next deadline that is later than the true one, or one that is neither true nor of a cancelled
// timer.
#include <algorithm>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "base/instant.h"
#include "gtest/gtest.h"
#include "timer/interval.h"
#include "timer/timer_wheel.h"
#include "tools/stress/seed.h"

namespace weft {
namespace {

struct Timer : TimerEntry {
  int id = 0;
  std::optional<Interval> interval;
};

// The reference: (tick of expiry, number of the arming) -> id.
class Model {
 public:
  void Arm(int id, int64_t tick, int64_t now_tick) {
    Erase(id);
    // What is due already goes before what the next advance makes due, in order of arming.
    const Key key(tick <= now_tick ? kDue : tick, ++arms_);
    timers_.emplace(key, id);
    keys_[id] = key;
  }
  bool Cancel(int id) {
    const auto found = keys_.find(id);
    if (found == keys_.end()) return false;
    cancelled_.insert(found->second.first);
    Erase(id);
    return true;
  }
  // The next timer that is due at `now_tick`, or -1.
  int Pop(int64_t now_tick) {
    if (timers_.empty() || timers_.begin()->first.first > now_tick) return -1;
    const int id = timers_.begin()->second;
    Erase(id);
    return id;
  }
  // The tick of the earliest timer; -1 if there is none.
  int64_t Earliest() const { return timers_.empty() ? -1 : timers_.begin()->first.first; }
  // Whether a timer for this tick was cancelled or moved.
  bool WasCancelled(int64_t tick) const { return cancelled_.contains(tick); }
  void NoteMove(int id) {
    if (const auto found = keys_.find(id); found != keys_.end()) {
      cancelled_.insert(found->second.first);
    }
  }
  size_t size() const { return timers_.size(); }

 private:
  using Key = std::pair<int64_t, int64_t>;
  static constexpr int64_t kDue = 0;

  void Erase(int id) {
    const auto found = keys_.find(id);
    if (found == keys_.end()) return;
    timers_.erase(found->second);
    keys_.erase(found);
  }

  std::map<Key, int> timers_;
  std::map<int, Key> keys_;
  std::set<int64_t> cancelled_;
  int64_t arms_ = 0;
};

template <typename Wheel>
class Differential {
 public:
  explicit Differential(uint64_t seed) : random_(seed), wheel_(Instant()) {
    const int timers = 1 << (random_() % 11);
    for (int id = 0; id < timers; ++id) {
      timers_.push_back(std::make_unique<Timer>());
      timers_.back()->id = id;
    }
    longest_bits_ = 18 + static_cast<int>(random_() % 37);
    for (uint64_t& weight : weights_) weight = uint64_t{1} << (random_() % 7);
    budgets_ = random_() % 2 == 0;
  }
  ~Differential() {
    for (const auto& timer : timers_) wheel_.Cancel(timer.get());
  }

  void Step() {
    switch (Draw()) {
      case 0:
        ArmRandom(now_ + Delay());
        break;
      case 1: {
        Timer* const timer = Random();
        ASSERT_EQ(wheel_.Cancel(timer), model_.Cancel(timer->id));
        break;
      }
      case 2:
        StartInterval(Random());
        break;
      case 3:
        AdvanceTo(std::max(now_, std::min(wheel_.NextDeadline().nanos(), kLatest)));
        break;
      default:
        AdvanceTo(std::min(now_ + Delay(), kLatest));
    }
    Compare();
  }

 private:
  static constexpr int64_t kTick = Wheel::kTickNanos;
  static constexpr int64_t kLatest = int64_t{1} << 61;

  size_t Draw() {
    uint64_t sum = 0;
    for (const uint64_t weight : weights_) sum += weight;
    uint64_t drawn = random_() % sum;
    size_t i = 0;
    while (drawn >= weights_[i]) drawn -= weights_[i++];
    return i;
  }

  Timer* Random() { return timers_[random_() % timers_.size()].get(); }

  // Delays of all orders of magnitude, on and off the boundaries of ticks and slots.
  int64_t Delay() {
    const int bits = static_cast<int>(random_() % static_cast<uint64_t>(longest_bits_));
    int64_t nanos = static_cast<int64_t>(random_() & ((uint64_t{1} << bits) - 1));
    if (random_() % 4 == 0) nanos -= nanos % (256 * kTick);
    if (random_() % 4 == 0) nanos -= nanos % kTick;
    return nanos - (random_() % 8 == 0 ? kTick : 0);
  }

  static int64_t TickAtOrAfter(int64_t nanos) {
    return nanos <= 0 ? 0 : (nanos + kTick - 1) / kTick;
  }

  void ArmRandom(int64_t deadline) {
    const int64_t slack = random_() % 2 == 0 ? 0 : std::abs(Delay());
    ArmAt(Random(), deadline, slack);
  }

  void ArmAt(Timer* timer, int64_t deadline, int64_t slack) {
    int64_t tick = TickAtOrAfter(deadline);
    if (slack == 0) {
      wheel_.Arm(timer, Instant::FromNanos(deadline));
    } else {
      wheel_.Arm(timer, Instant::FromNanos(deadline), absl::Nanoseconds(slack));
      tick = Roundest(tick, (deadline + slack) / kTick);
    }
    model_.NoteMove(timer->id);
    model_.Arm(timer->id, tick, now_ / kTick);
  }

  // The tick of [first, last] with the most zeros at its end, found by trying all.
  static int64_t Roundest(int64_t first, int64_t last) {
    if (first == 0 || last < first) return first;
    for (int zeros = 62; zeros > 0; --zeros) {
      if (last >> zeros << zeros >= first) return last >> zeros << zeros;
    }
    return last;
  }

  void StartInterval(Timer* timer) {
    const auto period = absl::Nanoseconds(1 + std::abs(Delay()));
    const auto policy = static_cast<MissedTicks>(random_() % 3);
    timer->interval.emplace(Instant::FromNanos(now_ + Delay()), period, policy);
    ArmAt(timer, timer->interval->deadline().nanos(), 0);
  }

  void AdvanceTo(int64_t now) {
    now_ = std::max(now_, now);
    AdvanceResult result = AdvanceResult::kMoreToDo;
    std::vector<std::pair<Timer*, int64_t>> again;
    while (result == AdvanceResult::kMoreToDo) {
      const int64_t budget =
          budgets_ ? static_cast<int64_t>(random_() % 100) + 1 : Wheel::kUnlimited;
      result = wheel_.Advance(Instant::FromNanos(now), budget);
      while (TimerEntry* const entry = wheel_.PopExpired()) {
        auto* const timer = static_cast<Timer*>(entry);
        ASSERT_EQ(timer->id, model_.Pop(now_ / kTick)) << "early, twice or out of order";
        if (timer->interval && random_() % 16 != 0) {
          again.emplace_back(timer, timer->interval->Next(Instant::FromNanos(now_)).nanos());
        } else if (random_() % 4 == 0) {
          again.emplace_back(timer, now_ + Delay());
        }
      }
      Compare();
      // Between two parts of one advance others are armed behind it, and cancelled anywhere.
      if (result == AdvanceResult::kMoreToDo && random_() % 4 == 0) {
        ArmRandom(now_ + kTick + std::abs(Delay()));
        Timer* const timer = Random();
        ASSERT_EQ(wheel_.Cancel(timer), model_.Cancel(timer->id));
      }
    }
    ASSERT_EQ(model_.Pop(now_ / kTick), -1) << "the wheel lost or delayed a timer";
    for (const auto& [timer, deadline] : again) ArmAt(timer, std::min(deadline, kLatest), 0);
  }

  void Compare() {
    ASSERT_EQ(wheel_.size(), model_.size());
    const int64_t next = wheel_.NextDeadline().nanos();
    if (model_.Earliest() < 0) {
      if (next != Instant::InfiniteFuture().nanos() && next > now_) {
        ASSERT_TRUE(model_.WasCancelled(next / kTick));
      }
      return;
    }
    ASSERT_LE(next, model_.Earliest() * kTick);
    if (next > now_ && next != model_.Earliest() * kTick) {
      ASSERT_TRUE(model_.WasCancelled(next / kTick)) << "early without a cancelled timer";
    }
  }

  std::mt19937_64 random_;
  Wheel wheel_;
  Model model_;
  int64_t now_ = 0;
  int longest_bits_ = 0;
  bool budgets_ = false;
  uint64_t weights_[5] = {};
  std::vector<std::unique_ptr<Timer>> timers_;
};

template <typename Wheel>
class TimerWheelFuzzTest : public testing::Test {};

using Wheels = testing::Types<TimerWheel, FineTimerWheel>;
TYPED_TEST_SUITE(TimerWheelFuzzTest, Wheels);

TYPED_TEST(TimerWheelFuzzTest, BehavesLikeAnOrderedMap) {
  const uint64_t seed = stress::SeedFromEnvironment();
  for (uint64_t round = 0; round < 150; ++round) {
    Differential<TypeParam> differential(stress::SeedOfWorker(seed, round));
    for (int step = 0; step < 2'000; ++step) {
      ASSERT_NO_FATAL_FAILURE(differential.Step())
          << "step " << step << " of round " << round << ", " << stress::SeedMessage(seed);
      if (TestFixture::HasFailure()) return;
    }
  }
}

}  // namespace
}  // namespace weft
