// Question: at real speed, with thieves on other threads, is every item taken exactly once?
// Method: each item carries an identity; whoever takes it marks it. At the end each mark must be 1.
// Owners push one by one and in bulk, pop, run dry, grow and shrink; thieves steal one or half.
// Must fail when: an item is lost or taken twice (the first test shows that the ledger notices).
#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "deque/deque.h"
#include "gtest/gtest.h"
#include "tools/stress/counted_value.h"
#include "tools/stress/seed.h"
#include "tools/stress/start_barrier.h"
#include "tools/stress/watchdog.h"

namespace weft {
namespace {

// Counts how often each identity was taken.
class Ledger {
 public:
  explicit Ledger(std::size_t items) : marks_(items) {}

  void Mark(std::uint64_t id) { marks_[id].fetch_add(1, std::memory_order_relaxed); }

  // Number of identities that were not taken exactly once.
  int CountErrors() const {
    int errors = 0;
    for (const auto& mark : marks_) errors += mark.load(std::memory_order_relaxed) != 1;
    return errors;
  }

 private:
  std::vector<std::atomic<int>> marks_;
};

TEST(DequeStressTest, LedgerNoticesLossAndDuplicate) {
  Ledger ledger(3);
  ledger.Mark(0);
  ledger.Mark(1);
  ledger.Mark(1);
  EXPECT_EQ(ledger.CountErrors(), 2);
}

std::uint64_t IdOf(std::uint64_t item) { return item; }
std::uint64_t IdOf(const stress::CountedValue& item) { return item.id(); }

struct Mix {
  std::uint64_t items = 60'000;
  int thieves = 3;
  unsigned longest_burst = 64;  // of pushes
  unsigned most_pops = 48;      // after each
  bool is_kind = false;         // the owner gives way now and then
};

// Worker 0 owns the deque; the others steal until everything is taken, each with a deque of its own
// for what it steals by halves.
template <typename T, DequeOrder order>
void RunMix(const std::string& test, const DequeOptions& options, const Mix& mix) {
  const std::uint64_t seed = stress::SeedFromEnvironment();
  SCOPED_TRACE(stress::SeedMessage(seed));
  stress::Watchdog watchdog({.test = test, .seed = seed, .workers = mix.thieves + 1});
  const std::int64_t live = stress::CountedValue::Counts().live();
  Ledger ledger(mix.items);
  std::atomic<std::uint64_t> taken{0};
  {
    Deque<T, order> deque(options);
    const auto take = [&](const T& item, int worker) {
      ledger.Mark(IdOf(item));
      taken.fetch_add(1, std::memory_order_relaxed);
      watchdog.Report(worker, "took", IdOf(item));
    };
    const auto own = [&](std::mt19937_64& random) {
      std::uint64_t next = 0;
      while (next < mix.items) {
        std::uint64_t burst =
            std::min<std::uint64_t>(random() % mix.longest_burst, mix.items - next);
        if (random() % 4 == 0) {
          std::vector<T> items;
          for (; burst > 0; --burst) items.emplace_back(next++);
          EXPECT_TRUE(deque.TryPushAll(items));
        }
        for (; burst > 0; --burst) deque.Push(T(next++));
        for (unsigned pops = random() % mix.most_pops; pops > 0; --pops) {
          if (const std::optional<T> item = deque.Pop()) take(*item, 0);
        }
        if (mix.is_kind && random() % 8 == 0) std::this_thread::yield();
      }
    };
    const auto steal = [&](std::mt19937_64& random, int worker) {
      FifoDeque<T> mine(2);
      while (taken.load(std::memory_order_relaxed) < mix.items) {
        StealResult<T> result = random() % 2 == 0
                                    ? deque.stealer().Steal()
                                    : deque.stealer().StealHalf(&mine, 1 + random() % 64);
        if (result) take(*result.item, worker);
        while (const std::optional<T> item = mine.Pop()) take(*item, worker);
        if (result.outcome == StealOutcome::kEmpty) std::this_thread::yield();
      }
    };
    stress::RunTogether(mix.thieves + 1, [&](int worker) {
      std::mt19937_64 random(stress::SeedOfWorker(seed, static_cast<std::uint64_t>(worker)));
      if (worker == 0) {
        own(random);
        deque.ReleaseOwnership();
      } else {
        steal(random, worker);
      }
      watchdog.Finish(worker);
    });
    EXPECT_EQ(deque.Pop(), std::nullopt);
    EXPECT_TRUE(deque.IsEmptyHint());
  }
  EXPECT_EQ(ledger.CountErrors(), 0);
  EXPECT_EQ(stress::CountedValue::Counts().live(), live);
}

constexpr DequeOptions kFenced{.capacity = 1, .barriers = DequeBarriers::kFences};
constexpr DequeOptions kSmall{.capacity = 1};

TEST(DequeStressTest, EachItemIsTakenOnce) {
  RunMix<std::uint64_t, DequeOrder::kLifo>("EachItemIsTakenOnce", kSmall, {});
}
TEST(DequeStressTest, EachItemIsTakenOnceByFences) {
  RunMix<std::uint64_t, DequeOrder::kLifo>("EachItemIsTakenOnceByFences", kFenced, {});
}
TEST(DequeStressTest, EachItemIsTakenOnceInFifoOrder) {
  RunMix<std::uint64_t, DequeOrder::kFifo>("EachItemIsTakenOnceInFifoOrder", kSmall, {});
}

// One item at a time: owner and thieves always meet at the last one.
constexpr Mix kLastItem{.items = 40'000, .longest_burst = 3, .most_pops = 3, .is_kind = true};
TEST(DequeStressTest, LastItemHasOneTaker) {
  RunMix<std::uint64_t, DequeOrder::kLifo>("LastItemHasOneTaker", kSmall, kLastItem);
}
TEST(DequeStressTest, LastItemHasOneTakerByFences) {
  RunMix<std::uint64_t, DequeOrder::kLifo>("LastItemHasOneTakerByFences", kFenced, kLastItem);
}
TEST(DequeStressTest, LastItemHasOneTakerInFifoOrder) {
  RunMix<std::uint64_t, DequeOrder::kFifo>("LastItemHasOneTakerInFifoOrder", kSmall, kLastItem);
}

// Long bursts, popped to the end: the ring grows and shrinks under its thieves.
constexpr Mix kTides{.items = 60'000, .longest_burst = 2'000, .most_pops = 2'500, .is_kind = true};
TEST(DequeStressTest, GrowingAndShrinkingLosesNothing) {
  RunMix<std::uint64_t, DequeOrder::kLifo>("GrowingAndShrinkingLosesNothing", kSmall, kTides);
}
TEST(DequeStressTest, GrowingAndShrinkingLosesNothingByFences) {
  RunMix<std::uint64_t, DequeOrder::kLifo>("GrowingAndShrinkingByFences", kFenced, kTides);
}
TEST(DequeStressTest, GrowingAndShrinkingLosesNothingInFifoOrder) {
  RunMix<std::uint64_t, DequeOrder::kFifo>("GrowingAndShrinkingInFifoOrder", kSmall, kTides);
}

// Values that notice a copy, a second destruction and use after a move; what the owner wrote before
// the push is visible to the thief (under TSan a missing edge is a report).
constexpr Mix kValues{.items = 20'000};
TEST(DequeStressTest, ValuesArriveCompleteAndAreDestroyedOnce) {
  RunMix<stress::CountedValue, DequeOrder::kLifo>("ValuesArriveComplete", kSmall, kValues);
}
TEST(DequeStressTest, ValuesArriveCompleteAndAreDestroyedOnceInFifoOrder) {
  RunMix<stress::CountedValue, DequeOrder::kFifo>("ValuesArriveCompleteInFifoOrder", kSmall,
                                                  kValues);
}

// More threads than processors: owners and thieves are stopped in the middle of everything.
constexpr Mix kCrowd{.items = 40'000, .thieves = 15, .is_kind = true};
TEST(DequeStressTest, SixteenThreadsTakeEachItemOnce) {
  RunMix<std::uint64_t, DequeOrder::kLifo>("SixteenThreads", kSmall, kCrowd);
}
TEST(DequeStressTest, SixteenThreadsTakeEachItemOnceByFences) {
  RunMix<std::uint64_t, DequeOrder::kLifo>("SixteenThreadsByFences", kFenced, kCrowd);
}

// No stranded work: the owner pushes and then touches the deque no more.
TEST(DequeStressTest, ItemsOfAnOwnerThatStopsAreTakenWithoutIt) {
  const std::uint64_t seed = stress::SeedFromEnvironment();
  for (int round = 0; round < 200; ++round) {
    stress::Watchdog watchdog({.test = "OwnerThatStops", .seed = seed, .workers = 3});
    Deque<std::uint64_t> deque(1);
    std::atomic<std::uint64_t> taken{0};
    stress::RunTogether(3, [&](int worker) {
      constexpr std::uint64_t kItems = 40;
      if (worker == 0) {
        for (std::uint64_t i = 0; i < kItems; ++i) deque.Push(i);
      } else {
        while (taken.load(std::memory_order_relaxed) < kItems) {
          if (deque.stealer().Steal()) taken.fetch_add(1, std::memory_order_relaxed);
          watchdog.Report(worker, "looked");
        }
      }
      watchdog.Finish(worker);
    });
  }
}

}  // namespace
}  // namespace weft
