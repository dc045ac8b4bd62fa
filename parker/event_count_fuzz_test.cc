// Goal: an event count is what it says: a list of waits, from which each notification takes.
// Method: random operations of one thread on many waits, compared with a deque of numbers after
// each step; the operations' weights differ from run to run.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <random>

#include "base/instant.h"
#include "gtest/gtest.h"
#include "parker/event_count.h"
#include "parker/riding_event_count.h"
#include "tools/stress/seed.h"

namespace weft {
namespace {

// Lets the fuzz treat the riding kind like the others.
class Riding : public RidingEventCount {
 public:
  explicit Riding(WakeOrder order) : RidingEventCount(0, order) {}

  size_t NotifyOne() { return RidingEventCount::NotifyOne(FetchAdd(1, std::memory_order_relaxed)); }
  size_t NotifyN(size_t count) {
    return RidingEventCount::NotifyN(FetchAdd(1, std::memory_order_relaxed), count);
  }
  size_t NotifyAll() { return RidingEventCount::NotifyAll(FetchAdd(1, std::memory_order_relaxed)); }
};

// What became of a wait that is in the list no more.
enum class Fate { kWaits, kNotifiedOne, kNotifiedAll };

template <typename Events>
class Fuzz {
 public:
  Fuzz(WakeOrder order, uint64_t seed) : order_(order), events_(order), random_(seed) {
    for (unsigned& weight : weights_) weight = 1 + random_() % 8;
  }

  void Step() {
    std::discrete_distribution<int> choose(std::begin(weights_), std::end(weights_));
    switch (choose(random_)) {
      case 0:
        return Prepare();
      case 1:
        return Cancel();
      case 2:
        return Commit();
      case 3:
        EXPECT_EQ(events_.NotifyOne(), TakeOut(1, Fate::kNotifiedOne));
        return;
      case 4: {
        const size_t count = random_() % 40;
        EXPECT_EQ(events_.NotifyN(count), TakeOut(count, Fate::kNotifiedOne));
        return;
      }
      default:
        EXPECT_EQ(events_.NotifyAll(), TakeOut(list_.size(), Fate::kNotifiedAll));
    }
  }

 private:
  using Key = typename Events::Key;

  void Prepare() {
    const int id = next_++;
    keys_.emplace(id, new Key(events_.PrepareWait()));
    fates_[id] = Fate::kWaits;
    list_.push_back(id);
  }

  void Cancel() {
    if (keys_.empty()) return;
    const int id = Any();
    const Fate fate = fates_[id];
    if (random_() % 2 == 0) events_.CancelWait(*keys_[id]);
    Forget(id);
    if (fate == Fate::kNotifiedOne) TakeOut(1, Fate::kNotifiedOne);
  }

  void Commit() {
    if (keys_.empty()) return;
    const int id = Any();
    const WaitResult wanted =
        fates_[id] == Fate::kWaits ? WaitResult::kDeadline : WaitResult::kNotified;
    EXPECT_EQ(events_.CommitWaitUntil(*keys_[id], Instant::InfinitePast()), wanted);
    Forget(id);
  }

  int Any() { return std::next(keys_.begin(), static_cast<long>(random_() % keys_.size()))->first; }

  void Forget(int id) {
    keys_.erase(id);
    fates_.erase(id);
    const auto found = std::find(list_.begin(), list_.end(), id);
    if (found != list_.end()) list_.erase(found);
  }

  size_t TakeOut(size_t count, Fate fate) {
    count = std::min(count, list_.size());
    for (size_t i = 0; i < count; ++i) {
      const bool newest = order_ == WakeOrder::kNewestFirst;
      fates_[newest ? list_.back() : list_.front()] = fate;
      newest ? list_.pop_back() : list_.pop_front();
    }
    return count;
  }

  const WakeOrder order_;
  Events events_;
  std::mt19937_64 random_;
  unsigned weights_[6];
  int next_ = 0;
  std::deque<int> list_;
  std::map<int, Fate> fates_;
  std::map<int, std::unique_ptr<Key>> keys_;
};

template <typename T>
class EventCountFuzzTest : public testing::Test {};

using Kinds = testing::Types<EventCount, AsymmetricEventCount, Riding>;
TYPED_TEST_SUITE(EventCountFuzzTest, Kinds);

TYPED_TEST(EventCountFuzzTest, EqualsAListOfWaits) {
  const uint64_t seed = stress::SeedFromEnvironment();
  SCOPED_TRACE(stress::SeedMessage(seed));
  for (int run = 0; run < 40; ++run) {
    const WakeOrder order = run % 2 == 0 ? WakeOrder::kOldestFirst : WakeOrder::kNewestFirst;
    Fuzz<TypeParam> fuzz(order, stress::SeedOfWorker(seed, run));
    for (int step = 0; step < 500 && !testing::Test::HasFailure(); ++step) fuzz.Step();
  }
}

}  // namespace
}  // namespace weft
