#include "wasm_host/internal/ticker.h"

#include <utility>

#include "absl/time/clock.h"

namespace weft::wasm_host_internal {

Ticker::Ticker(absl::Duration period, std::function<void()> tick)
    : period_(period), tick_(std::move(tick)) {}

Ticker::~Ticker() {
  std::thread thread;
  {
    MutexLock lock(&mutex_);
    is_stopping_ = true;
    thread = std::move(thread_);
    wake_.NotifyOne();
  }
  if (thread.joinable()) thread.join();
}

void Ticker::WakeThread() {
  MutexLock lock(&mutex_);
  is_parked_.store(false, std::memory_order_relaxed);
  if (!thread_.joinable()) thread_ = std::thread([this] { Loop(); });
  wake_.NotifyOne();
}

void Ticker::Loop() {
  uint64_t entries = 0;
  while (ParkIfIdle(entries)) {
    absl::SleepFor(period_);
    tick_();
  }
}

bool Ticker::ParkIfIdle(uint64_t& entries) {
  const uint64_t before = std::exchange(entries, entries_.load(std::memory_order_relaxed));
  MutexLock lock(&mutex_);
  if (is_stopping_) return false;
  if (entries != before || inside_.load(std::memory_order_relaxed) != 0) return true;
  is_parked_.store(true, std::memory_order_seq_cst);   // (1)
  if (inside_.load(std::memory_order_seq_cst) != 0) {  // (1)
    is_parked_.store(false, std::memory_order_relaxed);
    return true;
  }
  while (!is_stopping_ && is_parked_.load(std::memory_order_relaxed)) wake_.Wait(&mutex_);
  return !is_stopping_;
}

}  // namespace weft::wasm_host_internal
