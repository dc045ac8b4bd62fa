// future/first_success.h — the first of several futures to succeed.
//
//   absl::StatusOr<Page> page = co_await weft::FirstSuccess(AskNear(url), AskFar(url));
//   absl::StatusOr<Page> page = co_await weft::FirstSuccess(std::move(tasks));  // a vector
//
// Differs from Race (race.h) in what wins: an error or exception does not, it waits for somebody
// better. All give one type, absl::Status or absl::StatusOr<T>.
//
//   Errors           If nobody succeeds: the first exception, in the order of the futures, is
//                    rethrown; if there is none, one error that lists them all. Its code is theirs
//                    if they agree, else kUnknown. What losers throw is dropped.
//   Cancellation     A stop request is passed on: kStopped, unless somebody succeeds all the same
//                    or all have failed. Losers are asked to stop and awaited before the result is
//                    given; one that was never polled is dropped without a poll; a success of a
//                    loser, should it still come, is destroyed. A child that stops by itself is
//                    out; when all do, the whole stops.
//   Complexity       No allocation, but for the list of errors. Each poll asks every child that has
//                    not finished, in order: the earlier one wins a tie.
#ifndef WEFT_FUTURE_FIRST_SUCCESS_H_
#define WEFT_FUTURE_FIRST_SUCCESS_H_

#include <cstddef>
#include <exception>
#include <optional>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "base/check.h"
#include "future/await_chain.h"
#include "future/context.h"
#include "future/future.h"
#include "future/internal/children.h"
#include "future/internal/result.h"
#include "future/internal/status_traits.h"
#include "future/poll.h"

namespace weft {
namespace future_internal {

// How futures ended of which none succeeded.
class NoSuccess {
 public:
  template <typename T>
  void Note(std::size_t index, Result<T>& result) {
    ++count_;
    if (result.IsStopped()) {
      has_stopped_ = true;
    } else if (!result.HasException()) {
      NoteError(index, StatusOf(result.value()));
    } else if (exception_ == nullptr) {
      exception_ = result.exception();
    }
  }

  void Rethrow() const {
    if (exception_ != nullptr) std::rethrow_exception(exception_);
  }
  bool has_stopped() const { return has_stopped_; }
  bool has_error() const { return !errors_.empty(); }
  // Precondition: has_error().
  absl::Status Error() const;

 private:
  void NoteError(std::size_t index, const absl::Status& error);

  std::size_t count_ = 0;
  std::exception_ptr exception_;
  bool has_stopped_ = false;
  std::string errors_;  // "#0 NOT_FOUND: no shoe; #2 ..."
  absl::StatusCode code_ = absl::StatusCode::kUnknown;
};

template <typename Children>
struct SuccessOf;
template <typename... F>
struct SuccessOf<std::tuple<Child<F>...>> : std::common_type<OutputOf<F>...> {};
template <typename F>
struct SuccessOf<std::vector<Child<F>>> : std::type_identity<OutputOf<F>> {};

}  // namespace future_internal

// What FirstSuccess() makes: see the head of the file.
template <typename Children>
class [[nodiscard]] FirstSuccessFuture {
 public:
  using Output = typename future_internal::SuccessOf<Children>::type;

  explicit FirstSuccessFuture(Children children) : group_(std::move(children)) {}

  Poll<Output> poll(Context& cx) {
    const bool all = group_.PollAll(cx, [this](std::size_t index, auto& result) {
      if (!winner_ && result.HasValue() && result.value().ok()) winner_ = index;
      return winner_.has_value();
    });
    if (!all) return kPending;
    return winner_ ? TakeWinner() : TakeFailures(cx);
  }

  void VisitAwaited(AwaitVisitor& visitor) const { group_.VisitAwaited(visitor); }

 private:
  Poll<Output> TakeWinner() {
    std::optional<Output> success;
    future_internal::ForEachChild(group_.children(), [&](std::size_t index, auto& child) {
      if (index == *winner_) success.emplace(child.result().Take());
    });
    return *std::move(success);
  }

  Poll<Output> TakeFailures(Context& cx) {
    future_internal::NoSuccess ends;
    future_internal::ForEachChild(group_.children(), [&](std::size_t index, auto& child) {
      ends.Note(index, child.result());
    });
    ends.Rethrow();
    if (!ends.has_error() || (ends.has_stopped() && cx.StopRequested())) return kStopped;
    return Output(ends.Error());
  }

  future_internal::ChildGroup<Children> group_;
  std::optional<std::size_t> winner_;
};

// A future of the first success.
template <Future... F>
  requires(sizeof...(F) > 0 && (future_internal::StatusLike<OutputOf<F>> && ...))
FirstSuccessFuture<std::tuple<future_internal::Child<F>...>> FirstSuccess(F... futures) {
  using Children = std::tuple<future_internal::Child<F>...>;
  return FirstSuccessFuture<Children>(Children(future_internal::Child<F>(std::move(futures))...));
}

// A future of the first success. Precondition (checked): there is at least one future.
template <Future F>
  requires future_internal::StatusLike<OutputOf<F>>
FirstSuccessFuture<std::vector<future_internal::Child<F>>> FirstSuccess(std::vector<F> futures) {
  WEFT_CHECK(!futures.empty())
      << "FirstSuccess(): the vector of futures is empty; nobody could ever succeed";
  return FirstSuccessFuture<std::vector<future_internal::Child<F>>>(
      future_internal::MakeChildren(std::move(futures)));
}

}  // namespace weft

#endif  // WEFT_FUTURE_FIRST_SUCCESS_H_
