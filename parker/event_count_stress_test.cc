// Goal: no notification is lost between waiters that look, sleep, cancel and give up, and notifiers
// that change the condition by the weakest operations there are. Method: consumers take exactly as
// many items as producers give, so a lost wake leaves somebody asleep for ever, and a watchdog says
// whom. More threads than processors: a preempted thread leaves every window open for long.
#include <algorithm>
#include <atomic>
#include <cstdint>
#include <random>
#include <thread>

#include "absl/time/time.h"
#include "base/instant.h"
#include "gtest/gtest.h"
#include "parker/event_count.h"
#include "parker/riding_event_count.h"
#include "tools/stress/seed.h"
#include "tools/stress/start_barrier.h"
#include "tools/stress/watchdog.h"

namespace weft {
namespace {

// Items without identity, behind a word that the event count knows nothing of.
template <typename Events>
class Pool {
 public:
  explicit Pool(WakeOrder order) : events_(order) {}

  void Give(uint64_t count) {
    items_.fetch_add(count, std::memory_order_release);
    events_.NotifyN(count);
  }
  bool TryTake() {
    uint64_t items = items_.load(std::memory_order_relaxed);
    while (items > 0) {
      if (items_.compare_exchange_weak(items, items - 1, std::memory_order_acquire,
                                       std::memory_order_relaxed)) {
        return true;
      }
    }
    return false;
  }
  void Take() {
    events_.Await([this] { return TryTake(); });
  }
  bool TakeUntil(Instant deadline) {
    return events_.AwaitUntil(deadline, [this] { return TryTake(); });
  }
  bool NobodyWaits() { return events_.NotifyAll() == 0; }

 private:
  std::atomic<uint64_t> items_{0};
  Events events_;
};

// The same where the word is the event count's own.
class RidingPool {
 public:
  explicit RidingPool(WakeOrder order) : items_(0, order) {}

  void Give(uint64_t count) {
    items_.NotifyN(items_.FetchAdd(count, std::memory_order_release), count);
  }
  bool TryTake() {
    EventWord word = items_.Load(std::memory_order_relaxed);
    while (word.value > 0) {
      if (items_.CompareExchangeWeak(&word, word.value - 1, std::memory_order_acquire,
                                     std::memory_order_relaxed)) {
        return true;
      }
    }
    return false;
  }
  void Take() { TakeUntil(Instant::InfiniteFuture()); }
  bool TakeUntil(Instant deadline) {
    while (!TryTake()) {
      RidingEventCount::Key key = items_.PrepareWait();
      if (key.seen().value > 0) continue;  // The key cancels itself.
      if (items_.CommitWaitUntil(key, deadline) == WaitResult::kDeadline) return TryTake();
    }
    return true;
  }
  bool NobodyWaits() { return !items_.Load(std::memory_order_relaxed).has_waiters; }

