// future/race.h — the first of several futures to finish, when it does not matter which.
//
//   Answer answer = co_await weft::Race(AskNear(), AskFar());
//   Answer answer = co_await weft::Race(std::move(tasks));  // a vector that is not empty
//
// Like Select (select.h), with its rules for errors and losers; the result is of the outputs'
// common type.
//
//   Cancellation     A stop request is passed on. Losers are asked to stop and awaited before the
//                    result is given; a value of theirs, should it still come, is destroyed.
#ifndef WEFT_FUTURE_RACE_H_
#define WEFT_FUTURE_RACE_H_

#include <cstddef>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "base/check.h"
#include "future/await_chain.h"
#include "future/context.h"
#include "future/future.h"
#include "future/internal/children.h"
#include "future/internal/first_of.h"
#include "future/poll.h"

namespace weft {

// What Race() of futures of different types makes.
template <Future... F>
class [[nodiscard]] RaceFuture {
 public:
  using Output = std::common_type_t<OutputOf<F>...>;

  explicit RaceFuture(F... futures)
      : first_of_(Children(future_internal::Child<F>(std::move(futures))...)) {}

  Poll<Output> poll(Context& cx) {
    if (!first_of_.PollAll(cx)) return kPending;
    if (!first_of_.winner()) return kStopped;
    return future_internal::VisitChild(first_of_.children(), *first_of_.winner(),
                                       [](auto, auto& child) -> Poll<Output> {
                                         if constexpr (std::is_void_v<Output>) {
                                           return child.result().TakePoll();
                                         } else {
                                           return Output(child.result().Take());
                                         }
                                       });
  }

  void VisitAwaited(AwaitVisitor& visitor) const { first_of_.VisitAwaited(visitor); }

 private:
  using Children = std::tuple<future_internal::Child<F>...>;
  future_internal::FirstOf<Children> first_of_;
};

// What Race() of a vector makes.
template <Future F>
class [[nodiscard]] RaceVectorFuture {
 public:
  using Output = OutputOf<F>;

  explicit RaceVectorFuture(std::vector<F> futures)
      : first_of_(future_internal::MakeChildren(std::move(futures))) {
    WEFT_CHECK(!first_of_.children().empty())
        << "Race(): the vector of futures is empty; nobody could ever win";
  }

  Poll<Output> poll(Context& cx) {
    if (!first_of_.PollAll(cx)) return kPending;
    if (!first_of_.winner()) return kStopped;
    return first_of_.children()[*first_of_.winner()].result().TakePoll();
  }

  void VisitAwaited(AwaitVisitor& visitor) const { first_of_.VisitAwaited(visitor); }

 private:
  future_internal::FirstOf<std::vector<future_internal::Child<F>>> first_of_;
};

// A future of the first value.
template <Future... F>
  requires(sizeof...(F) > 0)
RaceFuture<F...> Race(F... futures) {
  return RaceFuture<F...>(std::move(futures)...);
}

// A future of the first value. Precondition (checked): there is at least one future.
template <Future F>
RaceVectorFuture<F> Race(std::vector<F> futures) {
  return RaceVectorFuture<F>(std::move(futures));
}

}  // namespace weft

#endif  // WEFT_FUTURE_RACE_H_
