// future/stream_ops.h — streams made from ranges and from other streams.
//
//   auto names = weft::MapItems(weft::FilterItems(users, &IsActive), &NameOf);
//   auto few = weft::TakeItems(std::move(names), 10);
//
//   Errors           An exception of a function or of the source ends the stream; the source is
//                    closed before it is rethrown.
//   Cancellation     A stop request goes to the source, which ends as it sees fit. What these
//                    streams hold between two polls is nothing, so nothing is lost.
//   Complexity       No allocation; one call of the function for each item.
#ifndef WEFT_FUTURE_STREAM_OPS_H_
#define WEFT_FUTURE_STREAM_OPS_H_

#include <concepts>
#include <cstddef>
#include <functional>
#include <optional>
#include <type_traits>
#include <utility>

#include "future/await_chain.h"
#include "future/context.h"
#include "future/poll.h"
#include "future/stream.h"

namespace weft {

// What FromRange() makes. Safe to drop.
template <typename Range>
class [[nodiscard]] RangeStream {
 public:
  using Item = std::remove_cvref_t<decltype(*std::declval<Range&>().begin())>;

  explicit RangeStream(Range range) : range_(std::move(range)) {}

  Poll<std::optional<Item>> poll_next(Context& cx) {
    if (cx.StopRequested()) return kStopped;
    if (!next_) next_ = range_.begin();
    if (*next_ == range_.end()) return std::optional<Item>();
    return std::optional<Item>(std::move(*(*next_)++));
  }

 private:
  Range range_;
  std::optional<decltype(range_.begin())> next_;  // set by the first poll, so that moves are safe
};

// The elements of a container, moved out one by one.
template <typename Range>
RangeStream<Range> FromRange(Range range) {
  return RangeStream<Range>(std::move(range));
}

// What MapItems() makes.
template <Stream S, typename Function>
class [[nodiscard]] MapItemsStream {
 public:
  using Item = std::invoke_result_t<Function&, ItemOf<S>>;

  MapItemsStream(S source, Function function)
      : source_(std::move(source)), function_(std::move(function)) {}

  Poll<std::optional<Item>> poll_next(Context& cx) {
    return source_.template PollNext<Item>(cx, [this](ItemOf<S> item) {
      return std::optional<Item>(std::invoke(function_, std::move(item)));
    });
  }

  void VisitAwaited(AwaitVisitor& visitor) const { source_.VisitAwaited(visitor); }

 private:
  future_internal::GuardedSource<S> source_;
  Function function_;
};

// function(item) of each item.
template <Stream S, typename Function>
  requires std::invocable<Function&, ItemOf<S>>
MapItemsStream<S, Function> MapItems(S source, Function function) {
  return MapItemsStream<S, Function>(std::move(source), std::move(function));
}

// What FilterItems() makes.
template <Stream S, typename Predicate>
class [[nodiscard]] FilterItemsStream {
 public:
  using Item = ItemOf<S>;

  FilterItemsStream(S source, Predicate predicate)
      : source_(std::move(source)), predicate_(std::move(predicate)) {}

  Poll<std::optional<Item>> poll_next(Context& cx) {
    return source_.template PollNext<Item>(cx, [this](Item item) {
      const bool is_wanted = std::invoke(predicate_, std::as_const(item));
      return is_wanted ? std::optional<Item>(std::move(item)) : std::nullopt;
    });
  }

  void VisitAwaited(AwaitVisitor& visitor) const { source_.VisitAwaited(visitor); }

 private:
  future_internal::GuardedSource<S> source_;
  Predicate predicate_;
};

// The items for which predicate(item) is true.
template <Stream S, typename Predicate>
  requires std::predicate<Predicate&, const ItemOf<S>&>
FilterItemsStream<S, Predicate> FilterItems(S source, Predicate predicate) {
  return FilterItemsStream<S, Predicate>(std::move(source), std::move(predicate));
}

// What TakeItems() makes.
template <Stream S>
class [[nodiscard]] TakeItemsStream {
 public:
  using Item = ItemOf<S>;

  TakeItemsStream(S source, std::size_t count) : source_(std::move(source)), left_(count) {}

  Poll<std::optional<Item>> poll_next(Context& cx) {
    if (left_ == 0) {
      if (source_.PollClose(cx).IsPending()) return kPending;
      return std::optional<Item>();
    }
    return source_.template PollNext<Item>(cx, [this](Item item) {
      --left_;
      return std::optional<Item>(std::move(item));
    });
  }

  void VisitAwaited(AwaitVisitor& visitor) const { source_.VisitAwaited(visitor); }

 private:
  future_internal::GuardedSource<S> source_;
  std::size_t left_;
};

// The first `count` items; after the last of them the source is closed, and then the stream ends.
template <Stream S>
TakeItemsStream<S> TakeItems(S source, std::size_t count) {
  return TakeItemsStream<S>(std::move(source), count);
}

}  // namespace weft

#endif  // WEFT_FUTURE_STREAM_OPS_H_
