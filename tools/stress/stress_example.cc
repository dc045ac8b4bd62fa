// A stress test in miniature, on a queue that is a locked std::deque.
#include <atomic>
#include <cstdint>
#include <cstdio>
#include <deque>
#include <optional>
#include <random>
#include <thread>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "base/mutex.h"
#include "tools/stress/counted_value.h"
#include "tools/stress/seed.h"
#include "tools/stress/start_barrier.h"
#include "tools/stress/watchdog.h"

namespace stress = weft::stress;

class Queue {
 public:
  void Push(stress::CountedValue value) {
    weft::MutexLock lock(&mu_);
    values_.push_back(std::move(value));
  }
  std::optional<stress::CountedValue> TryPop() {
    weft::MutexLock lock(&mu_);
    if (values_.empty()) return std::nullopt;
    std::optional<stress::CountedValue> value(std::move(values_.front()));
    values_.pop_front();
    return value;
  }

 private:
  weft::Mutex mu_;
  std::deque<stress::CountedValue> values_ ABSL_GUARDED_BY(mu_);
};

int main() {
  constexpr int kItems = 10000;
  const uint64_t seed = stress::SeedFromEnvironment();
  std::atomic<uint64_t> sum{0};
  {
    Queue queue;
    stress::Watchdog watchdog({.test = "Example.PushersAndPopper", .seed = seed, .workers = 3});
    stress::RunTogether(3, [&](int worker) {
      std::mt19937_64 random(stress::SeedOfWorker(seed, worker));
      for (int i = 0; i < kItems; ++i) {
        if (worker < 2) {
          queue.Push(stress::CountedValue(i));
          if (random() % 64 == 0) std::this_thread::yield();
        } else if (const auto value = queue.TryPop(); value.has_value()) {
          sum += value->id();
        }
        watchdog.Report(worker, worker < 2 ? "pushed" : "asked", i);
      }
      watchdog.Finish(worker);
    });
    while (const auto value = queue.TryPop()) sum += value->id();
  }
  const bool right =
      sum == uint64_t{kItems} * (kItems - 1) && stress::CountedValue::Counts().live() == 0;
  std::printf("%s\n", right ? "every value arrived, none is left" : "wrong");
  return right ? 0 : 1;
}
