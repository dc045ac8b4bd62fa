// future/internal/children.h — the children of a combinator: held inline, each polled to its end
// exactly once.
//
// A combinator holds std::tuple<Child<F>...> or std::vector<Child<F>>, here called Children. A wake
// does not say which child it is for, so each poll asks all that have not finished.
#ifndef WEFT_FUTURE_INTERNAL_CHILDREN_H_
#define WEFT_FUTURE_INTERNAL_CHILDREN_H_

#include <array>
#include <cstddef>
#include <optional>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "future/await_chain.h"
#include "future/context.h"
#include "future/future.h"
#include "future/internal/result.h"
#include "future/poll.h"

namespace weft::future_internal {

// A future and, from its end on, its result instead of it.
template <Future F>
class Child {
 public:
  using Output = OutputOf<F>;

  explicit Child(F future) : future_(std::move(future)) {}

  bool IsFinished() const { return result_.IsSet(); }

  // Asks once; returns whether the child has finished, and if so it is destroyed. Precondition: not
  // finished.
  bool PollOnce(Context& cx) noexcept {
    was_polled_ = true;
    if (result_.PollFrom(*future_, cx) == PollState::kPending) return false;
    future_.reset();
    return true;
  }

  // Like PollOnce(), with a stop request. A child that was never polled is not started for that.
  bool Stop(Context& cx) noexcept {
    if (was_polled_) {
      Context stopping = cx.WithStop();
      return PollOnce(stopping);
    }
    result_.SetStopped();
    future_.reset();
    return true;
  }

  Result<Output>& result() { return result_; }

  void VisitAwaited(AwaitVisitor& visitor) const {
    if (future_) visitor.Visit(*future_);
  }

 private:
  std::optional<F> future_;
  Result<Output> result_;
  bool was_polled_ = false;
};

// Calls visit(index, child) for each. Inlined, so that what `visit` captures stays in registers.
template <typename Children, typename Visit>
[[gnu::always_inline]] inline void ForEachChild(Children& children, Visit&& visit) {
  if constexpr (requires { children.size(); }) {
    std::size_t index = 0;
    for (auto& child : children) visit(index++, child);
  } else {
    [&]<std::size_t... i>(std::index_sequence<i...>) __attribute__((always_inline)) {
      (visit(i, std::get<i>(children)), ...);
    }(std::make_index_sequence<std::tuple_size_v<std::remove_const_t<Children>>>());
  }
}

// The child at `index`, as one of the type from which all are derived. Inlined too.
template <typename Base, typename Children>
[[gnu::always_inline]] inline Base& ChildAt(Children& children, std::size_t index) {
  if constexpr (requires { children.size(); }) {
    return children[index];
  } else {
    return std::apply(
        [&](auto&... child) __attribute__((always_inline)) -> Base& {
          return *std::array<Base*, sizeof...(child)>{&child...}[index];
        },
        children);
  }
}

// Returns visit(index_constant, child) for the child at `index`.
template <std::size_t kIndex = 0, typename... F, typename Visit>
decltype(auto) VisitChild(std::tuple<Child<F>...>& children, std::size_t index, Visit&& visit) {
  if constexpr (kIndex + 1 < sizeof...(F)) {
    if (index != kIndex) return VisitChild<kIndex + 1>(children, index, visit);
  }
  return visit(std::integral_constant<std::size_t, kIndex>(), std::get<kIndex>(children));
}

template <Future F>
std::vector<Child<F>> MakeChildren(std::vector<F> futures) {
  std::vector<Child<F>> children;
  children.reserve(futures.size());
  for (F& future : futures) children.emplace_back(std::move(future));
  return children;
}

// Children that live and end together.
template <typename Children>
class ChildGroup {
 public:
  explicit ChildGroup(Children children) : children_(std::move(children)) {}

  // Polls those that have not finished; returns whether all have. on_finish(index, result) is
  // called once for each, and answers whether the rest shall be asked to stop.
  template <typename OnFinish>
  bool PollAll(Context& cx, OnFinish&& on_finish) {
    const bool was_stopping = is_stopping_;
    bool all = PollEach(cx, on_finish);
    // Those before the one that brought the stop have not heard of it.
    if (!all && is_stopping_ && !was_stopping) all = PollEach(cx, on_finish);
    return all;
  }

  Children& children() { return children_; }

  void VisitAwaited(AwaitVisitor& visitor) const {
    ForEachChild(children_, [&](std::size_t, const auto& child) { child.VisitAwaited(visitor); });
  }

 private:
  template <typename OnFinish>
  bool PollEach(Context& cx, OnFinish& on_finish) {
    bool all = true;
    ForEachChild(children_, [&](std::size_t index, auto& child) {
      if (child.IsFinished()) return;
      if (!(is_stopping_ ? child.Stop(cx) : child.PollOnce(cx))) {
        all = false;
      } else if (on_finish(index, child.result())) {
        is_stopping_ = true;
      }
    });
    return all;
  }

  Children children_;
  bool is_stopping_ = false;
};

}  // namespace weft::future_internal

#endif  // WEFT_FUTURE_INTERNAL_CHILDREN_H_
