// Goal: every value arrives once and in order between two threads that use every form of push and
// pop, at small capacities, and that use the slots' memory in place; ends by closing.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <random>
#include <span>
#include <thread>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "mpmc/spsc_queue.h"
#include "tools/stress/counted_value.h"
#include "tools/stress/seed.h"
#include "tools/stress/start_barrier.h"
#include "tools/stress/watchdog.h"

namespace weft {
namespace {

using stress::CountedValue;

// Pushes one to five values from `next` on by some form of push; returns how many.
uint64_t PushSome(SpscQueue<CountedValue>& queue, std::mt19937_64& random, uint64_t next,
                  uint64_t end) {
  switch (random() % 3) {
    case 0:
      return queue.TryPush(CountedValue(next)).ok() ? 1 : 0;
    case 1:
      if (queue.TryPrepare(next) == nullptr) return 0;
      queue.Publish();
      return 1;
    default: {
      std::vector<CountedValue> values;
      const uint64_t wanted = std::min<uint64_t>(1 + random() % 5, end - next);
      for (uint64_t i = 0; i < wanted; ++i) values.emplace_back(next + i);
      return queue.TryPushBulk(values).count;
    }
  }
}

// Pops some values and expects them to be next, next + 1, ...; returns how many.
uint64_t PopSome(SpscQueue<CountedValue>& queue, std::mt19937_64& random, uint64_t next) {
  switch (random() % 3) {
    case 0: {
      const PopResult<CountedValue> value = queue.TryPop();
      if (!value.ok()) return 0;
      EXPECT_EQ(value->id(), next);
      return 1;
    }
    case 1: {
      const std::span<CountedValue> run = queue.Readable();
      for (std::size_t i = 0; i < run.size(); ++i) EXPECT_EQ(run[i].id(), next + i);
      queue.PopFront(run.size());
      return run.size();
    }
    default: {
      std::vector<CountedValue> out;
      for (int i = 0; i < 5; ++i) out.emplace_back(~uint64_t{0});
      const std::size_t count = queue.TryPopBulk(out).count;
      for (std::size_t i = 0; i < count; ++i) EXPECT_EQ(out[i].id(), next + i);
      return count;
    }
  }
}

TEST(SpscQueueStressTest, EveryValueArrivesOnceAndInOrder) {
  constexpr uint64_t kValues = 60000;
  const uint64_t seed = stress::SeedFromEnvironment();
  SCOPED_TRACE(stress::SeedMessage(seed));
  const int64_t live_before = CountedValue::Counts().live();
  for (std::size_t capacity : {1, 2, 3, 64}) {
    SpscQueue<CountedValue> queue(capacity);
    stress::Watchdog watchdog({.test = "SpscQueueStressTest", .seed = seed, .workers = 2});
    stress::RunTogether(2, [&](int worker) {
      std::mt19937_64 random(stress::SeedOfWorker(seed, static_cast<uint64_t>(worker)));
      uint64_t next = 0;
      if (worker == 0) {
        while (next < kValues) {
          const uint64_t count = PushSome(queue, random, next, kValues);
          next += count;
          if (count > 0) watchdog.Report(worker, "pushed", next);
          if (count == 0) std::this_thread::yield();
        }
        queue.Close();
      } else {
        while (!queue.IsDrained()) {
          const uint64_t count = PopSome(queue, random, next);
          next += count;
          if (count > 0) watchdog.Report(worker, "popped", next);
          if (count == 0) std::this_thread::yield();
        }
        EXPECT_EQ(next, kValues);
      }
      watchdog.Finish(worker);
    });
    queue.ReleaseConsumer();
  }
  EXPECT_EQ(CountedValue::Counts().live(), live_before);
}

// A producer that waits for room in a queue that nobody reads must come to know.
TEST(SpscQueueStressTest, ProducerOfAnAbandonedQueueComesToAnEnd) {
  for (int round = 0; round < 200; ++round) {
    SpscQueue<int> queue(2);
    stress::RunTogether(2, [&](int worker) {
      if (worker == 0) {
        for (;;) {
          const PushOutcome outcome = queue.TryPush(1).outcome();
          if (outcome == PushOutcome::kClosed) break;
          if (outcome == PushOutcome::kFull) std::this_thread::yield();
        }
      } else {
        for (int i = 0; i < round % 7; ++i) queue.TryPop();
        queue.Abandon();
      }
    });
  }
}

}  // namespace
}  // namespace weft
