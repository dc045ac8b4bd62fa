// future/internal/stream_child.h — a stream inside a combinator of several: from its end on it is
// gone.
#ifndef WEFT_FUTURE_INTERNAL_STREAM_CHILD_H_
#define WEFT_FUTURE_INTERNAL_STREAM_CHILD_H_

#include <exception>
#include <optional>
#include <utility>

#include "future/await_chain.h"
#include "future/context.h"
#include "future/poll.h"
#include "future/stream.h"

namespace weft::future_internal {

// Why a combinator of streams ends before they do: an exception, or that one of them stopped.
struct StreamEnd {
  bool is_ending = false;  // the streams are asked to stop
  bool is_stopped = false;
  std::exception_ptr error;

  // Keeps the exception that is being handled; the first one counts.
  void Fail() noexcept {
    is_ending = true;
    if (error == nullptr) error = std::current_exception();
  }
  void Stop() noexcept { is_ending = is_stopped = true; }

  // The last answer. Precondition: all streams have finished.
  template <typename Item>
  Poll<std::optional<Item>> Take() {
    if (error != nullptr) std::rethrow_exception(std::exchange(error, nullptr));
    if (is_stopped) return kStopped;
    return std::optional<Item>();
  }
};

// See the head of the file.
template <Stream S>
class StreamChild {
 public:
  using Item = ItemOf<S>;

  explicit StreamChild(S stream) : stream_(std::move(stream)) {}

  bool IsFinished() const { return !stream_.has_value(); }

  // Asks for the next item, with a stop request if `end` says so; then a stream that was never
  // polled is not begun. Ready without an item: it has finished; `end` knows if that was a stop or
  // an exception. Precondition: not finished.
  Poll<std::optional<Item>> PollNext(Context& cx, StreamEnd& end) noexcept {
    if (end.is_ending && !was_polled_) return Finish();
    was_polled_ = true;
    try {
      Context stopping = cx.WithStop();
      auto poll = stream_->poll_next(end.is_ending ? stopping : cx);
      if (poll.IsPending() || (poll.IsReady() && poll.value().has_value())) return poll;
      // One that was asked to stop by its combinator alone says nothing new.
      if (poll.IsStopped() && (!end.is_ending || cx.StopRequested())) end.Stop();
    } catch (...) {
      end.Fail();
    }
    return Finish();
  }

  // Drops the items that a stream which is asked to stop still gives; whether it has finished.
  bool Close(Context& cx, StreamEnd& end) noexcept {
    while (!IsFinished()) {
      if (PollNext(cx, end).IsPending()) return false;
    }
    return true;
  }

  void VisitAwaited(AwaitVisitor& visitor) const {
    if (stream_) visitor.Visit(*stream_);
  }

 private:
  Poll<std::optional<Item>> Finish() noexcept {
    stream_.reset();
    return std::optional<Item>();
  }

  std::optional<S> stream_;
  bool was_polled_ = false;
};

}  // namespace weft::future_internal

#endif  // WEFT_FUTURE_INTERNAL_STREAM_CHILD_H_
