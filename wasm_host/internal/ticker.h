// wasm_host/internal/ticker.h — a thread that calls a function every period while somebody is
// inside.
//
// Happens-before edges:
//   (1) Enter: count a guest, then read is_parked_. Ticker: write is_parked_, then read the count.
//       Both pairs are seq_cst, so at least one side sees the other: either Enter wakes the thread,
//       or the thread does not park.
#ifndef WEFT_WASM_HOST_INTERNAL_TICKER_H_
#define WEFT_WASM_HOST_INTERNAL_TICKER_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/time/time.h"
#include "base/mutex.h"

namespace weft::wasm_host_internal {

// Ticks from at most one period after Enter() on, until nobody has been inside for a whole period;
// then its thread sleeps until the next Enter(). The thread is started by the first Enter().
// Thread-safe.
class Ticker {
 public:
  Ticker(absl::Duration period, std::function<void()> tick);
  Ticker(const Ticker&) = delete;
  Ticker& operator=(const Ticker&) = delete;
  // Waits for the end of the thread: up to one period. Precondition: nobody is inside.
  ~Ticker();

  // Cheap: a counter, and a wake-up of the thread if it sleeps.
  void Enter() {
    entries_.fetch_add(1, std::memory_order_relaxed);
    inside_.fetch_add(1, std::memory_order_seq_cst);               // (1)
    if (is_parked_.load(std::memory_order_seq_cst)) WakeThread();  // (1)
  }
  void Leave() { inside_.fetch_sub(1, std::memory_order_relaxed); }

  // Whether the thread sleeps for good. Approximate.
  bool IsParked() const { return is_parked_.load(std::memory_order_relaxed); }

 private:
  void WakeThread() ABSL_LOCKS_EXCLUDED(mutex_);
  void Loop() ABSL_LOCKS_EXCLUDED(mutex_);
  // Parks if nobody came since `entries`; returns whether to go on.
  bool ParkIfIdle(uint64_t& entries) ABSL_LOCKS_EXCLUDED(mutex_);

  const absl::Duration period_;
  const std::function<void()> tick_;
  std::atomic<uint64_t> entries_{0};  // only compared for change: relaxed
  std::atomic<int64_t> inside_{0};
  std::atomic<bool> is_parked_{true};
  Mutex mutex_;
  CondVar wake_;
  bool is_stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace weft::wasm_host_internal

#endif  // WEFT_WASM_HOST_INTERNAL_TICKER_H_
