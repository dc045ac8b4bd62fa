// future/buffered.h — a stream of futures becomes the stream of their values, several at a time.
//
//   auto pages = weft::Buffered(weft::MapItems(urls, &Fetch), 8);           // in the urls' order
//   auto pages = weft::BufferedUnordered(weft::MapItems(urls, &Fetch), 8);  // as they come
//   co_await weft::ForEachConcurrent(std::move(urls), 8, &Visit);           // for their effects
//   absl::Status stored = co_await weft::TryForEachConcurrent(std::move(rows), 8, &Store);
//
// Backpressure: at most `limit` futures are unfinished, or finished and not handed on, at a time.
// The source is asked for more only while there are fewer.
//
//   Errors           An exception of the source or of a future: the source is closed, the other
//                    futures are stopped and awaited, then it is rethrown. One that stops by itself
//                    stops the stream in the same way.
//   Cancellation     The source and all futures see the stop request; values that come all the
//                    same are dropped; when all have ended, kStopped.
//   Complexity       One allocation for each future. Buffered() holds finished values that come
//                    before their turn.
#ifndef WEFT_FUTURE_BUFFERED_H_
#define WEFT_FUTURE_BUFFERED_H_

#include <cstddef>
#include <deque>
#include <exception>
#include <functional>
#include <optional>
#include <type_traits>
#include <utility>
#include <variant>

#include "absl/status/status.h"
#include "base/check.h"
#include "future/await_chain.h"
#include "future/context.h"
#include "future/future.h"
#include "future/futures_unordered.h"
#include "future/internal/result.h"
#include "future/internal/status_traits.h"
#include "future/poll.h"
#include "future/stream.h"
#include "future/stream_ops.h"
#include "future/try_items.h"

namespace weft {

// Whether values keep the order of their futures.
enum class BufferOrder : unsigned char { kOfSource, kOfFinish };

namespace future_internal {

// A future that gives its place and how it ended, and never throws.
template <Future F>
class Placed {
 public:
  using Value = Result<OutputOf<F>>;
  using Output = std::pair<std::size_t, Value>;

  Placed(F future, std::size_t place) : future_(std::move(future)), place_(place) {}

  Poll<Output> poll(Context& cx) {
    Value value;
    if (value.PollFrom(future_, cx) == PollState::kPending) return kPending;
    return Output(place_, std::move(value));
  }

  // Shows the future in its place.
  void VisitAwaitChain(AwaitVisitor& visitor) const { visitor.Visit(future_); }

 private:
  F future_;
  std::size_t place_;
};

// The status of a function's future, or of the item for which the function was not called.
template <Future F>
  requires StatusLike<OutputOf<F>>
class Attempt {
 public:
  using Output = absl::Status;

  explicit Attempt(F future) : future_(std::move(future)) {}
  explicit Attempt(absl::Status error) : error_(std::move(error)) {}

  Poll<absl::Status> poll(Context& cx) {
    if (!future_) return std::move(error_);
    auto poll = future_->poll(cx);
    if (poll.IsPending()) return kPending;
    if (poll.IsStopped()) return kStopped;
    return StatusOf(poll.value());
  }

  // Shows the future in its place.
  void VisitAwaitChain(AwaitVisitor& visitor) const {
    if (future_) visitor.Visit(*future_);
  }

 private:
  std::optional<F> future_;
  absl::Status error_;
};

// Makes it of an item.
template <typename Function>
struct AttemptOf {
  Function function;
  template <typename Item>
  auto operator()(Item&& item) {
    using Value = typename StatusTraits<Item>::Value;
    using Made = Attempt<std::invoke_result_t<Function&, Value>>;
    if constexpr (StatusLike<Item>) {
      if (!item.ok()) return Made(StatusOf(item));
      return Made(std::invoke(function, ValueOf(std::forward<Item>(item))));
    } else {
      return Made(std::invoke(function, std::forward<Item>(item)));
    }
  }
};

}  // namespace future_internal

// What Buffered() and BufferedUnordered() make.
template <Stream S, BufferOrder kOrder>
  requires Future<ItemOf<S>>
class [[nodiscard]] BufferedStream {
 public:
  using Item = NonVoid<OutputOf<ItemOf<S>>>;

  BufferedStream(S source, std::size_t limit) : source_(std::move(source)), limit_(limit) {
    WEFT_CHECK(limit > 0) << "Buffered(source, limit): the limit must be positive, found 0";
  }

  Poll<std::optional<Item>> poll_next(Context& cx) {
    if (!is_ending_ && !cx.StopRequested()) {
      // A value that is handed on makes room, and its successor's poll fills it.
      Fill(cx);
      if (std::optional<Item> item = TakeItem(cx)) return item;
    }
    if (is_ending_ || cx.StopRequested()) return PollEnd(cx);
    if (!is_source_finished_ || running_.size() > 0) return kPending;
    return std::optional<Item>();
  }

  void VisitAwaited(AwaitVisitor& visitor) const {
    if (!is_source_finished_) visitor.Visit(source_);
    running_.VisitAwaited(visitor);
  }

