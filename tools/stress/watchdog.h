// tools/stress/watchdog.h — a test that hangs says where, instead of being killed without a word.
//
//   stress::Watchdog watchdog({.test = "QueueStress.TwoByTwo", .seed = seed, .workers = 4});
//   stress::RunTogether(4, [&](int worker) {
//     for (int i = 0; i < kItems; ++i) {
//       Push(i);
//       watchdog.Report(worker, "pushed", i);
//     }
//     watchdog.Finish(worker);
//   });
//
// Report progress, not attempts: a consumer that polls an empty queue for ever has none. When no
// worker has reported anything for the patience given, the process aborts with the name of the
// test, the seed, and what each worker reported last.
//
// Guarantees
//   Thread safety    Report() and Finish() by one thread a worker at a time.
//   Memory ordering  None: relaxed accesses to a line of the worker's own, so that the watchdog
//                    orders nothing that the code under test should, and hides no race from TSan.
//   Complexity       Report() is three stores.
//   Lifetime         The watchdog outlives its workers' calls. Its thread ends with it.
#ifndef WEFT_TOOLS_STRESS_WATCHDOG_H_
#define WEFT_TOOLS_STRESS_WATCHDOG_H_

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "absl/time/time.h"
#include "base/cache_line.h"

namespace weft::stress {

// What a Watchdog says, and when.
struct WatchdogOptions {
  // Name of the test.
  std::string test;
  // Seed of the run, for the message.
  uint64_t seed = 0;
  // Number of workers, at least one.
  int workers = 1;
  // The longest time without progress. Generous: a loaded machine under a sanitizer is slow, and a
  // hang is for ever.
  absl::Duration patience = absl::Seconds(60);
};

// Aborts the process when its workers report no progress for too long.
class Watchdog {
 public:
  explicit Watchdog(WatchdogOptions options);
  Watchdog(const Watchdog&) = delete;
  Watchdog& operator=(const Watchdog&) = delete;
  ~Watchdog();

  // Notes that `worker` got one step further: `done` is a string literal ("pushed"), `detail` any
  // number that helps to find the place. `worker` is at least 0 and less than options.workers.
  void Report(int worker, const char* done, uint64_t detail = 0) {
    Slot& slot = slots_[static_cast<std::size_t>(worker)];
    slot.done.store(done, std::memory_order_relaxed);
    slot.detail.store(detail, std::memory_order_relaxed);
    // A single writer: no read-modify-write, which would drain the store buffer of the code under
    // test and so hide what it lacks.
    slot.reports.store(slot.reports.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  }

  // Notes that `worker` has nothing more to do; this is progress as well.
  void Finish(int worker) { Report(worker, nullptr); }

 private:
  struct alignas(kCacheLineSize) Slot {
    std::atomic<uint64_t> reports{0};
    std::atomic<uint64_t> detail{0};
    std::atomic<const char*> done{""};  // null: finished
  };

  void Watch();
  uint64_t Progress() const;
  std::string Describe() const;

  const WatchdogOptions options_;
  std::vector<Slot> slots_;
  std::mutex mutex_;  // not weft::Mutex, whose CondVar has no timed wait
  std::condition_variable stop_;
  bool stopping_ = false;  // written and read under mutex_
  std::thread thread_;     // last: it uses the others
};

}  // namespace weft::stress

#endif  // WEFT_TOOLS_STRESS_WATCHDOG_H_
