// future/from_futures.h — streams made of a function: of the future of each item, or of the poll.
//
//   auto jobs = weft::FromFutures([receiver] { return receiver.Receive(); });   // of a channel
//   auto some = weft::TakeItems(weft::FromFutures([&] { return weft::Next(lines); }), 10);
//   auto pages = weft::FromFutures([&, page = 0]() mutable { return Fetch(query, page++); });
//   auto bytes = weft::PollNextFn([&](weft::Context& cx) { return PollByte(device, cx); });
//
// Whatever gives an optional value again and again is a stream: the state is in the function. The
// second line lends a stream to a combinator that will close what it was given: `lines` stays, and
// goes on where the combinator stopped. Where there is a loop, AsyncGenerator (async_generator.h)
// reads better.
//
//   Thread safety    As the futures and the function.
//   Errors           An exception of the function or of a future; that ends the stream.
//   Cancellation     A future that runs sees the stop request, and what it loses is its own affair:
//                    Receive() and Next() lose nothing. None begins. Safe to drop if they are.
//   Complexity       No allocation; one call of the function for each item.
//   Lifetime         The function outlives the futures that it makes: a capturing lambda that is a
//                    coroutine is safe here. Not movable after the first poll.
#ifndef WEFT_FUTURE_FROM_FUTURES_H_
#define WEFT_FUTURE_FROM_FUTURES_H_

#include <functional>
#include <optional>
#include <type_traits>
#include <utility>

#include "future/await_chain.h"
#include "future/context.h"
#include "future/future.h"
#include "future/poll.h"

namespace weft {

// What FromFutures() makes.
template <typename Function>
  requires Future<std::invoke_result_t<Function&>>
class [[nodiscard]] FuturesStream {
 public:
  using Item = typename OutputOf<std::invoke_result_t<Function&>>::value_type;

  explicit FuturesStream(Function function) : function_(std::move(function)) {}

  Poll<std::optional<Item>> poll_next(Context& cx) {
    if (!future_) {
      if (cx.StopRequested()) return kStopped;
      future_.emplace(std::invoke(function_));
    }
    auto poll = future_->poll(cx);
    if (!poll.IsPending()) future_.reset();
    return poll;
  }

  void VisitAwaited(AwaitVisitor& visitor) const {
    if (future_) visitor.Visit(*future_);
  }

 private:
  Function function_;  // outlives what it makes
  std::optional<std::invoke_result_t<Function&>> future_;
};

// The values of the futures that function() makes, each made when the one before has been handed
// on; a future of std::optional that has none is the end.
template <typename Function>
FuturesStream<Function> FromFutures(Function function) {
  return FuturesStream<Function>(std::move(function));
}

// Polls by calling `function(Context&)`, which returns a Poll<std::optional<T>>. Cancellation: the
// function's. Safe to drop if what the function captures is.
template <typename Function>
class [[nodiscard]] PollNextFn {
 public:
  using Item = typename std::invoke_result_t<Function&, Context&>::Value::value_type;

  explicit PollNextFn(Function function) : function_(std::move(function)) {}

  Poll<std::optional<Item>> poll_next(Context& cx) { return function_(cx); }

 private:
  Function function_;
};

template <typename Function>
PollNextFn(Function) -> PollNextFn<Function>;

}  // namespace weft

#endif  // WEFT_FUTURE_FROM_FUTURES_H_