 private:
  RidingEventCount items_;
};

template <typename T>
class EventCountStressTest : public testing::Test {};

using Pools = testing::Types<Pool<EventCount>, Pool<AsymmetricEventCount>, RidingPool>;
TYPED_TEST_SUITE(EventCountStressTest, Pools);

// Half of the threads give, half take. There are exactly as many items as are taken, so a lost
// wake is not covered up by a later item for ever.
template <typename P>
void GiveAndTake(const char* name, int threads, uint64_t each, WakeOrder order) {
  const uint64_t seed = stress::SeedFromEnvironment();
  SCOPED_TRACE(stress::SeedMessage(seed));
  stress::Watchdog watchdog({.test = name, .seed = seed, .workers = threads});
  P pool(order);
  std::atomic<uint64_t> taken{0};
  const uint64_t total = static_cast<uint64_t>(threads / 2) * each;
  stress::RunTogether(threads, [&](int worker) {
    std::mt19937_64 random(stress::SeedOfWorker(seed, static_cast<uint64_t>(worker)));
    uint64_t done = 0;
    while (done < each) {
      if (worker % 2 == 0) {
        const uint64_t count = std::min<uint64_t>(each - done, 1 + random() % 3);
        pool.Give(count);
        done += count;
        // So that the next item meets sleepers.
        if (random() % 8 == 0) std::this_thread::yield();
      } else if (random() % 4 != 0) {
        pool.Take();
        ++done;
      } else if (pool.TakeUntil(MonotonicNow() +
                                absl::Microseconds(static_cast<int64_t>(random() % 100)))) {
        ++done;
      }
      watchdog.Report(worker, worker % 2 == 0 ? "gave" : "tried to take", done);
    }
    if (worker % 2 == 1) taken.fetch_add(done);
    watchdog.Finish(worker);
  });
  EXPECT_EQ(taken.load(), total);
  EXPECT_FALSE(pool.TryTake());
  EXPECT_TRUE(pool.NobodyWaits());
}

TYPED_TEST(EventCountStressTest, TwoThreadsLoseNoWake) {
  GiveAndTake<TypeParam>("TwoThreads", 2, 30000, WakeOrder::kOldestFirst);
}

TYPED_TEST(EventCountStressTest, SixteenThreadsLoseNoWake) {
  GiveAndTake<TypeParam>("SixteenThreads", 16, 6000, WakeOrder::kOldestFirst);
}

TYPED_TEST(EventCountStressTest, SixteenThreadsLoseNoWakeNewestFirst) {
  GiveAndTake<TypeParam>("SixteenThreadsNewestFirst", 16, 6000, WakeOrder::kNewestFirst);
}

// Consumers that take one item in a round and do not come back for another: whoever finds an item
// by itself must not keep the notification that was meant for somebody who sleeps.
TYPED_TEST(EventCountStressTest, ConsumersOfOneItemStrandNone) {
  constexpr int kConsumers = 6;
  constexpr int kRounds = 1000;
  stress::Watchdog watchdog({.test = "ConsumersOfOneItem", .workers = kConsumers + 2});
  TypeParam pool(WakeOrder::kNewestFirst);
  stress::StartBarrier barrier(kConsumers + 2);
  stress::RunTogether(kConsumers + 2, [&](int worker) {
    for (int round = 0; round < kRounds; ++round) {
      barrier.ArriveAndWait();
      if (worker < kConsumers) {
        pool.Take();
      } else {
        for (int i = 0; i < kConsumers / 2; ++i) pool.Give(1);
      }
      watchdog.Report(worker, "did its part of the round", static_cast<uint64_t>(round));
    }
    watchdog.Finish(worker);
  });
  EXPECT_FALSE(pool.TryTake());
}

// oneTBB (issue 2136), tokio (525, 1788), zio (610): a store and then a look for sleepers, without
// a fence between them. Both sides here do nothing but a relaxed store and a relaxed load.
template <typename Events>
void PlayFlagPingPong(const char* name) {
  constexpr int kRounds = 10000;
  stress::Watchdog watchdog({.test = name, .workers = 2});
  Events events[2];
  std::atomic<int> ball{0};
  stress::RunTogether(2, [&](int worker) {
    for (int i = 0; i < kRounds; ++i) {
      const int mine = 2 * i + worker;
      events[worker].Await([&] { return ball.load(std::memory_order_relaxed) == mine; });
      ball.store(mine + 1, std::memory_order_relaxed);
      events[1 - worker].NotifyOne();
      watchdog.Report(worker, "returned the ball", static_cast<uint64_t>(i));
    }
    watchdog.Finish(worker);
  });
}

TEST(EventCountRegressionTest, Regression_OneTbb2136_PlainStoreThenNotify) {
  PlayFlagPingPong<EventCount>("PlainStoreThenNotify");
  PlayFlagPingPong<AsymmetricEventCount>("PlainStoreThenNotifyAsymmetric");
}

TEST(EventCountRegressionTest, NotifyAllLeavesNobodyBehind) {
  constexpr int kWaiters = 15;
  constexpr int kPhases = 1000;
  stress::Watchdog watchdog({.test = "NotifyAll", .workers = kWaiters + 1});
  EventCount events(WakeOrder::kNewestFirst);
  std::atomic<int> phase{0};
  std::atomic<int> arrived{0};
  stress::RunTogether(kWaiters + 1, [&](int worker) {
    for (int i = 1; i <= kPhases; ++i) {
      if (worker == 0) {
        while (arrived.load(std::memory_order_acquire) < (i - 1) * kWaiters) {
          std::this_thread::yield();
        }
        phase.store(i, std::memory_order_relaxed);
        events.NotifyAll();
      } else {
        events.Await([&] { return phase.load(std::memory_order_relaxed) >= i; });
        arrived.fetch_add(1, std::memory_order_release);
      }
      watchdog.Report(worker, "passed the phase", static_cast<uint64_t>(i));
    }
    watchdog.Finish(worker);
  });
}

}  // namespace
}  // namespace weft
