// future/stream.h — what a stream is: many values, each of which comes later.
//
//   auto pages = weft::Buffered(weft::FromRange(std::move(fetches)), 8);
//   std::vector<Page> all = co_await weft::Collect(std::move(pages));
//
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
// Use it as the clean-up of Finally(), where destructors cannot wait.
//   Errors           What the stream throws.
//   Cancellation     Not a cancellation point: it ends when the stream has.
template <Stream S>
CloseFuture<S> Close(S& stream) {
  return CloseFuture<S>(stream);
}

namespace future_internal {

// A source whose consumer may fail between two items: it is closed before the error goes on.
template <Stream S>
class GuardedSource {
 public:
  explicit GuardedSource(S source) : source_(std::move(source)) {}

  // Polls and hands each item to accept(item), which answers an optional result: none means that
  // the next item is wanted.
  template <typename Item, typename Accept>
  Poll<std::optional<Item>> PollNext(Context& cx, Accept&& accept) {
    while (error_ == nullptr) {
      auto poll = source_.poll_next(cx);
      if (poll.IsPending()) return kPending;
      if (poll.IsStopped()) return kStopped;
      if (!poll.value().has_value()) return std::optional<Item>();
      try {
        if (std::optional<Item> item = accept(*std::move(poll).value())) return item;
      } catch (...) {
        error_ = std::current_exception();
      }
    }
    if (PollClose(cx).IsPending()) return kPending;
    std::rethrow_exception(std::exchange(error_, nullptr));
  }

  // Hands all items to use(item), to the end.
  template <typename Use>
  Poll<void> PollAll(Context& cx, Use&& use) {
    const auto end = PollNext<std::monostate>(cx, [&use](ItemOf<S> item) {
      use(std::move(item));
      return std::optional<std::monostate>();
    });
    if (end.IsPending()) return kPending;
    if (end.IsStopped()) return kStopped;
    return Poll<void>::Ready();
  }

  // Closes the source.
  Poll<void> PollClose(Context& cx) { return CloseFuture<S>(source_).poll(cx); }

  void VisitAwaited(AwaitVisitor& visitor) const { visitor.Visit(source_); }

 private:
  S source_;
  std::exception_ptr error_;
};

}  // namespace future_internal

// What ForEach() makes.
template <Stream S, typename Function>
class [[nodiscard]] ForEachFuture {
 public:
  using Output = void;

  ForEachFuture(S stream, Function function)
      : source_(std::move(stream)), function_(std::move(function)) {}

  Poll<void> poll(Context& cx) {
    return source_.PollAll(cx, [this](ItemOf<S> item) { function_(std::move(item)); });
  }

  void VisitAwaited(AwaitVisitor& visitor) const { source_.VisitAwaited(visitor); }

 private:
  future_internal::GuardedSource<S> source_;
  Function function_;
};

// Calls function(item) for each item, in order, and ends when the stream does.
//   Errors           An exception of the stream is rethrown; one of the function too, when the
//                    stream has been closed.
//   Cancellation     The stream is stopped; the items that it still gives are handed on.
//   Complexity       No allocation.
template <Stream S, typename Function>
  requires std::invocable<Function&, ItemOf<S>>
ForEachFuture<S, Function> ForEach(S stream, Function function) {
  return ForEachFuture<S, Function>(std::move(stream), std::move(function));
}

// What Collect() makes.
template <Stream S>
class [[nodiscard]] CollectFuture {
 public:
  using Output = std::vector<ItemOf<S>>;

  explicit CollectFuture(S stream) : source_(std::move(stream)) {}

  Poll<Output> poll(Context& cx) {
    const Poll<void> end =
        source_.PollAll(cx, [this](ItemOf<S> item) { items_.push_back(std::move(item)); });
    if (end.IsPending()) return kPending;
    if (end.IsStopped()) return kStopped;
    return std::move(items_);
  }

  void VisitAwaited(AwaitVisitor& visitor) const { source_.VisitAwaited(visitor); }

 private:
  future_internal::GuardedSource<S> source_;
  Output items_;
};

// All items, in order.
//   Errors           An exception of the stream is rethrown, the items are dropped. If memory for
//                    them runs out, std::bad_alloc when the stream has been closed.
//   Cancellation     The stream is stopped; if that is its answer the items are dropped.
template <Stream S>
CollectFuture<S> Collect(S stream) {
  return CollectFuture<S>(std::move(stream));
}

}  // namespace weft

#endif  // WEFT_FUTURE_STREAM_H_
