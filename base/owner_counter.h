// base/owner_counter.h — a counter that one thread advances and any thread reads.
#ifndef WEFT_BASE_OWNER_COUNTER_H_
#define WEFT_BASE_OWNER_COUNTER_H_

#include <atomic>
#include <cstdint>

namespace weft {

// Single writer: a load and a store, no locked instruction. Relaxed: counters order nothing, so a
// reader sees each by itself, at some recent moment.
class OwnerCounter {
 public:
  void Add(uint64_t n) {
    value_.store(value_.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
  }
  // Becomes `value` unless it is larger already.
  void RaiseTo(uint64_t value) {
    if (value > Get()) value_.store(value, std::memory_order_relaxed);
  }
  uint64_t Get() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<uint64_t> value_{0};
};

}  // namespace weft

#endif  // WEFT_BASE_OWNER_COUNTER_H_
