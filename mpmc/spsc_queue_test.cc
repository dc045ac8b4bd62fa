// Goal: each bullet of SpscQueue's contract on one thread, every capacity's wrap-around above all,
// and equality with a deque over random operations.
#include "mpmc/spsc_queue.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <random>
#include <span>
#include <stdexcept>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "tools/stress/seed.h"

namespace weft {
namespace {

static_assert(!std::is_copy_constructible_v<SpscQueue<int>>);
static_assert(!std::is_move_constructible_v<SpscQueue<int>>);

TEST(SpscQueueTest, HoldsExactlyItsCapacityInEveryLap) {
  for (std::size_t capacity : {1, 2, 3, 7, 13, 14, 15, 28, 29}) {
    SpscQueue<int> queue(capacity);
    EXPECT_EQ(queue.capacity(), capacity);
    int in = 0;
    int out = 0;
    for (int lap = 0; lap < 5; ++lap) {
      for (std::size_t i = 0; i < capacity; ++i) ASSERT_TRUE(queue.TryPush(in++).ok());
      ASSERT_EQ(queue.SizeHint(), capacity);
      ASSERT_EQ(queue.TryPush(-1).outcome(), PushOutcome::kFull);
      for (std::size_t i = 0; i < capacity; ++i) ASSERT_EQ(queue.TryPop(), out++);
      ASSERT_EQ(queue.TryPop().outcome(), PopOutcome::kEmpty);
      (void)queue.TryPush(in++);  // The next lap begins one slot further.
      ASSERT_EQ(queue.TryPop(), out++);
    }
  }
}

TEST(SpscQueueTest, HandsTheValueBackWhenItIsFull) {
  SpscQueue<std::unique_ptr<int>> queue(1);
  (void)queue.TryPush(std::make_unique<int>(1));
  EXPECT_EQ(*queue.TryPush(std::make_unique<int>(2)).TakeRejected(), 2);
}

TEST(SpscQueueTest, DestroysWhatIsLeftAndWhatWasNeverPublished) {
  const auto value = std::make_shared<int>(0);
  {
    SpscQueue<std::shared_ptr<int>> queue(3);
    for (int i = 0; i < 2; ++i) {
      (void)queue.TryPush(value);
      queue.TryPop();
    }
    (void)queue.TryPush(value);
    (void)queue.TryPush(value);
    ASSERT_NE(queue.TryPrepare(value), nullptr);
    EXPECT_EQ(value.use_count(), 4);
  }
  EXPECT_EQ(value.use_count(), 1);
}

TEST(SpscQueueTest, PreparedValueIsSeenOnlyWhenPublished) {
  SpscQueue<std::vector<int>> queue(1);
  std::vector<int>* const prepared = queue.TryPrepare(3, 7);
  ASSERT_NE(prepared, nullptr);
  prepared->push_back(8);
  EXPECT_EQ(queue.Front(), nullptr);
  queue.Publish();
  EXPECT_EQ(queue.TryPrepare(), nullptr);
  ASSERT_NE(queue.Front(), nullptr);
  EXPECT_EQ(*queue.Front(), (std::vector<int>{7, 7, 7, 8}));
  queue.PopFront();
  EXPECT_EQ(queue.Front(), nullptr);
}

TEST(SpscQueueTest, ReadableShowsRunsOfABlock) {
  SpscQueue<uint64_t> queue(20);  // Blocks of seven words.
  for (uint64_t i = 0; i < 19; ++i) (void)queue.TryPush(i);
  EXPECT_EQ(queue.TryPop(), 0u);
  EXPECT_EQ(queue.TryPop(), 1u);
  std::vector<std::size_t> sizes;
  std::vector<uint64_t> seen;
  for (std::span<uint64_t> run = queue.Readable(); !run.empty(); run = queue.Readable()) {
    sizes.push_back(run.size());
    seen.insert(seen.end(), run.begin(), run.end());
    queue.PopFront(run.size());
  }
  EXPECT_EQ(sizes, (std::vector<std::size_t>{5, 7, 5}));
  EXPECT_EQ(seen.size(), 17u);
  EXPECT_EQ(seen.front(), 2u);
  EXPECT_EQ(seen.back(), 18u);
}

struct Wide {
  explicit Wide(int v) : value(v) {}
  int value;
  std::array<char, 100> rest{};
};
struct alignas(128) Aligned {
  explicit Aligned(int v) : value(v) {}
  int value;
};
struct Odd {  // Two to a block, which they do not fill.
  explicit Odd(int v) : value(v) {}
  int value;
  std::array<char, 20> rest{};
};

template <typename T>
void CrossesManyLaps() {
  SpscQueue<T> queue(3);
  int in = 0;
  for (int out = 0; out < 20; ++out) {
    while (queue.TryPush(T(in)).ok()) ++in;
    ASSERT_EQ(in, out + 3);
    ASSERT_EQ(reinterpret_cast<std::uintptr_t>(queue.Front()) % alignof(T), 0u);
    ASSERT_EQ(queue.Front()->value, out);
    queue.PopFront();
  }
}

TEST(SpscQueueTest, ValuesOfEverySizeAndAlignmentCross) {
  CrossesManyLaps<Wide>();
  CrossesManyLaps<Aligned>();
  CrossesManyLaps<Odd>();
}

// A producer that finds little room in a large queue waits for more for a moment only.
TEST(SpscQueueTest, PushThatFindsLittleRoomTakesIt) {
  SpscQueue<int> queue(1000);
  while (queue.TryPush(0).ok()) {
  }
  for (int i = 1; i <= 3; ++i) {
    queue.TryPop();
    EXPECT_TRUE(queue.TryPush(int{i}).ok());
    EXPECT_EQ(queue.TryPush(-1).outcome(), PushOutcome::kFull);
  }
}

TEST(SpscQueueTest, ClosingAtTheEndOfABlockIsSeen) {
  for (uint64_t count = 0; count < 16; ++count) {
    SpscQueue<uint64_t> queue(16);
    for (uint64_t i = 0; i < count; ++i) (void)queue.TryPush(i);
    queue.Close();
    for (uint64_t i = 0; i < count; ++i) {
      EXPECT_FALSE(queue.IsDrained());
      EXPECT_EQ(queue.TryPop(), i);
    }
    EXPECT_TRUE(queue.IsDrained());
  }
}

TEST(SpscQueueTest, BulkOperationsMoveWhatFitsAcrossTheWrap) {
  SpscQueue<int> queue(5);
  std::array<int, 4> first{1, 2, 3, 4};
  EXPECT_EQ(queue.TryPushBulk(first).count, 4u);
  std::array<int, 3> out{};
  EXPECT_EQ(queue.TryPopBulk(out).count, 3u);
  EXPECT_EQ(out, (std::array<int, 3>{1, 2, 3}));
  std::array<int, 6> more{5, 6, 7, 8, 9, 10};
  EXPECT_EQ(queue.TryPushBulk(more).count, 4u);
  EXPECT_EQ(queue.TryPushBulk(more).outcome, PushOutcome::kFull);
  std::array<int, 9> rest{};
  EXPECT_EQ(queue.TryPopBulk(rest).count, 5u);
  EXPECT_EQ(rest, (std::array<int, 9>{4, 5, 6, 7, 8}));
  EXPECT_EQ(queue.TryPopBulk(rest).outcome, PopOutcome::kEmpty);
  EXPECT_EQ(queue.TryPopBulk({}).outcome, PopOutcome::kOk);
  EXPECT_EQ(queue.TryPushBulk({}).outcome, PushOutcome::kOk);
}

TEST(SpscQueueTest, ClosedQueueRefusesAndDrains) {
  SpscQueue<int> queue(2);
  (void)queue.TryPush(1);
  queue.Close();
  EXPECT_EQ(queue.TryPush(2).outcome(), PushOutcome::kClosed);
  EXPECT_EQ(queue.TryPrepare(2), nullptr);
  std::array<int, 1> one{2};
  EXPECT_EQ(queue.TryPushBulk(one).outcome, PushOutcome::kClosed);
  EXPECT_EQ(queue.SizeHint(), 1u);
  EXPECT_FALSE(queue.IsDrained());
  EXPECT_EQ(queue.TryPop(), 1);
  EXPECT_TRUE(queue.IsDrained());
  EXPECT_EQ(queue.TryPop().outcome(), PopOutcome::kClosed);
  EXPECT_EQ(queue.TryPopBulk(one).outcome, PopOutcome::kClosed);
}

TEST(SpscQueueTest, AbandonedQueueRefusesAtTheLatestWhenItIsFull) {
  SpscQueue<int> queue(2);
  (void)queue.TryPush(1);
  queue.Abandon();
  int pushed = 1;
  while (queue.TryPush(2).ok()) ++pushed;
  EXPECT_LE(pushed, 2);
  EXPECT_EQ(queue.TryPush(3).outcome(), PushOutcome::kClosed);
}

// Throws when it is told to.
struct Thrower {
  explicit Thrower(int v) : value(v) {
    if (v < 0) throw std::runtime_error("asked for");
  }
  Thrower(Thrower&& other) : value(other.value) {
    if (fail_moves) throw std::runtime_error("move");
  }
  int value;
  static inline bool fail_moves = false;
};

TEST(SpscQueueTest, ThrowingConstructorsLeaveTheQueueAsItWas) {
  SpscQueue<Thrower> queue(2);
  EXPECT_THROW(queue.TryPrepare(-1), std::runtime_error);
  ASSERT_NE(queue.TryPrepare(1), nullptr);
  queue.Publish();
  Thrower::fail_moves = true;
  EXPECT_THROW((void)queue.TryPop(), std::runtime_error);
  Thrower::fail_moves = false;
  ASSERT_EQ(queue.SizeHint(), 1u);
  EXPECT_EQ(queue.Front()->value, 1);
}

TEST(SpscQueueTest, EqualsADequeOverRandomOperations) {
  const uint64_t seed = stress::SeedFromEnvironment();
  SCOPED_TRACE(stress::SeedMessage(seed));
  for (uint64_t round = 0; round < 60; ++round) {
    std::mt19937_64 random(stress::SeedOfWorker(seed, round));
    const std::size_t capacity = 1 + random() % 40;
    SpscQueue<int> queue(capacity);
    std::deque<int> model;
    unsigned push_weight = 5;
    for (int step = 0; step < 800; ++step) {
      if (step % 50 == 0) push_weight = 1 + random() % 9;  // Swarm: tides of pushes and of pops.
      const bool push = random() % 10 < push_weight;
      const std::size_t many = random() % 20;
      switch (random() % 3 + (push ? 0 : 3)) {
        case 0: {
          const bool ok = queue.TryPush(int{step}).ok();
          ASSERT_EQ(ok, model.size() < capacity);
          if (ok) model.push_back(step);
          break;
        }
        case 1: {
          int* const slot = queue.TryPrepare(step);
          ASSERT_EQ(slot != nullptr, model.size() < capacity);
          if (slot == nullptr) break;
          queue.Publish();
          model.push_back(step);
          break;
        }
        case 2: {
          std::vector<int> values(many, step);
          const std::size_t count = queue.TryPushBulk(values).count;
          ASSERT_EQ(count, std::min(many, capacity - model.size()));
          model.insert(model.end(), count, step);
          break;
        }
        case 3: {
          const PopResult<int> value = queue.TryPop();
          ASSERT_EQ(value.ok(), !model.empty());
          if (!value.ok()) break;
          ASSERT_EQ(*value, model.front());
          model.pop_front();
          break;
        }
        case 4: {
          const std::span<int> run = queue.Readable();
          ASSERT_EQ(run.empty(), model.empty());
          ASSERT_LE(run.size(), model.size());
          ASSERT_TRUE(std::equal(run.begin(), run.end(), model.begin()));
          const std::size_t count = std::min(run.size(), many);
          queue.PopFront(count);
          model.erase(model.begin(), model.begin() + static_cast<std::ptrdiff_t>(count));
          break;
        }
        case 5: {
          std::vector<int> out(many);
          const std::size_t count = queue.TryPopBulk(out).count;
          ASSERT_EQ(count, std::min(many, model.size()));
          ASSERT_TRUE(std::equal(out.begin(), out.begin() + static_cast<std::ptrdiff_t>(count),
                                 model.begin()));
          model.erase(model.begin(), model.begin() + static_cast<std::ptrdiff_t>(count));
          break;
        }
      }
      ASSERT_EQ(queue.SizeHint(), model.size());
    }
  }
}

TEST(SpscQueueTest, SidesMayBeHandedOver) {
  SpscQueue<int> queue(2);
  (void)queue.TryPush(1);
  queue.ReleaseProducer();
  std::thread([&] { (void)queue.TryPush(2); }).join();
  EXPECT_EQ(queue.TryPop(), 1);
  queue.ReleaseConsumer();
  std::thread([&] { EXPECT_EQ(queue.TryPop(), 2); }).join();
}

TEST(SpscQueueDeathTest, MisuseIsNamed) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH(SpscQueue<int> queue(0), "SpscQueue.capacity.: expected 1 to .* slots, found 0");
  EXPECT_DEATH(
      {
        SpscQueue<int> queue(1);
        queue.Publish();
      },
      "SpscQueue::Publish.*expected a value that TryPrepare.. returned, found none");
#ifndef NDEBUG
  EXPECT_DEATH(
      {
        SpscQueue<int> queue(1);
        (void)queue.TryPush(1);
        std::thread([&] { (void)queue.TryPush(2); }).join();
      },
      "TryPush.. on a second thread: expected SpscQueue's producer");
#endif
}

}  // namespace
}  // namespace weft
