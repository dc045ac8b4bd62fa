// future/try_items.h — streams that may fail: exceptions and errors as items, the first error as
// the result, and polls after the end.
//
//   auto lines = weft::TryItems(Lines(file));                     // of Tried<Line>
//   absl::StatusOr<std::vector<Row>> rows = co_await weft::TryCollect(Rows(file));
//   absl::Status stored = co_await weft::TryForEach(Rows(file), &Store);
//   absl::StatusOr<Sum> sum = co_await weft::TryFold(Rows(file), Sum(), &Add);
//   auto keys = weft::FuseItems(Keys(terminal));                  // for loops by hand
//
// For functions that wait there is TryForEachConcurrent() (buffered.h), with a limit of 1 in order.
// The OrElse() of a stream: ThenItems() (concat.h) with OrElse(Ready(item), ...).
//
//   Errors           TryItems: none; TryCollect, TryForEach, TryFold: as Collect(), ForEach(),
//                    Fold(). FuseItems: those of the source, once.
//   Cancellation     As the source. TryCollect drops its items, TryFold its state, when the stream
//                    stops; an error that came before is the result all the same. A fused stream
//                    that is asked to stop after its end answers kStopped.
//   Complexity       No allocation, but for TryCollect's vector.
#ifndef WEFT_FUTURE_TRY_ITEMS_H_
#define WEFT_FUTURE_TRY_ITEMS_H_

#include <exception>
#include <functional>
#include <optional>
#include <type_traits>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "future/await_chain.h"
#include "future/context.h"
#include "future/internal/status_traits.h"
#include "future/internal/stream_child.h"
#include "future/poll.h"
#include "future/stream.h"
#include "future/try.h"

namespace weft {

// What FuseItems() makes.
template <Stream S>
class [[nodiscard]] FuseItemsStream {
 public:
  using Item = ItemOf<S>;

  explicit FuseItemsStream(S source) : source_(std::move(source)) {}

  // Whether the source has ended, thrown or stopped.
  bool IsFinished() const { return source_.IsFinished(); }

  // The source's answer; after its end no item, or kStopped if a stop is requested.
  Poll<std::optional<Item>> poll_next(Context& cx) {
    if (!IsFinished()) {
      future_internal::StreamEnd end;
      auto poll = source_.PollNext(cx, end);
      return IsFinished() ? end.template Take<Item>() : std::move(poll);
    }
    if (cx.StopRequested()) return kStopped;
    return std::optional<Item>();
  }

  void VisitAwaited(AwaitVisitor& visitor) const { source_.VisitAwaited(visitor); }

 private:
  future_internal::StreamChild<S> source_;
};

// `source`, which may be polled after its end.
template <Stream S>
FuseItemsStream<S> FuseItems(S source) {
  return FuseItemsStream<S>(std::move(source));
}

// What TryItems() makes.
template <Stream S>
class [[nodiscard]] TryItemsStream {
 public:
  using Item = Tried<ItemOf<S>>;

  explicit TryItemsStream(S source) : source_(std::move(source)) {}

  Poll<std::optional<Item>> poll_next(Context& cx) {
    if (source_.IsFinished()) return std::optional<Item>();  // the exception was the last item
    future_internal::StreamEnd end;
    auto poll = source_.PollNext(cx, end);
    if (poll.IsPending()) return kPending;
    if (poll.value().has_value()) return std::optional<Item>(*std::move(poll).value());
    if (end.error != nullptr) return std::optional<Item>(std::move(end.error));
    return end.template Take<Item>();
  }

  void VisitAwaited(AwaitVisitor& visitor) const { source_.VisitAwaited(visitor); }

 private:
  future_internal::StreamChild<S> source_;
};

// The items of `source`; an exception of it is the last item before the end.
template <Stream S>
TryItemsStream<S> TryItems(S source) {
  return TryItemsStream<S>(std::move(source));
}

namespace future_internal {

// Hands the value of an item to take(value), which may make `result` an error; an item that is an
// error becomes it. Then that is enough.
template <typename Result, typename Item, typename Take>
void TakeValue(Result& result, Item&& item, bool& is_enough, Take&& take) {
  if constexpr (!StatusLike<Item>) {
    take(std::forward<Item>(item));
  } else if (item.ok()) {
    take(ValueOf(std::forward<Item>(item)));
  } else {
    result = StatusOf(item);
  }
  is_enough = !result.ok();
}

struct TryCollectStep {
  template <typename State, typename Item>
  void operator()(State& state, Item&& item, bool& is_enough) {
    TakeValue(state, std::forward<Item>(item), is_enough,
              [&](auto&& value) { state->push_back(std::forward<decltype(value)>(value)); });
  }
};
template <typename Function>
struct TryCallStep {
  Function function;
  template <typename Item>
  void operator()(absl::Status& status, Item&& item, bool& is_enough) {
    TakeValue(status, std::forward<Item>(item), is_enough, [&](auto&& value) {
      status = StatusOf(std::invoke(function, std::forward<decltype(value)>(value)));
    });
  }
};
template <typename Function>
struct TryFoldStep {
  Function function;
  template <typename State, typename Item>
  void operator()(State& state, Item&& item, bool& is_enough) {
    TakeValue(state, std::forward<Item>(item), is_enough, [&](auto&& value) {
      state = std::invoke(function, *std::move(state), std::forward<decltype(value)>(value));
    });
  }
};

// What functions get of an item that may be an error.
template <Stream S>
using ItemValueOf = typename StatusTraits<ItemOf<S>>::Value;

}  // namespace future_internal

// All values of a stream of StatusOr, in order, or the first error: the stream is then closed.
template <Stream S>
  requires future_internal::StatusLike<ItemOf<S>>
auto TryCollect(S stream) {
  using Values = std::vector<future_internal::ItemValueOf<S>>;
  return FoldFuture<S, absl::StatusOr<Values>, future_internal::TryCollectStep>(std::move(stream),
                                                                                Values(), {});
}

// Calls function(item), which gives an absl::Status or StatusOr, for each item, in order. The first
// error is the result, when the stream has been closed; else absl::OkStatus(). Of items that are
// StatusOr the function gets the values; an error among them counts as one of the function.
//   Complexity       No allocation.
template <Stream S, typename Function>
  requires future_internal::StatusLike<
      std::invoke_result_t<Function&, future_internal::ItemValueOf<S>>>
auto TryForEach(S stream, Function function) {
  using Step = future_internal::TryCallStep<Function>;
  return FoldFuture<S, absl::Status, Step>(std::move(stream), absl::OkStatus(),
                                           Step{std::move(function)});
}

// The last state, or the first error: it begins as `initial`, and becomes function(state, item), a
// State or absl::StatusOr<State>, with each item. Errors, also those among the items, are dealt
// with as TryForEach() does.
//   Complexity       No allocation.
template <Stream S, typename State, typename Function>
  requires std::is_invocable_r_v<absl::StatusOr<State>, Function&, State,
                                 future_internal::ItemValueOf<S>>
auto TryFold(S stream, State initial, Function function) {
  using Step = future_internal::TryFoldStep<Function>;
  return FoldFuture<S, absl::StatusOr<State>, Step>(std::move(stream), std::move(initial),
                                                    Step{std::move(function)});
}

}  // namespace weft

#endif  // WEFT_FUTURE_TRY_ITEMS_H_
