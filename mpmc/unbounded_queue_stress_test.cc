// Goal: no loss, no duplicate, order per producer, no leak, exact "empty", drained when closed,
// memory given back, by threads at real speed and by more threads than processors.
// Method: values that count themselves, over several shapes, with the segments that ship and with
// segments of three slots, which are opened, drained and used again all the time.
#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <random>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/atomics.h"
#include "gtest/gtest.h"
#include "mpmc/internal/counting_memory.h"
#include "mpmc/internal/queue_aspects.h"
#include "mpmc/internal/queue_stress.h"
#include "mpmc/internal/segment_queue.h"
#include "mpmc/unbounded_queue.h"
#include "tools/stress/counted_value.h"
#include "tools/stress/seed.h"
#include "tools/stress/start_barrier.h"
#include "tools/stress/watchdog.h"

namespace weft {
namespace {

using mpmc_internal::CheckAspects;
using mpmc_internal::CountingMemory;
using mpmc_internal::OperationSpan;
using mpmc_internal::QueueHistory;
using mpmc_internal::RunStress;
using mpmc_internal::SegmentPolicy;
using mpmc_internal::SegmentQueue;
using mpmc_internal::StressItem;
using mpmc_internal::StressShape;
using stress::CountedValue;

struct TinyPolicy {
  using Memory = CountingMemory;
  static constexpr uint32_t kSlots = 3;
  static constexpr std::size_t kSpares = 1;
};

template <typename T>
using TinyQueue = SegmentQueue<T, StdAtomics, TinyPolicy>;

template <typename Queue>
void EveryItemArrivesOnceAndInOrder() {
  for (const StressShape& shape : {StressShape{1, 1, 20000}, StressShape{1, 3, 10000},
                                   StressShape{2, 2, 10000}, StressShape{4, 4, 4000}}) {
    Queue queue;
    EXPECT_EQ(RunStress(
                  shape, [&](StressItem item) { EXPECT_TRUE(queue.Push(std::move(item)).ok()); },
                  [&] { return std::optional<StressItem>(queue.TryPop()); }),
              "")
        << shape.producers << " producers";
    EXPECT_EQ(StressItem::Live(), 0);
  }
}

TEST(UnboundedQueueStressTest, EveryItemArrivesOnceAndInOrder) {
  EveryItemArrivesOnceAndInOrder<UnboundedQueue<StressItem>>();
}

TEST(UnboundedQueueStressTest, EveryItemArrivesOnceAndInOrderThroughTinySegments) {
  EveryItemArrivesOnceAndInOrder<TinyQueue<StressItem>>();
}

// Each thread has pushed one more value than it has popped, so the queue cannot be empty.
template <typename Queue>
void NeverSaysEmptyWhileItHoldsAValue() {
  Queue queue;
  std::atomic<int> wrong{0};
  stress::RunTogether(4, [&](int) {
    for (int i = 0; i < 5000; ++i) {
      (void)queue.Push(int{i});
      if (queue.IsEmpty()) wrong.fetch_add(1);
      if (!queue.TryPop().ok()) wrong.fetch_add(1);
    }
  });
  EXPECT_EQ(wrong.load(), 0);
  EXPECT_TRUE(queue.IsEmpty());
}

TEST(UnboundedQueueStressTest, NeverSaysEmptyWhileItHoldsAValue) {
  NeverSaysEmptyWhileItHoldsAValue<UnboundedQueue<int>>();
  NeverSaysEmptyWhileItHoldsAValue<TinyQueue<int>>();
}

// Long histories of four threads that push and pop as they please: global FIFO, exact "empty".
template <typename Queue>
std::string CheckRecordedHistory(uint64_t seed) {
  constexpr int kThreads = 4;
  constexpr int kOperations = 4000;
  Queue queue;
  std::atomic<uint64_t> clock{1};
  std::vector<QueueHistory> histories(kThreads);
  stress::RunTogether(kThreads, [&](int worker) {
    std::mt19937_64 random(stress::SeedOfWorker(seed, static_cast<uint64_t>(worker)));
    QueueHistory& mine = histories[static_cast<std::size_t>(worker)];
    for (int i = 0; i < kOperations; ++i) {
      const bool push = random() % 2 == 0;
      const uint64_t begin = clock.fetch_add(1);
      if (push) {
        const int value = worker * kOperations + i;
        (void)queue.Push(int{value});
        mine.pushes.push_back({value, {begin, clock.fetch_add(1)}});
      } else {
        const PopResult<int> value = queue.TryPop();
        const OperationSpan span{begin, clock.fetch_add(1)};
        if (value.ok()) {
          mine.pops.push_back({*value, span});
        } else {
          mine.empties.push_back(span);
        }
      }
      if (random() % 64 == 0) std::this_thread::yield();
    }
  });
  QueueHistory all;
  while (const PopResult<int> value = queue.TryPop()) {
    const uint64_t now = clock.fetch_add(2);
    all.pops.push_back({*value, {now, now + 1}});
  }
  for (const QueueHistory& one : histories) {
    all.pushes.insert(all.pushes.end(), one.pushes.begin(), one.pushes.end());
    all.pops.insert(all.pops.end(), one.pops.begin(), one.pops.end());
    all.empties.insert(all.empties.end(), one.empties.begin(), one.empties.end());
  }
  return CheckAspects(all);
}

TEST(UnboundedQueueStressTest, RecordedHistoriesAreLinearizable) {
  const uint64_t seed = stress::SeedFromEnvironment();
  SCOPED_TRACE(stress::SeedMessage(seed));
  for (uint64_t round = 0; round < 6; ++round) {
    ASSERT_EQ(CheckRecordedHistory<UnboundedQueue<int>>(seed + round), "");
    ASSERT_EQ(CheckRecordedHistory<TinyQueue<int>>(seed + round), "");
  }
}

// Sixteen threads mix all operations; producers stop when they are told "closed", consumers when
// the queue is drained.
TEST(UnboundedQueueStressTest, SixteenThreadsOfEveryKindLoseNothing) {
  constexpr int kProducers = 8;
  constexpr int kConsumers = 8;
  constexpr uint64_t kEach = 6000;
  const uint64_t seed = stress::SeedFromEnvironment();
  SCOPED_TRACE(stress::SeedMessage(seed));
  const int64_t live_before = CountedValue::Counts().live();
  const int blocks_before = CountingMemory::allocated - CountingMemory::freed;
  std::vector<std::vector<uint64_t>> pushed(kProducers);
  std::vector<std::vector<uint64_t>> popped(kConsumers);
  {
    TinyQueue<CountedValue> queue;
    std::atomic<uint64_t> count{0};
    std::atomic<int> producing{kProducers};
    stress::Watchdog watchdog({.test = "UnboundedQueueStressTest.SixteenThreads",
                               .seed = seed,
                               .workers = kProducers + kConsumers});
    stress::RunTogether(kProducers + kConsumers, [&](int worker) {
      std::mt19937_64 random(stress::SeedOfWorker(seed, static_cast<uint64_t>(worker)));
      if (worker < kProducers) {
        uint64_t next = static_cast<uint64_t>(worker) * kEach;
        const uint64_t end = next + kEach;
        while (next < end) {
          std::vector<CountedValue> values;
          const uint64_t wanted = std::min<uint64_t>(random() % 8, end - next);
          for (uint64_t i = 0; i < wanted; ++i) values.emplace_back(next + i);
          uint64_t done = 0;
          if (wanted == 1) {
            done = queue.Push(std::move(values[0])).ok() ? 1 : 0;
          } else {
            done = queue.PushBulk(values).count;
          }
          for (uint64_t i = 0; i < done; ++i) pushed[worker].push_back(next + i);
          if (done < wanted) break;  // Closed.
          next += wanted;
          // Most of the values, then somebody closes while others push.
          if (count.fetch_add(done, std::memory_order_relaxed) > kProducers * kEach * 9 / 10) {
            queue.Close();
          }
          if (random() % 16 == 0) std::this_thread::yield();
          watchdog.Report(worker, "pushed", next);
        }
        if (producing.fetch_sub(1) == 1) queue.Close();
      } else {
        std::vector<uint64_t>& mine = popped[worker - kProducers];
        for (;;) {
          PopResult<CountedValue> value = random() % 2 == 0 ? queue.PollPop() : queue.TryPop();
          if (value.ok()) {
            mine.push_back(value->id());
            watchdog.Report(worker, "popped", value->id());
          } else if (value.outcome() == PopOutcome::kClosed) {
            break;
          } else {
            std::this_thread::yield();
          }
          if (random() % 8 != 0) continue;
          std::vector<CountedValue> out;
          for (int i = 0; i < 5; ++i) out.emplace_back(~uint64_t{0});
          const std::size_t n = queue.TryPopBulk(out).count;
          for (std::size_t i = 0; i < n; ++i) mine.push_back(out[i].id());
        }
      }
      watchdog.Finish(worker);
    });
    EXPECT_EQ(queue.TryPop().outcome(), PopOutcome::kClosed);
  }
  std::vector<int> balance(kProducers * kEach, 0);
  for (const auto& ids : pushed) {
    for (uint64_t id : ids) ++balance[id];
  }
  for (const auto& ids : popped) {
    std::vector<uint64_t> last(kProducers, 0);
    for (uint64_t id : ids) {
      --balance[id];
      const uint64_t producer = id / kEach;
      ASSERT_GE(id + 1, last[producer]) << "a producer's values out of order";
      last[producer] = id + 1;
    }
  }
  for (std::size_t id = 0; id < balance.size(); ++id) {
    ASSERT_EQ(balance[id], 0) << "value " << id << " was lost (1) or came twice (-1)";
  }
  EXPECT_EQ(CountedValue::Counts().live(), live_before);
  EXPECT_EQ(CountingMemory::allocated - CountingMemory::freed, blocks_before);
}

// The sizes that ship, and a memory that counts.
struct CountedPolicy : SegmentPolicy<uint64_t> {
  using Memory = CountingMemory;
};

TEST(UnboundedQueueStressTest, BurstGivesItsMemoryBack) {
  constexpr uint64_t kBurst = 250'000;
  SegmentQueue<uint64_t, StdAtomics, CountedPolicy> queue;
  for (int burst = 0; burst < 2; ++burst) {
    const int allocated = CountingMemory::allocated;
    const int discarded = CountingMemory::discarded;
    for (uint64_t i = 0; i < kBurst; ++i) (void)queue.Push(uint64_t{i});
    if (burst == 0) {
      EXPECT_GE(CountingMemory::allocated - allocated,
                static_cast<int>(kBurst / CountedPolicy::kSlots));
    } else {
      EXPECT_EQ(CountingMemory::allocated, allocated) << "addresses are used again";
    }
    std::atomic<uint64_t> sum{0};
    stress::RunTogether(3, [&](int) {
      uint64_t mine = 0;
      while (const auto value = queue.TryPop()) mine += *value;
      sum.fetch_add(mine);
    });
    EXPECT_EQ(sum.load(), kBurst * (kBurst - 1) / 2);
    // What is neither given back nor in the address list: one segment in use, two spares, and one
    // for each thread that may have been in the middle of a pop when the last segment was retired.
    const int segments = static_cast<int>(kBurst / CountedPolicy::kSlots);
    EXPECT_GE(CountingMemory::discarded - discarded, segments - 3 - 3);
  }
}

}  // namespace
}  // namespace weft
