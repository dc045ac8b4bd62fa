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

// The elements of a container or view, moved out one by one: FromRange(std::views::iota(0)) counts.
template <typename Range>
RangeStream<Range> FromRange(Range range) {
  return RangeStream<Range>(std::move(range));
}

// What the functions below make: a source, and what becomes of each of its items.
template <Stream S, typename Step>
class [[nodiscard]] ItemsStream {
 public:
  using Item = typename std::invoke_result_t<Step&, ItemOf<S>, bool&>::value_type;

  ItemsStream(S source, Step step, bool is_enough = false)
      : source_(std::move(source), is_enough), step_(std::move(step)) {}

  Poll<std::optional<Item>> poll_next(Context& cx) {
    return source_.template PollNext<Item>(cx, step_);
  }

  void VisitAwaited(AwaitVisitor& visitor) const { source_.VisitAwaited(visitor); }

 private:
  future_internal::GuardedSource<S> source_;
  Step step_;
};

namespace future_internal {

// The steps: step(item, is_enough) gives an item, or none to go on to the next.
template <typename Function>
struct MapStep {
  Function function;
  template <typename Item>
  auto operator()(Item&& item, bool&) {
    using Result = std::invoke_result_t<Function&, Item>;
    return std::optional<Result>(std::invoke(function, std::forward<Item>(item)));
  }
};
template <typename Function>
struct FilterMapStep {
  Function function;
  template <typename Item>
  auto operator()(Item&& item, bool&) {
    return std::invoke(function, std::forward<Item>(item));
  }
};
template <typename State, typename Function>
struct ScanStep {
  State state;
  Function function;
  template <typename Item>
  std::optional<State> operator()(Item&& item, bool&) {
    state = std::invoke(function, std::move(state), std::forward<Item>(item));
    return std::as_const(state);
  }
};
template <typename Function>
struct InspectStep {
  Function function;
  template <typename Item>
  std::optional<Item> operator()(Item item, bool&) {
    std::invoke(function, std::as_const(item));
    return std::optional<Item>(std::move(item));
  }
};
struct EnumerateStep {
  std::size_t next = 0;
  template <typename Item>
  std::optional<std::pair<std::size_t, Item>> operator()(Item item, bool&) {
    return std::optional<std::pair<std::size_t, Item>>(std::in_place, next++, std::move(item));
  }
};
template <typename Predicate>
struct FilterStep {
  Predicate predicate;
  template <typename Item>
  std::optional<Item> operator()(Item item, bool&) {
    if (!std::invoke(predicate, std::as_const(item))) return std::nullopt;
    return std::optional<Item>(std::move(item));
  }
};
struct TakeStep {
  std::size_t left;
  template <typename Item>
  std::optional<Item> operator()(Item item, bool& is_enough) {
    is_enough = --left == 0;
    return std::optional<Item>(std::move(item));
  }
};
template <typename Predicate>
struct TakeWhileStep {
  Predicate predicate;
  template <typename Item>
  std::optional<Item> operator()(Item item, bool& is_enough) {
    is_enough = !std::invoke(predicate, std::as_const(item));
    if (is_enough) return std::nullopt;
    return std::optional<Item>(std::move(item));
  }
};
struct SkipStep {
  std::size_t left;
  template <typename Item>
  std::optional<Item> operator()(Item item, bool&) {
    if (left > 0) return --left, std::nullopt;
    return std::optional<Item>(std::move(item));
  }
};
template <typename Predicate>
struct SkipWhileStep {
  Predicate predicate;
  bool is_skipping = true;
  template <typename Item>
  std::optional<Item> operator()(Item item, bool&) {
    is_skipping = is_skipping && std::invoke(predicate, std::as_const(item));
    if (is_skipping) return std::nullopt;
    return std::optional<Item>(std::move(item));
  }
};

// An ItemsStream of the types of its arguments.
template <Stream S, typename Step>
ItemsStream<S, Step> MakeItems(S source, Step step, bool is_enough = false) {
  return ItemsStream<S, Step>(std::move(source), std::move(step), is_enough);
}

}  // namespace future_internal

// function(item) of each item.
template <Stream S, typename Function>
  requires std::invocable<Function&, ItemOf<S>>
auto MapItems(S source, Function function) {
  return future_internal::MakeItems(std::move(source),
                                    future_internal::MapStep<Function>{std::move(function)});
}

// The items as they are, each when function(item) has looked at it: for logs and counters.
template <Stream S, typename Function>
  requires std::invocable<Function&, const ItemOf<S>&>
auto InspectItems(S source, Function function) {
  return future_internal::MakeItems(std::move(source),
                                    future_internal::InspectStep<Function>{std::move(function)});
}

// Each item behind its number: std::pair(0, first), std::pair(1, second) and so on.
template <Stream S>
auto EnumerateItems(S source) {
  return future_internal::MakeItems(std::move(source), future_internal::EnumerateStep());
}

// The items for which predicate(item) is true.
template <Stream S, typename Predicate>
  requires std::predicate<Predicate&, const ItemOf<S>&>
auto FilterItems(S source, Predicate predicate) {
  return future_internal::MakeItems(std::move(source),
                                    future_internal::FilterStep<Predicate>{std::move(predicate)});
}

// The values of those std::optional that function(item) gives and that have one.
template <Stream S, typename Function>
  requires std::invocable<Function&, ItemOf<S>>
auto FilterMapItems(S source, Function function) {
  return future_internal::MakeItems(std::move(source),
                                    future_internal::FilterMapStep<Function>{std::move(function)});
}

// A copy of the state after each item: it begins as `initial`, which is not given itself, and
// becomes function(state, item).
template <Stream S, std::copyable State, typename Function>
  requires std::is_invocable_r_v<State, Function&, State, ItemOf<S>>
auto ScanItems(S source, State initial, Function function) {
  using Step = future_internal::ScanStep<State, Function>;
  return future_internal::MakeItems(std::move(source),
                                    Step{std::move(initial), std::move(function)});
}

// The first `count` items; after the last of them the source is closed, and then the stream ends.
template <Stream S>
auto TakeItems(S source, std::size_t count) {
  return future_internal::MakeItems(std::move(source), future_internal::TakeStep{count},
                                    count == 0);
}

// The items before the first for which predicate(item) is false; that one is dropped and the source
// closed.
template <Stream S, typename Predicate>
  requires std::predicate<Predicate&, const ItemOf<S>&>
auto TakeItemsWhile(S source, Predicate predicate) {
  using Step = future_internal::TakeWhileStep<Predicate>;
  return future_internal::MakeItems(std::move(source), Step{std::move(predicate)});
}

// The items but for the first `count`.
template <Stream S>
auto SkipItems(S source, std::size_t count) {
  return future_internal::MakeItems(std::move(source), future_internal::SkipStep{count});
}

// The items from the first on for which predicate(item) is false.
template <Stream S, typename Predicate>
  requires std::predicate<Predicate&, const ItemOf<S>&>
auto SkipItemsWhile(S source, Predicate predicate) {
  using Step = future_internal::SkipWhileStep<Predicate>;
  return future_internal::MakeItems(std::move(source), Step{std::move(predicate)});
}

}  // namespace weft

#endif  // WEFT_FUTURE_STREAM_OPS_H_
