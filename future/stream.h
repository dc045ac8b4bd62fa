// future/stream.h — what a stream is: many values, each of which comes later.
//
//   auto pages = weft::Buffered(weft::FromRange(std::move(fetches)), 8);
//   std::vector<Page> all = co_await weft::Collect(std::move(pages));
//
//   auto lines = weft::FuseItems(Lines(file));    // so that it may be closed after its end as well
//   while (std::optional<Line> line = co_await weft::Next(lines)) Handle(*line);
//   co_await weft::Close(lines);
//
// Contract between a stream and whoever polls it; it is that of a future (future.h), but for this:
//   1. poll_next(cx) answers kPending, an item, no item (the end), or kStopped. It may throw.
//   2. After the end, kStopped or a throw the stream is finished: it is not polled again, unless
//      its type says that it may be.
//   3. From the first poll on a stream stays where it is and is destroyed only when finished. A
//      consumer that has had enough polls it with a stop request until it is: Close().
//   4. When cx.StopRequested(), the stream ends soon: with items that it already has, with its end,
//      or with kStopped.
#ifndef WEFT_FUTURE_STREAM_H_
#define WEFT_FUTURE_STREAM_H_

#include <concepts>
#include <exception>
#include <functional>
#include <optional>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "future/await_chain.h"
#include "future/context.h"
#include "future/future.h"
#include "future/poll.h"

namespace weft {

template <typename S>
concept Stream = requires(S& stream, Context& cx) {
  typename S::Item;
  { stream.poll_next(cx) } -> std::same_as<Poll<std::optional<typename S::Item>>>;
};

// The type of a stream's items.
template <Stream S>
using ItemOf = typename S::Item;

// What Next() makes.
template <Stream S>
class [[nodiscard]] NextFuture {
 public:
  using Output = std::optional<ItemOf<S>>;

  explicit NextFuture(S& stream) : stream_(&stream) {}

  Poll<Output> poll(Context& cx) {
    if (!cx.StopRequested()) return stream_->poll_next(cx);
    // The stream goes on, and keeps what it has: only this wait ends.
    return kStopped;
  }

  void VisitAwaited(AwaitVisitor& visitor) const { visitor.Visit(*stream_); }

 private:
  S* stream_;
};

// The next item, or none at the end.
//   Cancellation     The wait stops, the stream does not and loses nothing: ask again, or Close()
//                    it. So Next() may lose a Select() as often as one likes. Safe to drop.
//   Lifetime         `stream` outlives the future and stays where it is.
template <Stream S>
NextFuture<S> Next(S& stream) {
  return NextFuture<S>(stream);
}

// What Close() makes.
template <Stream S>
class [[nodiscard]] CloseFuture {
 public:
  using Output = void;

  explicit CloseFuture(S& stream) : stream_(&stream) {}

  Poll<void> poll(Context& cx) {
    Context stopping = cx.WithStop();
    while (true) {
      auto poll = stream_->poll_next(stopping);
      if (poll.IsPending()) return kPending;
      if (poll.IsStopped() || !poll.value().has_value()) return Poll<void>::Ready();
    }
  }

  void VisitAwaited(AwaitVisitor& visitor) const { visitor.Visit(*stream_); }

 private:
  S* stream_;
};

// Stops a stream that is not finished, and waits until it is; its remaining items are dropped.
// Use it as the clean-up of Finally(), where destructors cannot wait; there the stream may have
// finished, so it is one of FuseItems() (try_items.h), unless its type may be polled after its end.
//   Errors           What the stream throws.
//   Cancellation     Not a cancellation point: it ends when the stream has.
template <Stream S>
CloseFuture<S> Close(S& stream) {
  return CloseFuture<S>(stream);
}

namespace future_internal {

// A source whose consumer may fail, or have enough, between two items: it is closed before the
// error goes on, or the end.
template <Stream S>
class GuardedSource {
 public:
  explicit GuardedSource(S source, bool is_enough = false)
      : source_(std::move(source)), is_enough_(is_enough) {}

  // Polls and hands each item to accept(item, is_enough), which answers an optional result: none
  // means that the next item is wanted, unless it set is_enough.
  template <typename Item, typename Accept>
  Poll<std::optional<Item>> PollNext(Context& cx, Accept&& accept) {
    while (!is_enough_) {
      auto poll = source_.poll_next(cx);
      if (poll.IsPending()) return kPending;
      if (poll.IsStopped()) return kStopped;
      if (!poll.value().has_value()) return std::optional<Item>();
      try {
        if (std::optional<Item> item = accept(*std::move(poll).value(), is_enough_)) return item;
      } catch (...) {
        error_ = std::current_exception();
        is_enough_ = true;
      }
    }
    if (CloseFuture<S>(source_).poll(cx).IsPending()) return kPending;
    if (error_ != nullptr) std::rethrow_exception(std::exchange(error_, nullptr));
    return std::optional<Item>();
  }

