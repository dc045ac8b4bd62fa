// future/retry_budget.h — how many retries all callers of one server may make together.
//
//   weft::RetryBudget budget({.capacity = 20, .refill_per_success = 0.1});
//   auto page = co_await weft::Retry({.budget = &budget}, [&] { return Fetch(url); });
//
// A bucket of tokens that starts full. A retry takes one, a success gives a part of one back. A
// server that fails now and then is retried; one that is down gets no storm of retries from those
// who have emptied the bucket, until somebody succeeds again.
//
//   Thread safety    All methods may be called from any thread.
//   Memory ordering  None.
//   Complexity       O(1), lock-free, without allocation.
#ifndef WEFT_FUTURE_RETRY_BUDGET_H_
#define WEFT_FUTURE_RETRY_BUDGET_H_

#include <algorithm>
#include <atomic>
#include <cstdint>

#include "base/check.h"

namespace weft {

struct RetryBudgetOptions {
  // How many retries a full bucket allows in a row. Precondition (checked): at least 1.
  int capacity = 10;
  // The part of a retry that a success earns. Precondition (checked): from 0 to 1.
  double refill_per_success = 0.1;
};

class RetryBudget {
 public:
  explicit RetryBudget(const RetryBudgetOptions& options = {})
      : capacity_(int64_t{options.capacity} * kToken),
        refill_(static_cast<int64_t>(options.refill_per_success * kToken)),
        tokens_(capacity_) {
    WEFT_CHECK(options.capacity >= 1 && options.refill_per_success >= 0 &&
               options.refill_per_success <= 1)
        << "RetryBudget: expected a capacity of at least 1 and a refill from 0 to 1, found "
        << options.capacity << " and " << options.refill_per_success;
  }
  RetryBudget(const RetryBudget&) = delete;
  RetryBudget& operator=(const RetryBudget&) = delete;

  // Takes the token of one retry; false if there is none: do not retry.
  bool TryTake() {
    int64_t tokens = tokens_.load(std::memory_order_relaxed);
    while (tokens >= kToken) {
      if (tokens_.compare_exchange_weak(tokens, tokens - kToken, std::memory_order_relaxed)) {
        return true;
      }
    }
    return false;
  }

  // A call has succeeded, at the first attempt or later.
  void OnSuccess() {
    int64_t tokens = tokens_.load(std::memory_order_relaxed);
    while (tokens < capacity_) {
      const int64_t refilled = std::min(tokens + refill_, capacity_);
      if (tokens_.compare_exchange_weak(tokens, refilled, std::memory_order_relaxed)) return;
    }
  }

  // How many retries are left, rounded down.
  int left() const { return static_cast<int>(tokens_.load(std::memory_order_relaxed) / kToken); }

 private:
  static constexpr int64_t kToken = 1'000'000;  // a retry; fine enough for any refill

  const int64_t capacity_;
  const int64_t refill_;
  std::atomic<int64_t> tokens_;
};

}  // namespace weft

#endif  // WEFT_FUTURE_RETRY_BUDGET_H_
