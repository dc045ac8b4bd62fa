// nursery/internal/settle.h — runs a future and hands its result, whatever it is, to a function.
#ifndef WEFT_NURSERY_INTERNAL_SETTLE_H_
#define WEFT_NURSERY_INTERNAL_SETTLE_H_

#include <optional>
#include <type_traits>
#include <utility>

#include "absl/status/status.h"
#include "future/context.h"
#include "future/future.h"
#include "future/internal/children.h"
#include "future/internal/result.h"
#include "future/poll.h"
#include "future/spawn.h"

namespace weft::nursery_internal {

// The result as an awaiter gets it. Precondition: result.IsSet().
template <typename T>
JoinResult<T> TakeJoinResult(future_internal::Result<T>& result) {
  if (result.IsStopped()) {
    return absl::CancelledError("the child was cancelled before it finished");
  }
  if constexpr (std::is_void_v<T>) {
    result.Take();
    return absl::OkStatus();
  } else {
    return result.Take();
  }
}

// Never fails and never stops: for a nursery, the future has ended well. `sink(result)` is called
// when the future is destroyed.
template <Future F, typename Sink>
class SettleFuture {
 public:
  using Output = void;

  SettleFuture(F future, Sink sink) : child_(std::move(future)), sink_(std::move(sink)) {}

  Poll<void> poll(Context& cx) {
    if (!child_.PollOnce(cx)) return kPending;
    sink_(child_.result());
    return Poll<void>::Ready();
  }

 private:
  future_internal::Child<F> child_;
  Sink sink_;
};

}  // namespace weft::nursery_internal

#endif  // WEFT_NURSERY_INTERNAL_SETTLE_H_