  void VisitAwaited(AwaitVisitor& visitor) const { visitor.Visit(source_); }

 private:
  S source_;
  bool is_enough_;
  std::exception_ptr error_;
};

}  // namespace future_internal

// What ForEach(), Fold(), Collect() and their like make: a state, and what each item does to it.
template <Stream S, typename State, typename Step>
class [[nodiscard]] FoldFuture {
 public:
  using Output = State;

  FoldFuture(S stream, NonVoid<State> state, Step step)
      : source_(std::move(stream)), state_(std::move(state)), step_(std::move(step)) {}

  Poll<Output> poll(Context& cx) {
    const auto end = source_.template PollNext<std::monostate>(
        cx, [this](ItemOf<S> item, bool& is_enough) -> std::optional<std::monostate> {
          step_(state_, std::move(item), is_enough);
          return std::nullopt;
        });
    if (end.IsPending()) return kPending;
    if (end.IsStopped()) return kStopped;
    if constexpr (std::is_void_v<State>) {
      return Poll<void>::Ready();
    } else {
      return std::move(state_);
    }
  }

  void VisitAwaited(AwaitVisitor& visitor) const { source_.VisitAwaited(visitor); }

 private:
  future_internal::GuardedSource<S> source_;
  NonVoid<State> state_;
  Step step_;
};

namespace future_internal {

// The steps: step(state, item, is_enough).
template <typename Function>
struct CallStep {
  Function function;
  template <typename Item>
  void operator()(std::monostate, Item&& item, bool&) {
    std::invoke(function, std::forward<Item>(item));
  }
};
template <typename Function>
struct FoldStep {
  Function function;
  template <typename State, typename Item>
  void operator()(State& state, Item&& item, bool&) {
    state = std::invoke(function, std::move(state), std::forward<Item>(item));
  }
};
struct CollectStep {
  template <typename State, typename Item>
  void operator()(State& state, Item&& item, bool&) {
    state.push_back(std::forward<Item>(item));
  }
};
struct FirstStep {
  template <typename State, typename Item>
  void operator()(State& state, Item&& item, bool& is_enough) {
    is_enough = true;
    state.emplace(std::forward<Item>(item));
  }
};

}  // namespace future_internal

// Calls function(item) for each item, in order, and ends when the stream does.
//   Errors           An exception of the stream is rethrown; one of the function too, when the
//                    stream has been closed.
//   Cancellation     The stream is stopped; the items that it still gives are handed on.
//   Complexity       No allocation.
template <Stream S, typename Function>
  requires std::invocable<Function&, ItemOf<S>>
auto ForEach(S stream, Function function) {
  using Step = future_internal::CallStep<Function>;
  return FoldFuture<S, void, Step>(std::move(stream), {}, Step{std::move(function)});
}

// The last state: it begins as `initial`, and becomes function(state, item) with each item.
//   Errors           As ForEach().
//   Cancellation     The stream is stopped; if that is its answer the state is dropped.
//   Complexity       No allocation.
template <Stream S, typename State, typename Function>
  requires std::is_invocable_r_v<State, Function&, State, ItemOf<S>>
auto Fold(S stream, State initial, Function function) {
  using Step = future_internal::FoldStep<Function>;
  return FoldFuture<S, State, Step>(std::move(stream), std::move(initial),
                                    Step{std::move(function)});
}

// All items, in order.
//   Errors           An exception of the stream is rethrown, the items are dropped. If memory for
//                    them runs out, std::bad_alloc when the stream has been closed.
//   Cancellation     The stream is stopped; if that is its answer the items are dropped.
template <Stream S>
auto Collect(S stream) {
  using Items = std::vector<ItemOf<S>>;
  return FoldFuture<S, Items, future_internal::CollectStep>(std::move(stream), {}, {});
}

// The first item, or none, when the stream has been closed behind it.
//   Errors           An exception of the stream is rethrown.
//   Cancellation     The stream is stopped; if that is its answer there is no item.
//   Complexity       No allocation.
template <Stream S>
auto FirstItem(S stream) {
  using Item = std::optional<ItemOf<S>>;
  return FoldFuture<S, Item, future_internal::FirstStep>(std::move(stream), {}, {});
}

}  // namespace weft

#endif  // WEFT_FUTURE_STREAM_H_
