// mpmc/internal/queue_stress.h — moves numbered items through a queue and checks the books.
//
// Method: P producers push items that carry {producer, sequence}; C consumers pop until all have
// arrived. The report then says whether each item arrived exactly once and whether every consumer
// saw each producer's items in order. Items count their instances, so leaks and double destruction
// show as a count other than zero. A watchdog ends a run that hangs.
#ifndef WEFT_MPMC_INTERNAL_QUEUE_STRESS_H_
#define WEFT_MPMC_INTERNAL_QUEUE_STRESS_H_

#include <atomic>
#include <cstddef>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "tools/stress/start_barrier.h"
#include "tools/stress/watchdog.h"

namespace weft::mpmc_internal {

// A move-only value that counts itself. A moved-from item still counts until it is destroyed.
class StressItem {
 public:
  StressItem(int producer, int sequence) : producer_(producer), sequence_(sequence) {
    live_.fetch_add(1, std::memory_order_relaxed);
  }
  StressItem(StressItem&& other) noexcept
      : producer_(std::exchange(other.producer_, -1)), sequence_(other.sequence_) {
    live_.fetch_add(1, std::memory_order_relaxed);
  }
  StressItem& operator=(StressItem&&) = delete;
  ~StressItem() { live_.fetch_sub(1, std::memory_order_relaxed); }

  int producer() const { return producer_; }
  int sequence() const { return sequence_; }

  // Instances alive in the whole program.
  static int Live() { return live_.load(std::memory_order_relaxed); }

 private:
  int producer_;
  int sequence_;
  static inline std::atomic<int> live_{0};
};

// One arrival, as a consumer notes it.
struct Arrival {
  int producer;
  int sequence;
};

// Checks the arrivals of all consumers; returns what is wrong, or an empty string.
inline std::string CheckArrivals(const std::vector<std::vector<Arrival>>& by_consumer,
                                 int producers, int items_each) {
  std::vector<std::vector<int>> seen(producers, std::vector<int>(items_each, 0));
  for (const std::vector<Arrival>& arrivals : by_consumer) {
    std::vector<int> last(producers, -1);
    for (const Arrival& arrival : arrivals) {
      if (arrival.producer < 0 || arrival.producer >= producers || arrival.sequence < 0 ||
          arrival.sequence >= items_each) {
        return "an item that nobody pushed";
      }
      if (arrival.sequence <= last[arrival.producer]) return "a producer's items out of order";
      last[arrival.producer] = arrival.sequence;
      ++seen[arrival.producer][arrival.sequence];
    }
  }
  for (const std::vector<int>& counts : seen) {
    for (int count : counts) {
      if (count == 0) return "a lost item";
      if (count > 1) return "an item that arrived twice";
    }
  }
  return "";
}

// The shape of one run.
struct StressShape {
  int producers = 2;
  int consumers = 2;
  int items_each = 5000;
};

// Runs `push(StressItem)` (retries inside until accepted) and `pop() -> std::optional<StressItem>`
// from many threads. Returns what is wrong, or an empty string.
template <typename Push, typename Pop>
std::string RunStress(const StressShape& shape, Push push, Pop pop) {
  const int total = shape.producers * shape.items_each;
  const int threads = shape.producers + shape.consumers;
  std::atomic<int> popped{0};
  std::vector<std::vector<Arrival>> arrivals(shape.consumers);
  stress::Watchdog watchdog({.test = "queue stress", .workers = threads});
  stress::RunTogether(threads, [&](int worker) {
    if (worker < shape.producers) {
      for (int i = 0; i < shape.items_each; ++i) {
        push(StressItem(worker, i));
        watchdog.Report(worker, "pushed", i);
      }
    } else {
      std::vector<Arrival>& mine = arrivals[worker - shape.producers];
      while (popped.load(std::memory_order_relaxed) < total) {
        std::optional<StressItem> item = pop();
        if (!item.has_value()) {
          std::this_thread::yield();
          continue;
        }
        mine.push_back({item->producer(), item->sequence()});
        popped.fetch_add(1, std::memory_order_relaxed);
        watchdog.Report(worker, "popped", item->sequence());
      }
    }
    watchdog.Finish(worker);
  });
  return CheckArrivals(arrivals, shape.producers, shape.items_each);
}

}  // namespace weft::mpmc_internal

#endif  // WEFT_MPMC_INTERNAL_QUEUE_STRESS_H_
