// Goal: no loss, no duplicate, order per producer, no leak and exact answers at real speed, also
// with far more threads than processors.
// Method: numbered items through every pair of operations, over several shapes and capacities;
// threads that know for certain whether the queue can be empty or full, and ask; short histories
// of random operations, recorded and checked for linearizability.
#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "mpmc/bounded_queue.h"
#include "mpmc/internal/fifo_history.h"
#include "mpmc/internal/queue_stress.h"
#include "mpmc/pop_result.h"
#include "mpmc/push_result.h"
#include "mpmc/queue_shape.h"
#include "tools/stress/seed.h"
#include "tools/stress/start_barrier.h"

namespace weft {
namespace {

using mpmc_internal::EventClock;
using mpmc_internal::FifoHistory;
using mpmc_internal::FifoOperation;
using mpmc_internal::RunStress;
using mpmc_internal::StressItem;
using mpmc_internal::StressShape;

// Calls `push`, which answers a PushResult, until it is accepted.
template <typename Push>
void PushUntilAccepted(StressItem item, Push push) {
  PushResult<StressItem> result = push(std::move(item));
  while (!result.ok()) {
    std::this_thread::yield();
    result = push(std::move(result).TakeRejected());
  }
}

// What a thread calls to push and pop.
enum class Calls { kTry, kPoll, kSpin, kBulk, kInPlace };

template <typename Queue>
void Push(Queue& queue, Calls calls, StressItem item) {
  switch (calls) {
    case Calls::kTry:
      return PushUntilAccepted(std::move(item),
                               [&](StressItem i) { return queue.TryPush(std::move(i)); });
    case Calls::kPoll:
      return PushUntilAccepted(std::move(item),
                               [&](StressItem i) { return queue.PollPush(std::move(i)); });
    case Calls::kSpin:
      EXPECT_TRUE(queue.SpinPush(std::move(item)).ok());
      return;
    case Calls::kBulk:
      while (queue.TryPushBulk({&item, 1}).count == 0) std::this_thread::yield();
      return;
    case Calls::kInPlace:
      // Now and then a reservation is given up, which must not be noticed. Once an item: producers
      // who do so at each attempt take the only slot from each other for seconds.
      if (item.sequence() % 7 == 0) static_cast<void>(queue.TryReserve());
      for (;;) {
        auto slot = queue.TryReserve();
        if (!slot.ok()) {
          std::this_thread::yield();
          continue;
        }
        slot.Commit(std::move(item));
        return;
      }
  }
}

template <typename Queue>
std::optional<StressItem> Pop(Queue& queue, Calls calls) {
  std::optional<StressItem> item;
  switch (calls) {
    case Calls::kTry:
    case Calls::kSpin:  // A consumer does not know whether more will come.
    case Calls::kBulk:
      return queue.TryPop();
    case Calls::kPoll:
      return queue.PollPop();
    case Calls::kInPlace:
      queue.TryConsume([&](StressItem&& value) { item.emplace(std::move(value)); });
      return item;
  }
  return item;
}

template <typename Queue>
void ExpectEveryItemOnceAndInOrder(const std::vector<StressShape>& shapes) {
  for (Calls calls : {Calls::kTry, Calls::kPoll, Calls::kSpin, Calls::kBulk, Calls::kInPlace}) {
    for (std::size_t capacity : {1, 2, 3, 64}) {
      for (StressShape shape : shapes) {
        // Each item through a few slots is a switch between threads.
        if (capacity < 64) shape.items_each /= 20;
        {
          Queue queue(capacity);
          EXPECT_EQ(RunStress(
                        shape, [&](StressItem item) { Push(queue, calls, std::move(item)); },
                        [&] { return Pop(queue, calls); }),
                    "")
              << "calls " << static_cast<int>(calls) << ", capacity " << capacity << ", "
              << shape.producers << " producers";
        }
        EXPECT_EQ(StressItem::Live(), 0);
      }
    }
  }
}

const std::vector<StressShape> kShapes = {{1, 1, 1000}, {2, 2, 500}, {4, 4, 200}};

TEST(BoundedQueueStressTest, EveryItemArrivesOnceAndInOrder) {
  ExpectEveryItemOnceAndInOrder<BoundedQueue<StressItem>>(kShapes);
}

TEST(BoundedQueueStressTest, EveryItemArrivesOnceAndInOrderInPaddedSlots) {
  ExpectEveryItemOnceAndInOrder<BoundedQueue<StressItem, QueueSlots::kPadded>>({{2, 2, 500}});
}

TEST(BoundedQueueStressTest, EveryItemReachesTheOneConsumerOnceAndInOrder) {
  ExpectEveryItemOnceAndInOrder<BoundedMpscQueue<StressItem>>({{1, 1, 1000}, {4, 1, 300}});
}

// atomic_queue: a producer that is preempted between its ticket and its slot is overtaken by the
// ticket one lap later, because its slots do not know their lap.
TEST(BoundedQueueStressTest, Regression_OrderPerProducerHoldsWhenThreadsArePreempted) {
  ExpectEveryItemOnceAndInOrder<BoundedQueue<StressItem>>({{8, 8, 200}});
}

// xenium's nikolaev_queue lost a handful of some million items.
TEST(BoundedQueueStressTest, Regression_NoItemOfAHundredThousandIsLost) {
  BoundedQueue<StressItem> queue(128);
  EXPECT_EQ(RunStress(
                {2, 2, 50000}, [&](StressItem item) { Push(queue, Calls::kTry, std::move(item)); },
                [&] { return Pop(queue, Calls::kTry); }),
            "");
}

TEST(BoundedQueueStressTest, DestructionWithItemsInsideLeaksNothing) {
  {
    BoundedQueue<StressItem> queue(100);
    stress::RunTogether(4, [&](int worker) {
      for (int i = 0; i < 500; ++i) {
        if (!queue.TryPush(StressItem(worker, i)).ok()) queue.TryPop();
      }
    });
  }
  EXPECT_EQ(StressItem::Live(), 0);
}

// Each thread has pushed one more value than it has popped, so the queue cannot be empty.
TEST(BoundedQueueStressTest, NeverSaysEmptyWhileItHoldsAValue) {
  constexpr int kThreads = 4;
  BoundedQueue<int> queue(kThreads);
  std::atomic<int> wrong{0};
  stress::RunTogether(kThreads, [&](int) {
    for (int i = 0; i < 5000; ++i) {
      if (!queue.TryPush(i).ok()) wrong.fetch_add(1);
      if (!queue.TryPop().has_value()) wrong.fetch_add(1);
    }
  });
  EXPECT_EQ(wrong.load(), 0);
}

// The queue starts full and each thread pops before it pushes, so a push always finds room.
TEST(BoundedQueueStressTest, NeverSaysFullWhileItHasRoom) {
  constexpr int kThreads = 3;
  BoundedQueue<int> queue(kThreads);
  for (int i = 0; i < kThreads; ++i) ASSERT_TRUE(queue.TryPush(i).ok());
  std::atomic<int> wrong{0};
  stress::RunTogether(kThreads, [&](int) {
    for (int i = 0; i < 5000; ++i) {
      if (!queue.TryPop().has_value()) wrong.fetch_add(1);
      if (!queue.TryPush(i).ok()) wrong.fetch_add(1);
    }
  });
  EXPECT_EQ(wrong.load(), 0);
}

TEST(BoundedQueueStressTest, OverwritingPushesAccountForEveryItem) {
  for (std::size_t capacity : {1, 2, 5}) {
    constexpr int kItems = 1500;
    BoundedQueue<StressItem> queue(capacity);
    std::array<std::vector<bool>, 2> seen{std::vector<bool>(kItems), std::vector<bool>(kItems)};
    std::mutex mutex;
    std::atomic<int> producing{2};
    int doubled = 0;
    const auto note = [&](const StressItem& item) {
      const std::lock_guard lock(mutex);
      doubled += seen[item.producer()][item.sequence()];
      seen[item.producer()][item.sequence()] = true;
    };
    stress::RunTogether(3, [&](int worker) {
      if (worker < 2) {
        for (int i = 0; i < kItems; ++i) {
          auto result = queue.PushOverwriting(StressItem(worker, i));
          if (result.displaced.has_value()) note(*result.displaced);
        }
        producing.fetch_sub(1);
        return;
      }
      while (producing.load() > 0) {
        if (const PopResult<StressItem> item = queue.TryPop()) note(*item);
      }
    });
    while (const PopResult<StressItem> item = queue.TryPop()) note(*item);
    EXPECT_EQ(doubled, 0) << "capacity " << capacity;
    for (const std::vector<bool>& items : seen) {
      EXPECT_EQ(std::count(items.begin(), items.end(), true), kItems) << "capacity " << capacity;
    }
  }
  EXPECT_EQ(StressItem::Live(), 0);
}

TEST(BoundedQueueStressTest, WhatAClosedQueueAcceptedIsDrained) {
  for (int round = 0; round < 12; ++round) {
    BoundedQueue<int> queue(3);
    std::atomic<int> accepted{0};
    std::atomic<int> popped{0};
    stress::RunTogether(4, [&](int worker) {
      if (worker == 0) {
        while (queue.PushCount() < 20) std::this_thread::yield();
        queue.Close();
      } else if (worker == 1) {
        for (;;) {
          const PopResult<int> result = queue.TryPop();
          if (result.outcome() == PopOutcome::kClosed) break;
          popped.fetch_add(result.ok());
        }
      } else {
        for (;;) {
          const PushOutcome outcome = queue.TryPush(1).outcome();
          if (outcome == PushOutcome::kClosed) break;
          accepted.fetch_add(outcome == PushOutcome::kOk);
        }
      }
    });
    ASSERT_EQ(accepted.load(), popped.load());
    ASSERT_EQ(queue.TryPop().outcome(), PopOutcome::kClosed);
  }
}

// One thread's part of a history.
std::vector<FifoOperation> RandomOperations(BoundedQueue<int>& queue, EventClock& clock, int worker,
                                            uint64_t seed) {
  using Kind = FifoOperation::Kind;
  std::mt19937_64 random(seed);
  std::vector<FifoOperation> operations;
  for (int i = 0; i < 5; ++i) {
    FifoOperation operation{.kind = Kind::kPush, .value = 10 * worker + i};
    const unsigned choice = random() % 8;
    operation.begin = clock.Now();
    if (choice < 3) {
      if (!queue.TryPush(operation.value).ok()) operation.kind = Kind::kFull;
    } else if (choice < 4) {
      operation.kind = Kind::kOverwrite;
      operation.displaced =
          queue.PushOverwriting(operation.value).displaced.value_or(FifoOperation::kNothing);
    } else {
      const PopResult<int> result = queue.TryPop();
      operation.kind = result.ok() ? Kind::kPop : Kind::kEmpty;
      operation.value = result.ok() ? *result : FifoOperation::kNothing;
    }
    operation.end = clock.Now();
    operations.push_back(operation);
  }
  return operations;
}

TEST(BoundedQueueStressTest, RecordedHistoriesAreLinearizable) {
  const uint64_t seed = stress::SeedFromEnvironment();
  SCOPED_TRACE(stress::SeedMessage(seed));
  constexpr int kThreads = 4;
  constexpr int kRounds = 500;
  for (std::size_t capacity : {1, 2, 3}) {
    std::vector<std::unique_ptr<BoundedQueue<int>>> queues;
    for (int i = 0; i < kRounds; ++i)
      queues.push_back(std::make_unique<BoundedQueue<int>>(capacity));
    std::vector<EventClock> clocks(kRounds);
    std::vector<std::array<std::vector<FifoOperation>, kThreads>> histories(kRounds);
    stress::StartBarrier barrier(kThreads);
    stress::RunTogether(kThreads, [&](int worker) {
      for (int round = 0; round < kRounds; ++round) {
        if (round % 16 == 0) barrier.ArriveAndWait();  // Threads stay within a few rounds.
        histories[round][worker] = RandomOperations(*queues[round], clocks[round], worker,
                                                    stress::SeedOfWorker(seed + round, worker));
      }
    });
    for (const auto& history : histories) {
      std::vector<FifoOperation> operations;
      for (const std::vector<FifoOperation>& part : history) {
        operations.insert(operations.end(), part.begin(), part.end());
      }
      FifoHistory checked(capacity, std::move(operations));
      ASSERT_TRUE(checked.IsLinearizable()) << "capacity " << capacity << "\n"
                                            << checked.Describe();
    }
  }
}

}  // namespace
}  // namespace weft
