// future/when_all.h — several futures at once, inside one task, and all their values.
//
//   auto [name, size] = co_await weft::WhenAll(ReadName(), ReadSize());
//   std::vector<Page> pages = co_await weft::WhenAll(std::move(tasks));       //
//   std::vector<Task<Page>> absl::StatusOr<std::tuple<A, B>> both = co_await
//   weft::TryWhenAll(GetA(), GetB());
//
// The children take turns on one worker; to run them in parallel, spawn them in a nursery.
//
//   Errors           WhenAll: when a child throws or stops, the others are asked to stop; when all
//                    have ended, the first exception is rethrown, or else the whole stops.
//                    TryWhenAll: so does the first error, which is then the result; an exception
//                    comes before it.
//   Cancellation     Each child sees the stop request; the whole ends when all children have.
//   Complexity       No allocation (but the caller's vector). Each poll asks every child that has
//                    not finished. A finished child is destroyed at once.
#ifndef WEFT_FUTURE_WHEN_ALL_H_
#define WEFT_FUTURE_WHEN_ALL_H_

#include <cstddef>
#include <exception>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "future/await_chain.h"
#include "future/context.h"
#include "future/future.h"
#include "future/internal/children.h"
#include "future/internal/result.h"
#include "future/internal/status_traits.h"
#include "future/poll.h"

namespace weft {
namespace future_internal {

// Values: all values of Children. Successes: the same without the possibility of errors.
template <typename Children>
struct AllOf;
template <typename... C>
struct AllOf<std::tuple<C...>> {
  using Values = std::tuple<NonVoid<typename C::Output>...>;
  using Successes = std::tuple<typename StatusTraits<typename C::Output>::Value...>;
};
template <typename C>
struct AllOf<std::vector<C>> {
  using Values = std::vector<NonVoid<typename C::Output>>;
  using Successes = std::vector<typename StatusTraits<typename C::Output>::Value>;
};

// Makes a tuple or a vector of take(child) for all children.
template <typename All, typename... C, typename Take>
All CollectAll(std::tuple<C...>& children, Take take) {
  return std::apply([&](auto&... child) { return All(take(child)...); }, children);
}
template <typename All, typename Children, typename Take>
All CollectAll(Children& children, Take take) {
  if constexpr (std::is_trivial_v<typename All::value_type>) {
    All all(children.size());
    std::size_t i = 0;
    for (auto& child : children) all[i++] = take(child);
    return all;
  } else {
    All all;
    all.reserve(children.size());
    for (auto& child : children) all.push_back(take(child));
    return all;
  }
}

// How children ended that did not give a value.
class Failures {
 public:
  // Remembers it if the result has no value, and returns whether that is so.
  template <typename AnyResult>
  bool Note(AnyResult& result) {
    if (result.HasException() && exception_ == nullptr) exception_ = result.exception();
    if (result.IsStopped()) has_stopped_ = true;
    return !result.HasValue();
  }

  // Rethrows the first exception, if there was one.
  void Rethrow() const {
    if (exception_ != nullptr) std::rethrow_exception(exception_);
  }
  bool has_stopped() const { return has_stopped_; }

 private:
  std::exception_ptr exception_;
  bool has_stopped_ = false;
};

}  // namespace future_internal

// What WhenAll() makes: see the head of the file.
template <typename Children>
class [[nodiscard]] WhenAllFuture {
 public:
  using Output = typename future_internal::AllOf<Children>::Values;

  explicit WhenAllFuture(Children children) : group_(std::move(children)) {}

  Poll<Output> poll(Context& cx) {
    const bool all =
        group_.PollAll(cx, [this](std::size_t, auto& result) { return failures_.Note(result); });
    if (!all) return kPending;
    failures_.Rethrow();
    if (failures_.has_stopped()) return kStopped;
    return future_internal::CollectAll<Output>(
        group_.children(), [](auto& child) { return std::move(child.result().value()); });
  }

  void VisitAwaited(AwaitVisitor& visitor) const { group_.VisitAwaited(visitor); }

 private:
  future_internal::ChildGroup<Children> group_;
  future_internal::Failures failures_;
};

// What TryWhenAll() makes: see the head of the file.
template <typename Children>
class [[nodiscard]] TryWhenAllFuture {
 public:
  using Successes = typename future_internal::AllOf<Children>::Successes;
  using Output = absl::StatusOr<Successes>;

  explicit TryWhenAllFuture(Children children) : group_(std::move(children)) {}

  Poll<Output> poll(Context& cx) {
    const bool all = group_.PollAll(
        cx, [this](std::size_t, auto& result) { return failures_.Note(result) || Note(result); });
    if (!all) return kPending;
    failures_.Rethrow();
    if (!error_.ok()) return Output(error_);
    if (failures_.has_stopped()) return kStopped;
    return Output(future_internal::CollectAll<Successes>(group_.children(), [](auto& child) {
      return future_internal::ValueOf(std::move(child.result().value()));
    }));
  }

  void VisitAwaited(AwaitVisitor& visitor) const { group_.VisitAwaited(visitor); }

 private:
  // Remembers the first error, and returns whether this is one.
  template <typename T>
  bool Note(future_internal::Result<T>& result) {
    if (result.value().ok()) return false;
    if (error_.ok()) error_ = future_internal::StatusOf(result.value());
    return true;
  }

  future_internal::ChildGroup<Children> group_;
  future_internal::Failures failures_;
  absl::Status error_;
};

// A future of all values, as a std::tuple in which std::monostate stands for void.
template <Future... F>
WhenAllFuture<std::tuple<future_internal::Child<F>...>> WhenAll(F... futures) {
  using Children = std::tuple<future_internal::Child<F>...>;
  return WhenAllFuture<Children>(Children(future_internal::Child<F>(std::move(futures))...));
}

// A future of all values in the order of the futures.
template <Future F>
WhenAllFuture<std::vector<future_internal::Child<F>>> WhenAll(std::vector<F> futures) {
  return WhenAllFuture<std::vector<future_internal::Child<F>>>(
      future_internal::MakeChildren(std::move(futures)));
}

// A future of all values or of the first error.
template <Future... F>
  requires(future_internal::StatusLike<OutputOf<F>> && ...)
TryWhenAllFuture<std::tuple<future_internal::Child<F>...>> TryWhenAll(F... futures) {
  using Children = std::tuple<future_internal::Child<F>...>;
  return TryWhenAllFuture<Children>(Children(future_internal::Child<F>(std::move(futures))...));
}

// A future of all values in the order of the futures, or of the first error.
template <Future F>
  requires future_internal::StatusLike<OutputOf<F>>
TryWhenAllFuture<std::vector<future_internal::Child<F>>> TryWhenAll(std::vector<F> futures) {
  return TryWhenAllFuture<std::vector<future_internal::Child<F>>>(
      future_internal::MakeChildren(std::move(futures)));
}

}  // namespace weft

#endif  // WEFT_FUTURE_WHEN_ALL_H_
