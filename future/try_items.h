// future/try_items.h — streams that may fail: exceptions and errors as items, the first error as
// the result, and polls after the end.
//
//   auto lines = weft::TryItems(Lines(file));                     // of Tried<Line>
//   absl::StatusOr<std::vector<Row>> rows = co_await weft::TryCollect(Rows(file));
//   auto keys = weft::FuseItems(Keys(terminal));                  // for loops by hand
//
// The OrElse() of a stream: ThenItems() (concat.h) with OrElse(Ready(item), ...).
//
//   Errors           TryItems: none; TryCollect: as Collect(). FuseItems: those of the source,
//                    once.
//   Cancellation     As the source. TryCollect drops its items when the stream stops. A fused
//                    stream that is asked to stop after its end answers kStopped.
//   Complexity       No allocation, but for TryCollect's vector.
#ifndef WEFT_FUTURE_TRY_ITEMS_H_
#define WEFT_FUTURE_TRY_ITEMS_H_

#include <exception>
#include <optional>
#include <type_traits>
#include <utility>
#include <vector>

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

struct TryCollectStep {
  template <typename State, typename Item>
  void operator()(State& state, Item&& item, bool& is_enough) {
    is_enough = !item.ok();
    if (is_enough) {
      state = StatusOf(item);
    } else {
      state->push_back(ValueOf(std::forward<Item>(item)));
    }
  }
};

}  // namespace future_internal

// All values of a stream of StatusOr, in order, or the first error: the stream is then closed.
template <Stream S>
  requires future_internal::StatusLike<ItemOf<S>>
auto TryCollect(S stream) {
  using Values = std::vector<typename future_internal::StatusTraits<ItemOf<S>>::Value>;
  return FoldFuture<S, absl::StatusOr<Values>, future_internal::TryCollectStep>(std::move(stream),
                                                                                Values(), {});
}

}  // namespace weft

#endif  // WEFT_FUTURE_TRY_ITEMS_H_
