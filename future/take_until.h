// future/take_until.h — a stream that ends when a future does, if not before.
//
//   auto requests = weft::TakeItemsUntil(Requests(socket), shutdown.Wait());
//   auto ticks = weft::TakeItemsUntil(weft::Ticks(absl::Seconds(1)), weft::SleepUntil(noon));
//
// When the future has given its value, whatever that is, the source is asked to stop; what it still
// gives is handed on, then the stream ends. TakeItemsWhile() (stream_ops.h) asks the items,
// WithDeadlineItems() (timeout_items.h) says with an error that time was up.
//
//   Thread safety    As the source and the future.
//   Errors           An exception of the source or of the future: the other one is stopped and
//                    awaited, then it is rethrown.
//   Cancellation     Both see the stop request, and what the source still gives is handed on: no
//                    item is lost. A future that stops by itself stops the source. One that was
//                    never polled is not begun only to be stopped.
//   Complexity       No allocation. Each poll asks both, the future first.
//   Lifetime         Not movable after the first poll.
#ifndef WEFT_FUTURE_TAKE_UNTIL_H_
#define WEFT_FUTURE_TAKE_UNTIL_H_

#include <optional>
#include <utility>

#include "future/await_chain.h"
#include "future/context.h"
#include "future/future.h"
#include "future/internal/children.h"
#include "future/internal/stream_child.h"
#include "future/poll.h"
#include "future/stream.h"

namespace weft {

// What TakeItemsUntil() makes: see the head of the file.
template <Stream S, Future F>
class [[nodiscard]] TakeUntilStream {
 public:
  using Item = ItemOf<S>;

  TakeUntilStream(S source, F until) : source_(std::move(source)), until_(std::move(until)) {}

  Poll<std::optional<Item>> poll_next(Context& cx) {
    if (!source_.IsFinished()) {
      if (!until_.IsFinished() && until_.PollOnce(cx)) OnUntil();
      auto poll = source_.PollNext(cx, end_);
      if (poll.IsPending() || poll.value().has_value()) return poll;
    }
    if (!until_.IsFinished()) {
      if (!until_.Stop(cx)) return kPending;
      // That it stops is no news: it was asked to.
      if (!until_.result().IsStopped()) OnUntil();
    }
    return end_.template Take<Item>();
  }

  void VisitAwaited(AwaitVisitor& visitor) const {
    source_.VisitAwaited(visitor);
    until_.VisitAwaited(visitor);
  }

 private:
  // The future has ended: so shall the source.
  void OnUntil() {
    end_.is_ending = true;
    if (until_.result().IsStopped()) end_.Stop();
    if (until_.result().HasException() && end_.error == nullptr) {
      end_.error = until_.result().exception();
    }
  }

  future_internal::StreamChild<S> source_;
  future_internal::Child<F> until_;
  future_internal::StreamEnd end_;
};

// `source`, until `until` gives its value, which is dropped.
template <Stream S, Future F>
TakeUntilStream<S, F> TakeItemsUntil(S source, F until) {
  return TakeUntilStream<S, F>(std::move(source), std::move(until));
}

}  // namespace weft

#endif  // WEFT_FUTURE_TAKE_UNTIL_H_