 private:
  using Value = future_internal::Result<OutputOf<ItemOf<S>>>;
  using Running = FuturesUnordered<future_internal::Placed<ItemOf<S>>>;

  // Asks the source for futures while there is room.
  void Fill(Context& cx) noexcept {
    try {
      while (!is_source_finished_ && !is_ending_ && next_place_ - first_place_ < limit_) {
        is_source_finished_ = true;  // if it throws
        auto poll = source_.poll_next(cx);
        is_source_finished_ = poll.IsStopped() || (poll.IsReady() && !poll.value().has_value());
        if (poll.IsPending()) return;
        is_ending_ |= poll.IsStopped();
        if (is_source_finished_) return;
        running_.Add(future_internal::Placed<ItemOf<S>>(*std::move(poll).value(), next_place_++));
      }
    } catch (...) {
      Fail(std::current_exception());
    }
  }

  // The next value whose turn it is, if there is one. A failure begins the end.
  std::optional<Item> TakeItem(Context& cx) noexcept {
    try {
      while (!is_ending_) {
        if (!done_.empty() && done_.front().has_value()) return TakeFirst();
        auto poll = running_.poll_next(cx);
        if (!poll.IsReady() || !poll.value().has_value()) return std::nullopt;
        auto& [place, value] = *poll.value();
        Put(place, std::move(value));
      }
    } catch (...) {
      Fail(std::current_exception());  // no memory to keep a value in
    }
    return std::nullopt;
  }

  std::optional<Item> TakeFirst() {
    Value value = *std::move(done_.front());
    done_.pop_front();
    ++first_place_;
    if (value.HasValue()) return std::move(value.value());
    Fail(value.HasException() ? value.exception() : nullptr);
    return std::nullopt;
  }

  void Put(std::size_t place, Value value) {
    if constexpr (kOrder == BufferOrder::kOfFinish) {
      done_.emplace_back(std::move(value));
    } else {
      const std::size_t index = place - first_place_;
      if (done_.size() <= index) done_.resize(index + 1);
      done_[index] = std::move(value);
    }
  }

  void Fail(std::exception_ptr error) {
    is_ending_ = true;
    error_ = std::move(error);
  }

  // Everything is stopped and awaited; then the error, or else kStopped.
  Poll<std::optional<Item>> PollEnd(Context& cx) {
    is_ending_ = true;
    done_.clear();
    if (!is_source_finished_) CloseSource(cx);
    const bool are_all_finished = !CloseFuture<Running>(running_).poll(cx).IsPending();
    if (!are_all_finished || !is_source_finished_) return kPending;
    if (error_ != nullptr) std::rethrow_exception(std::exchange(error_, nullptr));
    return kStopped;
  }

  void CloseSource(Context& cx) noexcept {
    try {
      is_source_finished_ = !CloseFuture<S>(source_).poll(cx).IsPending();
    } catch (...) {
      is_source_finished_ = true;
      if (error_ == nullptr) error_ = std::current_exception();
    }
  }

  S source_;
  const std::size_t limit_;
  Running running_;
  std::deque<std::optional<Value>> done_;  // from first_place_ on; none: not finished
  std::size_t first_place_ = 0;            // how many values were handed on
  std::size_t next_place_ = 0;             // how many futures the source gave
  bool is_source_finished_ = false;
  bool is_ending_ = false;  // stopped or failed
  std::exception_ptr error_;
};

// Values in the order of their futures.
template <Stream S>
BufferedStream<S, BufferOrder::kOfSource> Buffered(S source, std::size_t limit) {
  return BufferedStream<S, BufferOrder::kOfSource>(std::move(source), limit);
}

// Values in the order in which their futures finish.
template <Stream S>
BufferedStream<S, BufferOrder::kOfFinish> BufferedUnordered(S source, std::size_t limit) {
  return BufferedStream<S, BufferOrder::kOfFinish>(std::move(source), limit);
}

// Awaits the future that function(item) gives for each item, at most `limit` of them at a time; a
// limit of 1 keeps the order. Their values are dropped. They take turns on one worker, as in
// futures_unordered.h.
template <Stream S, typename Function>
  requires Future<std::invoke_result_t<Function&, ItemOf<S>>>
auto ForEachConcurrent(S source, std::size_t limit, Function function) {
  return ForEach(BufferedUnordered(MapItems(std::move(source), std::move(function)), limit),
                 [](auto&&) {});
}

// The same for futures of absl::Status or StatusOr: the first error is the result, when the source
// has been closed and the other futures stopped and awaited. Items that are StatusOr are dealt with
// as TryForEach() (try_items.h) does.
template <Stream S, typename Function>
  requires Future<std::invoke_result_t<Function&, future_internal::ItemValueOf<S>>>
auto TryForEachConcurrent(S source, std::size_t limit, Function function) {
  using Attempts = future_internal::AttemptOf<Function>;
  auto attempts = MapItems(std::move(source), Attempts{std::move(function)});
  return TryForEach(BufferedUnordered(std::move(attempts), limit),
                    [](std::monostate) { return absl::OkStatus(); });
}

}  // namespace weft

#endif  // WEFT_FUTURE_BUFFERED_H_
