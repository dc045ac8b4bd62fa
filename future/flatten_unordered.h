// future/flatten_unordered.h — a stream of streams becomes one, several of them at a time, as the
// items come.
//
//   auto lines = weft::FlattenUnordered(weft::MapItems(Accept(port), &LinesOf), 100);
//
// FlattenItems() (concat.h) has one stream after the other, Merge() (merge.h) a fixed number of
// them, BufferedUnordered() (buffered.h) futures.
//
// Backpressure: at most `limit` inner streams are unfinished at a time. The source is asked for
// more only while there are fewer.
//
//   Thread safety    As the streams; wakes come from any thread.
//   Order            Of each inner stream; among them, who gave an item waits behind those that are
//                    ready. Ends when the source and all inner streams have.
//   Errors           When the source or an inner stream throws, the others are asked to stop; the
//                    items that they still give are handed on, and at their end the exception is
//                    rethrown.
//   Cancellation     The source and all inner streams see the stop request, and the items that come
//                    all the same are handed on: none is lost. Streams that the source still gives
//                    are dropped, not begun. One that stops by itself stops the others in the same
//                    way.
//   Complexity       One allocation for each inner stream, none for an item. A poll asks the inner
//                    streams that were woken or have just given an item, until one has an item, and
//                    the source while there is room: those that wait cost nothing.
//   Lifetime         Not movable after the first poll. Destroyed before that, or at its end
//                    (checked): Close() it. An inner stream is destroyed at its end.
#ifndef WEFT_FUTURE_FLATTEN_UNORDERED_H_
#define WEFT_FUTURE_FLATTEN_UNORDERED_H_

#include <cstddef>
#include <memory>
#include <optional>
#include <utility>

#include "base/check.h"
#include "future/await_chain.h"
#include "future/context.h"
#include "future/internal/ready_set.h"
#include "future/internal/stream_child.h"
#include "future/poll.h"
#include "future/stream.h"
#include "future/waker.h"

namespace weft {

// What FlattenUnordered() makes: see the head of the file.
template <Stream S>
  requires Stream<ItemOf<S>>
class [[nodiscard]] FlattenUnorderedStream {
 public:
  using Item = ItemOf<ItemOf<S>>;

  FlattenUnorderedStream(S source, std::size_t limit) : source_(std::move(source)), limit_(limit) {
    WEFT_CHECK(limit > 0) << "FlattenUnordered(source, limit): the limit must be positive, found 0";
  }

  Poll<std::optional<Item>> poll_next(Context& cx) {
    while (true) {
      const bool was_ending = end_.is_ending;
      AskSource(cx);
      const bool was_full = !HasRoom();
      if (std::optional<Item> item = TakeItem(cx)) return item;
      if (source_.IsFinished() && inner_->size() == 0) return end_.template Take<Item>();
      // A source that was not asked for want of room knows no waker yet.
      const bool has_new_room = was_full && HasRoom() && !source_.IsFinished();
      // Those before the one that brought the end have not heard of it.
      if (!has_new_room && end_.is_ending == was_ending) return kPending;
    }
  }

  void VisitAwaited(AwaitVisitor& visitor) const {
    source_.VisitAwaited(visitor);
    if (inner_ == nullptr) return;
    inner_->ForEach([&visitor](const future_internal::ReadySet::Member& member) {
      static_cast<const Inner&>(member).stream.VisitAwaited(visitor);
    });
  }

 private:
  struct Inner final : future_internal::ReadySet::Member {
    explicit Inner(ItemOf<S> inner) : stream(std::move(inner)) {}
    future_internal::StreamChild<ItemOf<S>> stream;
  };

  bool HasRoom() const { return inner_->size() < limit_; }

  // Takes streams from the source while there is room; closes it when the end has begun, which
  // leaves room: whoever began it is gone.
  void AskSource(Context& cx) noexcept {
    while (!source_.IsFinished() && (HasRoom() || cx.StopRequested())) {
      auto poll = source_.PollNext(cx, end_);
      if (poll.IsPending() || !poll.value().has_value()) return;
      if (end_.is_ending || cx.StopRequested()) {
        end_.Stop();  // what is dropped is missing: that is no end
      } else {
        Begin(*std::move(poll).value());
      }
    }
  }

  void Begin(ItemOf<S> inner) noexcept {
    try {
      inner_->Add(new Inner(std::move(inner)));
    } catch (...) {
      end_.Fail();
    }
  }

  // The next item of the inner streams that are ready.
  std::optional<Item> TakeItem(Context& cx) {
    Context stopping = cx.WithStop();
    inner_->BeginPoll(end_.is_ending ? stopping : cx);
    while (future_internal::ReadySet::Member* const member = inner_->TakeReady()) {
      auto& stream = static_cast<Inner*>(member)->stream;
      const Waker waker = inner_->WakerOf(member);
      Context inner_cx = cx.WithWaker(waker);
      auto poll = stream.PollNext(inner_cx, end_);
      if (poll.IsPending()) continue;
      if (stream.IsFinished()) {
        inner_->Remove(member);
      } else {
        inner_->PutBack(member);
        return *std::move(poll).value();
      }
    }
    return std::nullopt;
  }

  future_internal::StreamChild<S> source_;
  const std::size_t limit_;
  std::unique_ptr<future_internal::ReadySet> inner_ = std::make_unique<future_internal::ReadySet>();
  future_internal::StreamEnd end_;
};

// The items of the streams that `source` gives, as they come, of at most `limit` streams at a time.
template <Stream S>
  requires Stream<ItemOf<S>>
FlattenUnorderedStream<S> FlattenUnordered(S source, std::size_t limit) {
  return FlattenUnorderedStream<S>(std::move(source), limit);
}

}  // namespace weft

#endif  // WEFT_FUTURE_FLATTEN_UNORDERED_H_
