// Goal: every node arrives once and in its producer's order, and is the consumer's alone then: it
// is freed, or pushed again, at once.
#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

#include "gtest/gtest.h"
#include "mpmc/intrusive_mpsc_queue.h"
#include "tools/stress/counted_value.h"
#include "tools/stress/seed.h"
#include "tools/stress/start_barrier.h"
#include "tools/stress/watchdog.h"

namespace weft {
namespace {

struct Message : MpscNode {
  Message(int producer_in, uint64_t sequence_in) : producer(producer_in), value(sequence_in) {}
  const int producer;
  stress::CountedValue value;
};

void RunProducersAndOneConsumer(int producers, uint64_t each, uint64_t seed) {
  IntrusiveMpscQueue<Message> queue;
  stress::Watchdog watchdog(
      {.test = "IntrusiveMpscQueueStressTest", .seed = seed, .workers = producers + 1});
  stress::RunTogether(producers + 1, [&](int worker) {
    if (worker < producers) {
      for (uint64_t i = 0; i < each; ++i) {
        queue.Push(new Message(worker, i));
        watchdog.Report(worker, "pushed", i);
      }
    } else {
      std::vector<uint64_t> next(static_cast<std::size_t>(producers), 0);
      uint64_t left = static_cast<uint64_t>(producers) * each;
      while (left > 0) {
        const MpscPop<Message> popped = queue.TryPop();
        if (popped.node == nullptr) {
          std::this_thread::yield();
          continue;
        }
        --left;
        std::unique_ptr<Message> message(popped.node);
        ASSERT_EQ(message->value.id(), next[static_cast<std::size_t>(message->producer)]++);
        watchdog.Report(worker, "popped", message->value.id());
      }
      EXPECT_EQ(queue.TryPop().outcome, PopOutcome::kEmpty);
    }
    watchdog.Finish(worker);
  });
}

TEST(IntrusiveMpscQueueStressTest, EveryNodeArrivesOnceInItsProducersOrder) {
  const uint64_t seed = stress::SeedFromEnvironment();
  const int64_t live_before = stress::CountedValue::Counts().live();
  for (int producers : {1, 2, 3}) RunProducersAndOneConsumer(producers, 30000, seed);
  EXPECT_EQ(stress::CountedValue::Counts().live(), live_before);
}

TEST(IntrusiveMpscQueueStressTest, FifteenProducersOnFewProcessors) {
  const uint64_t seed = stress::SeedFromEnvironment();
  const int64_t live_before = stress::CountedValue::Counts().live();
  RunProducersAndOneConsumer(15, 4000, seed);
  EXPECT_EQ(stress::CountedValue::Counts().live(), live_before);
}

// Two nodes travel for ever between two threads: the last node of a queue is given away and pushed
// again at once, where the stub has to stand in for it.
TEST(IntrusiveMpscQueueStressTest, NodesThatArePushedAgainAtOnceAreNotLost) {
  IntrusiveMpscQueue<Message> queues[2];
  Message first(0, 1);
  Message second(0, 2);
  queues[0].Push(&first);
  queues[1].Push(&second);
  stress::Watchdog watchdog({.test = "IntrusiveMpscQueueStressTest.Again", .workers = 2});
  stress::RunTogether(2, [&](int worker) {
    for (int i = 0; i < 20000;) {
      const MpscPop<Message> popped = queues[worker].TryPop();
      if (popped.node == nullptr) {
        std::this_thread::yield();
        continue;
      }
      queues[1 - worker].Push(popped.node);
      watchdog.Report(worker, "passed on", static_cast<uint64_t>(++i));
    }
    watchdog.Finish(worker);
  });
  int left = 0;
  for (IntrusiveMpscQueue<Message>& queue : queues) {
    queue.ReleaseConsumer();
    while (queue.TryPop().node != nullptr) ++left;
  }
  EXPECT_EQ(left, 2);
}

}  // namespace
}  // namespace weft
