// future/block_on.h — run a future to its end on the calling thread, which sleeps while the future
// waits.
//
//   int sum = weft::BlockOn(Sum());                                  // no timers, no spawns
//   absl::StatusOr<int> sum = weft::BlockOn(runtime, Sum());         // with an executor's
//
// For main() and for threads of one's own. Never call it on a worker of an executor: it would block
// the worker.
//
// BlockOnUntil() asks the future to stop when the deadline has come, and waits until it has.
//
//   Thread safety    Any thread.
//   Errors           An exception of the future is rethrown.
//   Cancellation     With an executor: when its token is cancelled, the future sees the stop
//                    request and the result is absl::CancelledError. Without: the future is never
//                    asked to stop; one that stops by itself is a caller's bug (checked).
#ifndef WEFT_FUTURE_BLOCK_ON_H_
#define WEFT_FUTURE_BLOCK_ON_H_

#include <type_traits>
#include <utility>

#include "absl/status/status.h"
#include "base/check.h"
#include "base/instant.h"
#include "future/cancel.h"
#include "future/context.h"
#include "future/executor.h"
#include "future/future.h"
#include "future/poll.h"
#include "future/spawn.h"
#include "future/waker.h"
#include "parker/parker.h"

namespace weft {

template <Future F>
JoinResult<OutputOf<F>> BlockOnUntil(Executor& executor, F future, Instant deadline);

namespace future_internal {

// A waker that unparks the thread of `parker`.
Waker MakeUnparkingWaker(const Parker& parker);

// Polls until the answer is not kPending; from the deadline on, with a stop request.
template <Future F>
Poll<OutputOf<F>> PollToEnd(F& future, const CancelToken& token, Executor* executor,
                            Instant deadline = Instant::InfiniteFuture()) {
  Parker parker;
  const Waker waker = MakeUnparkingWaker(parker);
  CancelRegistration registration;
  registration.Register(token, waker.Clone());
  bool is_late = false;
  while (true) {
    const Context in_time(waker, token, executor);
    Context cx = is_late ? in_time.WithStop() : in_time;
    Poll<OutputOf<F>> poll = future.poll(cx);
    if (!poll.IsPending()) return poll;
    if (is_late) {
      parker.Park();
    } else {
      is_late = parker.ParkUntil(deadline) == ParkResult::kDeadline;
    }
  }
}

}  // namespace future_internal

template <Future F>
OutputOf<F> BlockOn(F future) {
  Poll<OutputOf<F>> poll = future_internal::PollToEnd(future, CancelToken(), nullptr);
  WEFT_CHECK(poll.IsReady()) << "BlockOn(): the future stopped although nobody asked it to";
  return std::move(poll).value();
}

template <Future F>
JoinResult<OutputOf<F>> BlockOn(Executor& executor, F future) {
  return BlockOnUntil(executor, std::move(future), Instant::InfiniteFuture());
}

// The same, but a future that stops when `deadline` has come gives absl::DeadlineExceededError. One
// that has a value all the same gives that. The deadline is of the machine's clock.
template <Future F>
JoinResult<OutputOf<F>> BlockOnUntil(Executor& executor, F future, Instant deadline) {
  Poll<OutputOf<F>> poll =
      future_internal::PollToEnd(future, executor.token(), &executor, deadline);
  if (poll.IsStopped()) {
    if (!executor.token().StopRequested()) {
      return absl::DeadlineExceededError(
          "BlockOnUntil(): the deadline came before the future finished");
    }
    return absl::CancelledError("BlockOn(): the executor was shut down before the future finished");
  }
  if constexpr (std::is_void_v<OutputOf<F>>) {
    return absl::OkStatus();
  } else {
    return std::move(poll).value();
  }
}

}  // namespace weft

#endif  // WEFT_FUTURE_BLOCK_ON_H_
