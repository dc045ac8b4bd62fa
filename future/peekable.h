// future/peekable.h — a stream whose next item may be looked at before it is taken.
//
//   auto tokens = weft::PeekItems(Tokens(text));
//   const Token* token = co_await weft::Peek(tokens);      // null: the end
//   if (token != nullptr && token->IsNumber()) co_await weft::Next(tokens);
//
// It is for loops by hand, so it may be polled, and closed, after its end, like FuseItems()
// (try_items.h).
//
//   Thread safety    Thread-compatible.
//   Errors           Those of the source, from Peek() or Next(), whichever asks; that ends the
//                    stream.
//   Cancellation     A Peek() that stops is like a Next() that does: only the wait ends, nothing is
//                    lost. The stream itself, asked to stop, gives the item that was looked at,
//                    then the source's answer.
//   Complexity       No allocation. It holds one item.
//   Lifetime         What Peek() gives lives until the next poll of the stream.
#ifndef WEFT_FUTURE_PEEKABLE_H_
#define WEFT_FUTURE_PEEKABLE_H_

#include <optional>
#include <utility>

#include "future/await_chain.h"
#include "future/context.h"
#include "future/poll.h"
#include "future/stream.h"
#include "future/try_items.h"

namespace weft {

// What PeekItems() makes: see the head of the file.
template <Stream S>
class [[nodiscard]] PeekableStream {
 public:
  using Item = ItemOf<S>;

  explicit PeekableStream(S source) : source_(FuseItems(std::move(source))) {}

  Poll<std::optional<Item>> poll_next(Context& cx) {
    if (next_) return *std::exchange(next_, std::nullopt);
    return source_.poll_next(cx);
  }

  // The next item in its place, or null at the end.
  Poll<const Item*> poll_peek(Context& cx) {
    if (!next_) {
      auto poll = source_.poll_next(cx);
      if (poll.IsPending()) return kPending;
      next_.emplace(std::move(poll));
    }
    if (next_->IsStopped()) return kStopped;
    const std::optional<Item>& item = next_->value();
    return item ? &*item : nullptr;
  }

  void VisitAwaited(AwaitVisitor& visitor) const {
    if (!next_) source_.VisitAwaited(visitor);
  }

 private:
  FuseItemsStream<S> source_;
  std::optional<Poll<std::optional<Item>>> next_;  // the answer that was looked at, not yet taken
};

// `source`, into which Peek() looks.
template <Stream S>
PeekableStream<S> PeekItems(S source) {
  return PeekableStream<S>(std::move(source));
}

// What Peek() makes.
template <Stream S>
class [[nodiscard]] PeekFuture {
 public:
  using Output = const ItemOf<S>*;

  explicit PeekFuture(PeekableStream<S>& stream) : stream_(&stream) {}

  Poll<Output> poll(Context& cx) {
    if (cx.StopRequested()) return kStopped;  // as Next(): the stream goes on
    return stream_->poll_peek(cx);
  }

  void VisitAwaited(AwaitVisitor& visitor) const { visitor.Visit(*stream_); }

 private:
  PeekableStream<S>* stream_;
};

// The next item, which stays in the stream, or null at the end. Safe to drop.
//   Lifetime         `stream` outlives the future and stays where it is.
template <Stream S>
PeekFuture<S> Peek(PeekableStream<S>& stream) {
  return PeekFuture<S>(stream);
}

}  // namespace weft

#endif  // WEFT_FUTURE_PEEKABLE_H_
