// nursery/internal/child.h — a child of a nursery as a task, and where its result is left.
#ifndef WEFT_NURSERY_INTERNAL_CHILD_H_
#define WEFT_NURSERY_INTERNAL_CHILD_H_

#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "base/mutex.h"
#include "future/await_chain.h"
#include "future/context.h"
#include "future/future.h"
#include "future/internal/children.h"
#include "future/internal/result.h"
#include "future/internal/status_traits.h"
#include "future/poll.h"
#include "future/waker.h"
#include "nursery/internal/scope_state.h"

namespace weft::nursery_internal {

using future_internal::Child;
using future_internal::Result;
using future_internal::StatusLike;

// How a result looks to the scope.
template <typename T>
End EndOf(Result<T>& result) {
  End end;
  if (result.HasException()) end.exception = result.exception();
  end.is_stopped = result.IsStopped();
  if constexpr (StatusLike<T>) {
    if (result.HasValue()) end.error = future_internal::StatusOf(result.value());
  }
  return end;
}

// Carries a child's result to whoever awaits it.
template <typename T>
class Outcome {
 public:
  // Publishes, and wakes the one who waits.
  void Set(Result<T> result) {
    Waker waker;
    {
      MutexLock lock(&mutex_);
      result_.emplace(std::move(result));
      waker = std::move(waker_);
    }
    std::move(waker).Wake();
  }

  // Takes the result if it is there; if not, keeps the waker.
  std::optional<Result<T>> TryTake(const Waker& waker) {
    Waker previous;  // dropped after the lock
    MutexLock lock(&mutex_);
    if (result_) return std::move(result_);
    previous = std::move(waker_);
    waker_ = waker.Clone();
    return std::nullopt;
  }

 private:
  Mutex mutex_;
  std::optional<Result<T>> result_ ABSL_GUARDED_BY(mutex_);
  Waker waker_ ABSL_GUARDED_BY(mutex_);
};

// Runs `future` and reports its end to the scope after the future, its value and the outcome's
// reference are gone.
template <Future F>
class ChildFuture {
 public:
  using Output = void;

  ChildFuture(ScopeStateRef state, F future, std::shared_ptr<Outcome<OutputOf<F>>> outcome)
      : state_(std::move(state)),
        child_(std::in_place, std::move(future)),
        outcome_(std::move(outcome)) {}

  // Throwing here would leave the child uncounted.
  Poll<void> poll(Context& cx) noexcept {
    Context inner = cx.WithLocals(state_->locals().node());
    if (!child_->PollOnce(inner)) return kPending;
    End end = EndOf(child_->result());
    if (outcome_ != nullptr) {
      outcome_->Set(std::move(child_->result()));
      outcome_.reset();
    }
    child_.reset();
    state_->OnChildEnd(std::move(end));
    return Poll<void>::Ready();
  }

  // See await_chain.h.
  void VisitAwaitChain(AwaitVisitor& visitor) const {
    if (child_) child_->VisitAwaited(visitor);
  }

 private:
  ScopeStateRef state_;
  std::optional<Child<F>> child_;
  std::shared_ptr<Outcome<OutputOf<F>>> outcome_;
};

// Holds what Defer() was given.
template <Future F>
class DeferredFuture final : public Deferred {
 public:
  explicit DeferredFuture(F future) : child_(std::move(future)) {}

  PollState Poll(Context& cx, End& end) noexcept override {
    if (!child_.PollOnce(cx)) return PollState::kPending;
    end = EndOf(child_.result());
    return PollState::kReady;
  }

 private:
  Child<F> child_;
};

}  // namespace weft::nursery_internal

#endif  // WEFT_NURSERY_INTERNAL_CHILD_H_
