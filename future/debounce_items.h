// future/debounce_items.h — of items that come in bursts, the last one of each.
//
//   auto saves = weft::DebounceItems(absl::Milliseconds(200), Changes(file));
//
// An item is handed on when none has come behind it for the time `quiet`; until then the next one
// takes its place. A source that is never quiet gives nothing before its end. Needs an executor.
//
//   Thread safety    As the source.
//   Errors           Those of the source; the item that waits is dropped. If the executor's timers
//                    throw, the source is closed, then the exception is rethrown.
//   Cancellation     A stop request goes to the source; when it has stopped or ended, the item that
//                    waits is given first, without delay: nothing is lost that would not be.
//   Complexity       No allocation. It holds one item, and sets the timer when the source has none.
//   Lifetime         Not movable after the first poll.
#ifndef WEFT_FUTURE_DEBOUNCE_ITEMS_H_
#define WEFT_FUTURE_DEBOUNCE_ITEMS_H_

#include <optional>
#include <utility>

#include "absl/time/time.h"
#include "future/await_chain.h"
#include "future/context.h"
#include "future/internal/stream_child.h"
#include "future/poll.h"
#include "future/sleep.h"
#include "future/stream.h"

namespace weft {

// What DebounceItems() makes: see the head of the file.
template <Stream S>
class [[nodiscard]] DebounceStream {
 public:
  using Item = ItemOf<S>;

  DebounceStream(absl::Duration quiet, S source) : quiet_(quiet), source_(std::move(source)) {}

  Poll<std::optional<Item>> poll_next(Context& cx) {
    while (!source_.IsFinished()) {
      auto poll = source_.PollNext(cx, end_);
      if (poll.IsPending()) {
        if (!latest_ || end_.is_ending || cx.StopRequested() || !IsQuiet(cx)) return kPending;
        if (!end_.is_ending) return TakeLatest();
      } else if (poll.value().has_value()) {
        latest_.emplace(*std::move(poll).value());
        sleep_.reset();
      }
    }
    if (latest_ && end_.error == nullptr) return TakeLatest();
    return end_.template Take<Item>();
  }

  void VisitAwaited(AwaitVisitor& visitor) const { source_.VisitAwaited(visitor); }

 private:
  // Whether the time has passed, or the timer has failed, which is the end.
  bool IsQuiet(Context& cx) noexcept {
    try {
      if (!sleep_) sleep_.emplace(quiet_);
      if (sleep_->poll(cx).IsPending()) return false;
    } catch (...) {
      end_.Fail();
    }
    sleep_.reset();
    return true;
  }

  std::optional<Item> TakeLatest() { return std::exchange(latest_, std::nullopt); }

  const absl::Duration quiet_;
  std::optional<Item> latest_;
  std::optional<SleepFor> sleep_;  // since `latest_` came
  future_internal::StreamChild<S> source_;
  future_internal::StreamEnd end_;
};

// The items of `source` behind which nothing comes for the time `quiet`.
template <Stream S>
DebounceStream<S> DebounceItems(absl::Duration quiet, S source) {
  return DebounceStream<S>(quiet, std::move(source));
}

}  // namespace weft

#endif  // WEFT_FUTURE_DEBOUNCE_ITEMS_H_
