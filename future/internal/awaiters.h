// future/internal/awaiters.h — what co_await in a Task makes of each kind of operand.
#ifndef WEFT_FUTURE_INTERNAL_AWAITERS_H_
#define WEFT_FUTURE_INTERNAL_AWAITERS_H_

#include <coroutine>
#include <source_location>
#include <type_traits>
#include <utility>

#include "absl/status/status.h"
#include "future/await_chain.h"
#include "future/context.h"
#include "future/future.h"
#include "future/internal/chain.h"
#include "future/internal/result.h"
#include "future/or_return.h"
#include "future/poll.h"

namespace weft {

template <typename T>
class Task;
class YieldNow;

namespace future_internal {

template <typename T>
class Promise;

// The state of a result, kept with the slot in which the result lies.
class ResultSlot : public Slot {
 public:
  ResultSlot() = default;
  explicit ResultSlot(std::source_location location, bool presumes)
      : Slot(location, presumes ? kValueMark : kNoMark) {}

  ResultState state() const { return static_cast<ResultState>(mark()); }
  void SetState(ResultState state) {
    ClearMark();
    SetFirstState(state);
  }
  void SetFirstState(ResultState state) { SetMark(static_cast<unsigned char>(state)); }
};
static_assert(static_cast<unsigned char>(ResultState::kStopped) <= Slot::kMaxMark);
static_assert(static_cast<unsigned char>(ResultState::kValue) == Slot::kValueMark);

// Whether a result counts as set while its frame runs in place: then a child that ends there stores
// its value and nothing else. A child that suspends takes that back (PromiseBase::Suspend()), and
// so does an exception. Not where the value has a destructor, which must know; nor with GCC 12,
// which may drop the body of a coroutine (compiler_hazards_test.cc): that must not pass for an end.
#if defined(__clang__)
template <typename T>
inline constexpr bool kPresumes = std::is_trivially_destructible_v<NonVoid<T>>;
#else
template <typename T>
inline constexpr bool kPresumes = false;
#endif

// Where a frame leaves its result.
template <typename T>
using SlotResult = Result<T, ResultSlot>;

// Awaits a Task: the child's frame joins the chain of the awaiting frame and is begun in place.
template <typename T>
class TaskAwaiter {
 public:
  TaskAwaiter(PromiseBase& parent, Task<T>& task, std::source_location location)
      : slot_(std::in_place, location, kPresumes<T>) {
    Chain& chain = parent.chain();
    const std::coroutine_handle<PromiseBase> child = task.Begin(chain, slot_);
    if (chain.IsStackLow()) [[unlikely]] {
      slot_.ClearMark();
      chain.Transfer(child.promise());
    } else {
      child.resume();
    }
  }
  TaskAwaiter(const TaskAwaiter&) = delete;
  TaskAwaiter& operator=(const TaskAwaiter&) = delete;
  // A result is always taken, and of an exception that leaves nothing.
  ~TaskAwaiter() {
    if constexpr (!std::is_trivially_destructible_v<typename SlotResult<T>::Value>) {
      slot_.~SlotResult<T>();
    }
  }

  bool await_ready() const noexcept { return slot_.IsSet(); }
  template <typename P>
  void await_suspend(std::coroutine_handle<P> parent) noexcept {
    slot_.LeavePlace(parent.promise());
    parent.promise().Suspend();
  }
  T await_resume() { return slot_.Take(); }

 private:
  union {
    SlotResult<T> slot_;
  };
};

// Awaits any other Future: polls it, and becomes the chain's leaf while it is pending.
template <Future F>
class FutureAwaiter final : public Leaf {
 public:
  FutureAwaiter(PromiseBase& frame, F& future, std::source_location location)
      : Leaf(frame, location), result_(&future) {}

  PollState Poll(Context& cx) noexcept override { return result_.PollFrom(result_.future(), cx); }
  void Visit(const AwaitStep& step, AwaitVisitor& visitor) const override {
    visitor.VisitFuture(step, result_.future());
  }

  bool await_ready() noexcept { return Poll(frame().chain().context()) == PollState::kReady; }
  void await_suspend(std::coroutine_handle<>) noexcept {
    if (result_.IsStopped()) {
      frame().chain().Stop(frame());
    } else {
      frame().chain().Wait(*this);
    }
  }
  OutputOf<F> await_resume() { return result_.Take(); }

 private:
  ResultFrom<F> result_;
};

// Awaits a YieldNow: what its poll() does, known to the chain.
class YieldNowAwaiter final : public Leaf {
 public:
  YieldNowAwaiter(PromiseBase& frame, YieldNow&, std::source_location location)
      : Leaf(frame, location) {}

  void Visit(const AwaitStep& step, AwaitVisitor& visitor) const override {
    AwaitStep yields = step;
    yields.awaits = TypeName<YieldNow>();
    visitor.Report(yields);
  }

  // Where nobody else would run, the task goes on. Only what Context::PollAgain() is for: what is
  // polled by another future lets that go on.
  bool await_ready() const noexcept { return frame().chain().context().TryGoOn(); }
  void await_suspend(std::coroutine_handle<>) noexcept { frame().chain().Yield(*this); }
  void await_resume() const noexcept {}
};

// Leaves the coroutine early if there is an error.
template <typename T, typename U>
class OrReturnAwaiter {
 public:
  OrReturnAwaiter(Promise<T>& promise, OrReturn<U>& operand)
      : promise_(promise), operand_(operand) {}

  bool await_ready() const noexcept { return operand_.value().ok(); }
  // Not inlined: this awaiter goes with the frame.
  [[gnu::noinline]] void await_suspend(std::coroutine_handle<> frame) {
    promise_.return_value(operand_.status());
    promise_.Finish();
    frame.destroy();
  }
  auto await_resume() {
    if constexpr (!std::is_same_v<U, absl::Status>) return *std::move(operand_.value());
  }

 private:
  Promise<T>& promise_;
  OrReturn<U>& operand_;
};

}  // namespace future_internal
}  // namespace weft

#endif  // WEFT_FUTURE_INTERNAL_AWAITERS_H_
