// nursery/wait_any.h — many futures in parallel, each a task of its own, and one result.
//
//   absl::StatusOr<Page> page =
//       co_await weft::WaitAny(weft::AnyPolicy::kFirstSuccess, std::move(mirrors));
//
// Differs from Race (future/race.h), whose children take turns inside one task.
//
//   Errors           No futures: absl::InvalidArgumentError. kFirstSuccess without a success: the
//                    first failure in time, an exception is rethrown.
//   Cancellation     The losers are cancelled, and have ended when the result is given.
#ifndef WEFT_NURSERY_WAIT_ANY_H_
#define WEFT_NURSERY_WAIT_ANY_H_

#include <optional>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "base/mutex.h"
#include "future/future.h"
#include "future/internal/result.h"
#include "future/internal/status_traits.h"
#include "future/poll_fn.h"
#include "future/spawn.h"
#include "future/task.h"
#include "nursery/internal/settle.h"
#include "nursery/nursery.h"

namespace weft {

// Who wins.
enum class AnyPolicy : unsigned char {
  kFirstFinished,  // the first to give a value, an error or an exception
  kFirstSuccess,   // the first to give a value that is no error
};

namespace nursery_internal {

// Where the children leave their results.
template <typename T>
class AnyState {
 public:
  explicit AnyState(AnyPolicy policy) : policy_(policy) {}

  // Returns whether this result wins.
  bool Offer(future_internal::Result<T>& result) {
    MutexLock lock(&mutex_);
    if (winner_ || result.IsStopped()) return false;
    if (policy_ == AnyPolicy::kFirstFinished || IsSuccess(result)) {
      winner_.emplace(std::move(result));
      return true;
    }
    if (!failure_) failure_.emplace(std::move(result));
    return false;
  }

  bool HasWinner() {
    MutexLock lock(&mutex_);
    return winner_.has_value();
  }

  // The result of all. Precondition: the children have ended.
  JoinResult<T> Take() {
    MutexLock lock(&mutex_);
    if (winner_) return TakeJoinResult(*winner_);
    if (failure_) return TakeJoinResult(*failure_);
    return absl::CancelledError("WaitAny(): all futures stopped without a result");
  }

 private:
  static bool IsSuccess(future_internal::Result<T>& result) {
    if (!result.HasValue()) return false;
    if constexpr (future_internal::StatusLike<T>) return result.value().ok();
    return true;
  }

  const AnyPolicy policy_;
  Mutex mutex_;
  std::optional<future_internal::Result<T>> winner_ ABSL_GUARDED_BY(mutex_);
  std::optional<future_internal::Result<T>> failure_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace nursery_internal

// The winner's result.
template <Future F>
Task<JoinResult<OutputOf<F>>> WaitAny(AnyPolicy policy, std::vector<F> futures) {
  if (futures.empty()) {
    co_return absl::InvalidArgumentError("WaitAny(): expected at least one future, found none");
  }
  nursery_internal::AnyState<OutputOf<F>> state(policy);
  auto body = [&state](Nursery& nursery, std::vector<F> children) {
    auto sink = [&state, &nursery](auto& result) {
      if (state.Offer(result)) nursery.Cancel();
    };
    for (F& child : children) {
      nursery.Spawn(nursery_internal::SettleFuture<F, decltype(sink)>(std::move(child), sink));
    }
    return Ready<absl::Status>(absl::OkStatus());
  };
  // The children are settled: the status cannot be an error.
  (void)co_await WithNursery(body, std::move(futures));
  const bool has_winner = state.HasWinner();
  if (!has_winner) co_await CheckStop();  // they may have lost because this task is cancelled
  co_return state.Take();
}

}  // namespace weft

#endif  // WEFT_NURSERY_WAIT_ANY_H_
