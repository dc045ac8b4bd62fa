// Question: does an Injector keep each sentence of its contract?
// Method: scenarios on one thread; then producers and thieves at real speed, where each item
// carries its producer and number: each is taken once, and each thief sees each producer's numbers
// grow.
#include "deque/injector.h"

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
#include "tools/stress/seed.h"
#include "tools/stress/start_barrier.h"
#include "tools/stress/watchdog.h"

namespace weft {
namespace {

TEST(InjectorTest, NewInjectorIsEmpty) {
  Injector<int> injector;
  EXPECT_TRUE(injector.IsEmptyHint());
  EXPECT_EQ(injector.Steal().outcome, StealOutcome::kEmpty);
  Deque<int> deque;
  EXPECT_EQ(injector.StealHalf(&deque).outcome, StealOutcome::kEmpty);
}

TEST(InjectorTest, FirstInFirstOutOverManyBlocks) {
  Injector<int> injector;
  for (int i = 0; i < 1'000; ++i) injector.Push(i);
  EXPECT_EQ(injector.SizeHint(), 1'000u);
  for (int i = 0; i < 1'000; ++i) EXPECT_EQ(injector.Steal().item, i);
  EXPECT_EQ(injector.Steal().outcome, StealOutcome::kEmpty);
  EXPECT_EQ(injector.SizeHint(), 0u);
}

TEST(InjectorTest, BatchKeepsOrderAndTakesHalf) {
  Injector<int> injector;
  for (int i = 1; i <= 10; ++i) injector.Push(i);
  FifoDeque<int> deque;
  EXPECT_EQ(injector.StealHalf(&deque).item, 1);
  for (int i = 2; i <= 5; ++i) EXPECT_EQ(deque.Pop(), i);
  EXPECT_EQ(deque.Pop(), std::nullopt);
  EXPECT_EQ(injector.StealHalf(&deque, 1).item, 6);
  EXPECT_EQ(deque.Pop(), std::nullopt);
  EXPECT_EQ(injector.SizeHint(), 4u);
}

TEST(InjectorTest, BatchTakesNoMoreThanABoundedDequeHasRoomFor) {
  Injector<int> injector;
  for (int i = 1; i <= 10; ++i) injector.Push(i);
  Deque<int> deque(DequeOptions{.max_items = 1});
  deque.Push(0);
  EXPECT_EQ(injector.StealHalf(&deque).item, 1);
  EXPECT_EQ(deque.SizeHint(), 1u);
  EXPECT_EQ(injector.SizeHint(), 9u);
}

// crossbeam #1146: blocks of large items on the stack of whoever pushes.
TEST(InjectorTest, ItemsMayBeLargeAndOnlyMovable) {
  struct Large {
    std::unique_ptr<int> id;
    char rest[1 << 16];
  };
  const auto injector = std::make_unique<Injector<std::unique_ptr<Large>>>();
  for (int i = 0; i < 100; ++i) {
    auto item = std::make_unique<Large>();
    item->id = std::make_unique<int>(i);
    injector->Push(std::move(item));
  }
  EXPECT_EQ(*(*injector->Steal().item)->id, 0);
}

TEST(InjectorTest, DestroysTheItemsThatNobodyTook) {
  const auto alive = std::make_shared<int>(0);
  {
    Injector<std::shared_ptr<int>> injector;
    for (int i = 0; i < 200; ++i) injector.Push(alive);
    (void)injector.Steal();
    EXPECT_EQ(alive.use_count(), 200);
  }
  EXPECT_EQ(alive.use_count(), 1);
}

TEST(InjectorDeathTest, LimitMustBePositive) {
  Injector<int> injector;
  Deque<int> deque;
  EXPECT_DEATH((void)injector.StealHalf(&deque, 0), "expected a positive limit, found 0");
}

// Half of the workers produce, the others take, one by one and in batches.
void RunMix(const char* test, int producers, int thieves, std::uint64_t per_producer) {
  const std::uint64_t seed = stress::SeedFromEnvironment();
  SCOPED_TRACE(stress::SeedMessage(seed));
  stress::Watchdog watchdog({.test = test, .seed = seed, .workers = producers + thieves});
  Injector<std::uint64_t> injector;
  const std::uint64_t total = per_producer * static_cast<std::uint64_t>(producers);
  std::vector<std::atomic<int>> marks(total);
  std::atomic<std::uint64_t> taken{0};
  std::atomic<int> out_of_order{0};

  const auto produce = [&](int worker, std::mt19937_64& random) {
    for (std::uint64_t i = 0; i < per_producer; ++i) {
      injector.Push(static_cast<std::uint64_t>(worker) * per_producer + i);
      watchdog.Report(worker, "pushed", i);
      if (random() % 512 == 0) std::this_thread::yield();
    }
  };
  const auto steal = [&](int worker, std::mt19937_64& random) {
    FifoDeque<std::uint64_t> mine;
    std::vector<std::uint64_t> next(static_cast<std::size_t>(producers), 0);
    const auto take = [&](std::uint64_t item) {
      marks[item].fetch_add(1, std::memory_order_relaxed);
      taken.fetch_add(1, std::memory_order_relaxed);
      std::uint64_t& expected = next[item / per_producer];
      if (item % per_producer < expected) out_of_order.fetch_add(1, std::memory_order_relaxed);
      expected = item % per_producer + 1;
      watchdog.Report(worker, "took", item);
    };
    while (taken.load(std::memory_order_relaxed) < total) {
      const StealResult<std::uint64_t> result =
          random() % 2 == 0 ? injector.Steal() : injector.StealHalf(&mine, 1 + random() % 63);
      if (result) take(*result.item);
      while (const std::optional<std::uint64_t> item = mine.Pop()) take(*item);
      if (!result) std::this_thread::yield();
    }
  };
  stress::RunTogether(producers + thieves, [&](int worker) {
    std::mt19937_64 random(stress::SeedOfWorker(seed, static_cast<std::uint64_t>(worker)));
    if (worker < producers) {
      produce(worker, random);
    } else {
      steal(worker, random);
    }
    watchdog.Finish(worker);
  });
  int errors = 0;
  for (const auto& mark : marks) errors += mark.load() != 1;
  EXPECT_EQ(errors, 0);
  EXPECT_EQ(out_of_order.load(), 0);
  EXPECT_TRUE(injector.IsEmptyHint());
}

TEST(InjectorStressTest, EachItemIsTakenOnceAndInItsProducersOrder) {
  RunMix("EachItemIsTakenOnce", 2, 2, 50'000);
}
TEST(InjectorStressTest, SixteenThreads) { RunMix("SixteenThreads", 8, 8, 5'000); }

}  // namespace
}  // namespace weft
