// Goal: nobody sleeps beside a value or room, at real speed and with far more threads than processors;
// every item arrives once and in order; nothing leaks. Method: producers and consumers that sleep in
// every way there is, over small queues, so that both sides sleep often; a watchdog finds a lost wake.
#include <array>
#include <atomic>
#include <cstddef>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "base/instant.h"
#include "gtest/gtest.h"
#include "mpmc/blocking_queue.h"
#include "mpmc/bounded_queue.h"
#include "mpmc/byte_bounded_queue.h"
#include "mpmc/internal/queue_stress.h"
#include "mpmc/pop_result.h"
#include "mpmc/push_result.h"
#include "parker/event_count.h"
#include "tools/stress/start_barrier.h"
#include "tools/stress/watchdog.h"

namespace weft {
namespace {

using mpmc_internal::Arrival;
using mpmc_internal::CheckArrivals;
using mpmc_internal::StressItem;

Instant Soon() { return MonotonicNow() + absl::Microseconds(30); }

// Moves items until the queue is closed. `Wrap` makes an element of an item, `Unwrap` the reverse.
template <typename Queue, typename Wrap, typename Unwrap>
std::string MoveItems(Queue& queue, int width, int items_each, Wrap wrap, Unwrap unwrap) {
  std::atomic<int> producing{width};
  std::vector<std::vector<Arrival>> arrivals(width);
  stress::Watchdog watchdog({.test = "blocking queue stress", .workers = 2 * width});
  std::stop_source never;
  std::stop_source stopped;
  stopped.request_stop();
  stress::RunTogether(2 * width, [&](int worker) {
    if (worker < width) {
      for (int i = 0; i < items_each; ++i) {
        // Every third push gives up first, every other one waits with a stop that does not come.
        auto result = i % 3 == 0   ? queue.PushUntil(wrap(StressItem(worker, i)), Soon())
                      : i % 3 == 1 ? queue.Push(wrap(StressItem(worker, i)), stopped.get_token())
                                   : queue.Push(wrap(StressItem(worker, i)));
        while (!result.ok()) {
          result = queue.Push(std::move(result).TakeRejected(), never.get_token());
        }
        watchdog.Report(worker, "pushed", i);
      }
      if (producing.fetch_sub(1) == 1) queue.Close();
    } else {
      for (int turn = 0;; ++turn) {
        auto result = turn % 3 == 0   ? queue.PopUntil(Soon())
                      : turn % 3 == 1 ? queue.Pop(stopped.get_token())
                                      : queue.Pop(never.get_token());
        if (result.outcome() == PopOutcome::kClosed) break;
        if (!result.ok()) continue;
        const StressItem& item = unwrap(*result);
        arrivals[worker - width].push_back({item.producer(), item.sequence()});
        watchdog.Report(worker, "popped", item.sequence());
      }
    }
    watchdog.Finish(worker);
  });
  return CheckArrivals(arrivals, width, items_each);
}

template <typename Events>
void ExpectNobodySleepsInVain() {
  for (std::size_t capacity : {1, 2, 16}) {
    for (const auto& [width, items] : {std::pair(1, 1000), std::pair(2, 500), std::pair(8, 100)}) {
      BlockingQueue<BoundedQueue<StressItem>, Events> queue(capacity);
      EXPECT_EQ(MoveItems(
                    queue, width, items, [](StressItem item) { return item; },
                    [](const StressItem& item) -> const StressItem& { return item; }),
                "")
          << "capacity " << capacity << ", " << width << " threads a side";
    }
  }
  EXPECT_EQ(StressItem::Live(), 0);
}

TEST(BlockingQueueStressTest, NobodySleepsInVain) { ExpectNobodySleepsInVain<EventCount>(); }

TEST(BlockingQueueStressTest, NobodySleepsInVainWithAsymmetricBarriers) {
  ExpectNobodySleepsInVain<AsymmetricEventCount>();
}

TEST(BlockingQueueStressTest, NobodySleepsInVainBehindLargeValues) {
  for (const auto& [width, items] : {std::pair(2, 500), std::pair(8, 100)}) {
    BlockingQueue<ByteBoundedQueue<StressItem>> queue(ByteBounds{.max_bytes = 9, .capacity = 4});
    EXPECT_EQ(MoveItems(
                  queue, width, items,
                  [](StressItem item) {
                    const auto bytes = static_cast<uint64_t>(1 + item.sequence() % 9);
                    return Weighed<StressItem>{std::move(item), bytes};
                  },
                  [](const Weighed<StressItem>& item) -> const StressItem& { return item.value; }),
              "");
  }
  EXPECT_EQ(StressItem::Live(), 0);
}

}  // namespace
}  // namespace weft
