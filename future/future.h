// future/future.h — what a future is: any type with an Output that can be polled.
//
// Contract between a future and whoever polls it:
//   1. poll(cx) answers kPending, a value, or kStopped. It may throw instead: that ends the future
//      too.
//   2. After kPending the future has kept cx.waker() and wakes it when polling again makes sense.
//      Only the waker of the latest poll counts. Polls without a wake are allowed and change
//      nothing.
//   3. After a value, kStopped or a throw the future is finished: it is not polled again.
//   4. Before the first poll a future may be moved and destroyed freely. From the first poll on it
//      stays where it is, and it is destroyed only when finished, unless its type says that it is
//      safe to drop.
//   5. When cx.StopRequested(), the future ends soon: kStopped, or its value if it has it already.
//      It may answer kPending while something is in flight that must not be abandoned. Nothing is
//      lost: see the type's cancellation line.
//   6. Polls of one future do not overlap; successive polls may come from different threads.
#ifndef WEFT_FUTURE_FUTURE_H_
#define WEFT_FUTURE_FUTURE_H_

#include <concepts>
#include <type_traits>

#include "future/context.h"
#include "future/poll.h"

namespace weft {

template <typename F>
concept Future = requires(F& future, Context& cx) {
  typename F::Output;
  { future.poll(cx) } -> std::same_as<Poll<typename F::Output>>;
};

// The type of the value that a future ends with; may be void.
template <Future F>
using OutputOf = typename F::Output;

}  // namespace weft

#endif  // WEFT_FUTURE_FUTURE_H_
