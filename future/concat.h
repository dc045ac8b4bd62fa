// future/concat.h — streams one after the other, and a future after each item.
//
//   auto lines = weft::Concat(weft::FromFuture(ReadHeader()), Lines(file));
//   auto rows = weft::FlattenItems(weft::MapItems(files, &RowsOf));     // a stream for each item
//   auto pages = weft::ThenItems(urls, &Fetch);                         // a future for each item
//
// ThenItems() is the AndThen() of streams: one future at a time, the next item is asked for when
// it has given its value. Buffered() (buffered.h) has several at a time.
//
//   Errors           An exception of a stream, a future or a function: the source is closed, then
//                    it is rethrown.
//   Cancellation     The stream or future that is running sees the stop request; when it has ended,
//                    the source is closed. A later stream of Concat() is never begun.
//   Complexity       No allocation.
#ifndef WEFT_FUTURE_CONCAT_H_
#define WEFT_FUTURE_CONCAT_H_

#include <concepts>
#include <cstddef>
#include <functional>
#include <optional>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>

#include "future/await_chain.h"
#include "future/context.h"
#include "future/future.h"
#include "future/internal/children.h"
#include "future/internal/stream_child.h"
#include "future/poll.h"
#include "future/stream.h"
#include "future/stream_ops.h"

namespace weft {

// What FromFuture() makes. Cancellation: the future's. Safe to drop if it is.
template <Future F>
class [[nodiscard]] FutureStream {
 public:
  using Item = NonVoid<OutputOf<F>>;

  explicit FutureStream(F future) : future_(std::move(future)) {}

  Poll<std::optional<Item>> poll_next(Context& cx) {
    if (!future_) return std::optional<Item>();
    auto poll = future_->poll(cx);
    if (poll.IsPending()) return kPending;
    future_.reset();
    if (poll.IsStopped()) return kStopped;
    if constexpr (std::is_void_v<OutputOf<F>>) {
      return std::optional<Item>(Item());
    } else {
      return std::optional<Item>(std::move(poll).value());
    }
  }

  void VisitAwaited(AwaitVisitor& visitor) const {
    if (future_) visitor.Visit(*future_);
  }

 private:
  std::optional<F> future_;
};

// The stream of one item: the value of `future`, std::monostate for void.
template <Future F>
FutureStream<F> FromFuture(F future) {
  return FutureStream<F>(std::move(future));
}

// What Concat() makes.
template <typename T, Stream... S>
class [[nodiscard]] ConcatStream {
 public:
  using Item = T;

  explicit ConcatStream(S... streams)
      : children_(future_internal::StreamChild<S>(std::move(streams))...) {}

  Poll<std::optional<Item>> poll_next(Context& cx) {
    std::optional<Poll<std::optional<Item>>> answer;
    future_internal::ForEachChild(children_, [&](std::size_t, auto& child) {
      if (answer || end_.is_ending || child.IsFinished()) return;
      auto poll = child.PollNext(cx, end_);
      if (poll.IsPending() || poll.value().has_value()) answer.emplace(std::move(poll));
    });
    if (answer) return *std::move(answer);
    return end_.template Take<Item>();
  }

  void VisitAwaited(AwaitVisitor& visitor) const {
    bool is_shown = false;
    future_internal::ForEachChild(children_, [&](std::size_t, const auto& child) {
      if (is_shown || child.IsFinished()) return;
      is_shown = true;
      child.VisitAwaited(visitor);
    });
  }

 private:
  std::tuple<future_internal::StreamChild<S>...> children_;
  future_internal::StreamEnd end_;
};

// The items of `first`, then those of the others in their order.
template <Stream S, Stream... Rest>
  requires(std::same_as<ItemOf<S>, ItemOf<Rest>> && ...)
ConcatStream<ItemOf<S>, S, Rest...> Concat(S first, Rest... rest) {
  return ConcatStream<ItemOf<S>, S, Rest...>(std::move(first), std::move(rest)...);
}

// What FlattenItems() and ThenItems() make.
template <Stream S>
  requires Stream<ItemOf<S>>
class [[nodiscard]] FlattenStream {
 public:
  using Item = ItemOf<ItemOf<S>>;

  explicit FlattenStream(S source) : source_(std::move(source)) {}

  Poll<std::optional<Item>> poll_next(Context& cx) {
    while (!end_.is_ending) {
      if (!inner_ || inner_->IsFinished()) {
        inner_.reset();
        auto poll = source_.PollNext(cx, end_);
        if (poll.IsPending()) return kPending;
        if (!poll.value().has_value()) break;
        Begin(*std::move(poll).value());
      } else {
        auto poll = inner_->PollNext(cx, end_);
        if (poll.IsPending() || poll.value().has_value()) return poll;
      }
    }
    if (!source_.Close(cx, end_)) return kPending;
    return end_.template Take<Item>();
  }

  void VisitAwaited(AwaitVisitor& visitor) const {
    const bool is_inside = inner_ && !inner_->IsFinished();
    is_inside ? inner_->VisitAwaited(visitor) : source_.VisitAwaited(visitor);
  }

 private:
  void Begin(ItemOf<S> inner) noexcept {
    try {
      inner_.emplace(std::move(inner));
    } catch (...) {
      end_.Fail();
    }
  }

  future_internal::StreamChild<S> source_;
  std::optional<future_internal::StreamChild<ItemOf<S>>> inner_;
  future_internal::StreamEnd end_;
};

// The items of the streams that `source` gives, one stream after the other.
template <Stream S>
  requires Stream<ItemOf<S>>
FlattenStream<S> FlattenItems(S source) {
  return FlattenStream<S>(std::move(source));
}

namespace future_internal {

template <typename Function>
struct ThenFunction {
  Function function;
  template <typename Item>
  auto operator()(Item&& item) {
    return FromFuture(std::invoke(function, std::forward<Item>(item)));
  }
};

}  // namespace future_internal

// The values of the futures that function(item) gives, one future after the other.
template <Stream S, typename Function>
  requires std::invocable<Function&, ItemOf<S>>
auto ThenItems(S source, Function function) {
  using Then = future_internal::ThenFunction<Function>;
  return FlattenItems(MapItems(std::move(source), Then{std::move(function)}));
}

}  // namespace weft

#endif  // WEFT_FUTURE_CONCAT_H_
