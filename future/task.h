// future/task.h — a lazy coroutine that is also a Future.
//
//   weft::Task<int> Sum(weft::Task<int> a, weft::Task<int> b) {
//     co_return co_await std::move(a) + co_await std::move(b);
//   }
//
// A Task does nothing until it is awaited or polled; then it runs once, on its awaiter's task.
// Inside it, co_await takes Tasks (as rvalues), any Future, and OrReturn(status_or).
//
//   Thread safety    Thread-compatible. Successive polls may come from different threads.
//   Errors           An exception that leaves the body reaches the awaiter. co_await OrReturn(x)
//                    leaves the body early with x's error, without an exception; the Task's T must
//                    be constructible from absl::Status.
//   Cancellation     If what the deepest coroutine awaits answers kStopped, the await does not
//                    return: all frames of the task are destroyed from that one up to the root, by
//                    a loop (a million frames need no stack), running their destructors, and the
//                    root answers kStopped. A Task whose first poll finds the stop requested never
//                    starts.
//   Complexity       One allocation per call of the coroutine, freed when the Task goes. Awaiting a
//                    child that completes synchronously does not grow the stack, in any build mode
//                    of the supported compilers.
//   Lifetime         Arguments taken by reference must outlive the Task. Do not call a capturing
//                    lambda that is a coroutine and let the lambda go: the frame refers to it (C++
//                    Core Guidelines CP.51). With GCC 12, name owning temporaries before passing
//                    them inside a co_await expression (it destroys them twice), and name the
//                    result of an await before testing it in a condition (README.md, Contract).
#ifndef WEFT_FUTURE_TASK_H_
#define WEFT_FUTURE_TASK_H_

#include <coroutine>
#include <exception>
#include <type_traits>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/check.h"
#include "future/context.h"
#include "future/future.h"
#include "future/internal/chain.h"
#include "future/internal/result.h"
#include "future/or_return.h"
#include "future/poll.h"

namespace weft {

template <typename T>
class Task;

namespace future_internal {

template <typename T>
class Promise;

// Awaits a Task: the child's frame joins the chain of the awaiting frame.
template <typename T>
class TaskAwaiter {
 public:
  TaskAwaiter(PromiseBase& parent, Task<T>& task) : parent_(parent), task_(task) {}

  bool await_ready() const noexcept { return false; }
  std::coroutine_handle<> await_suspend(std::coroutine_handle<>) noexcept {
    return parent_.chain().Enter(task_.Begin(parent_.chain(), &parent_));
  }
  T await_resume() { return task_.result_.Take(); }

 private:
  PromiseBase& parent_;
  Task<T>& task_;
};

// Awaits any other Future: polls it, and becomes the chain's leaf while it is pending.
template <Future F>
class FutureAwaiter final : public Leaf {
 public:
  FutureAwaiter(Chain& chain, F& future) : chain_(chain), future_(future) {}

  PollState Poll(Context& cx) noexcept override { return state_ = result_.PollFrom(future_, cx); }

  bool await_ready() noexcept { return Poll(chain_.context()) == PollState::kReady; }
  std::coroutine_handle<> await_suspend(std::coroutine_handle<>) noexcept {
    return state_ == PollState::kStopped ? chain_.Stop() : chain_.Wait(*this);
  }
  OutputOf<F> await_resume() { return result_.Take(); }

 private:
  Chain& chain_;
  F& future_;
  Result<OutputOf<F>> result_;
  PollState state_ = PollState::kPending;
};

// Leaves the coroutine early if there is an error.
template <typename T, typename U>
class OrReturnAwaiter {
 public:
  OrReturnAwaiter(Promise<T>& promise, OrReturn<U>& operand)
      : promise_(promise), operand_(operand) {}

  bool await_ready() const noexcept { return operand_.value().ok(); }
  std::coroutine_handle<> await_suspend(std::coroutine_handle<>) {
    promise_.return_value(operand_.status());
    return promise_.chain().ReturnEarly();
  }
  auto await_resume() {
    if constexpr (!std::is_same_v<U, absl::Status>) return *std::move(operand_.value());
  }

 private:
  Promise<T>& promise_;
  OrReturn<U>& operand_;
};

// What Promise<T> and Promise<void> share.
template <typename T>
class PromiseCommon : public PromiseBase {
 public:
  Task<T> get_return_object() { return Task<T>(Self()); }
  std::suspend_always initial_suspend() const noexcept { return {}; }
  auto final_suspend() const noexcept { return FinalAwaiter{}; }
  void unhandled_exception() noexcept { task().result_.SetException(std::current_exception()); }

  template <typename U>
  TaskAwaiter<U> await_transform(Task<U>&& task) {
    return TaskAwaiter<U>(*this, task);
  }
  template <typename U>
  void await_transform(Task<U>& task) = delete;  // a Task is awaited once: co_await std::move(task)
  template <typename F>
    requires Future<std::remove_reference_t<F>>
  FutureAwaiter<std::remove_reference_t<F>> await_transform(F&& future) {
    return FutureAwaiter<std::remove_reference_t<F>>(chain(), future);
  }
  template <typename U>
  OrReturnAwaiter<T, U> await_transform(OrReturn<U>&& operand) {
    return OrReturnAwaiter<T, U>(static_cast<Promise<T>&>(*this), operand);
  }

 protected:
  PromiseCommon() : PromiseBase(Self()) {}
  Task<T>& task() { return *static_cast<Task<T>*>(owner()); }

 private:
  struct FinalAwaiter {
    bool await_ready() const noexcept { return false; }
    std::coroutine_handle<> await_suspend(std::coroutine_handle<Promise<T>> frame) noexcept {
      return frame.promise().chain().Leave(frame.promise());
    }
    void await_resume() const noexcept {}
  };

  std::coroutine_handle<Promise<T>> Self() {
    return std::coroutine_handle<Promise<T>>::from_promise(static_cast<Promise<T>&>(*this));
  }
};

template <typename T>
class Promise final : public PromiseCommon<T> {
 public:
  Promise() = default;

  template <typename U>
    requires std::constructible_from<T, U&&>
  void return_value(U&& value) {
    this->task().result_.SetValue(std::forward<U>(value));
  }
};

template <>
class Promise<void> final : public PromiseCommon<void> {
 public:
  Promise() = default;

  void return_void();
};

}  // namespace future_internal

// See the head of the file.
template <typename T = void>
class [[nodiscard]] Task : private future_internal::TaskBase {
 public:
  using Output = T;
  using promise_type = future_internal::Promise<T>;

  // Precondition (checked): the other Task has not been polled or awaited.
  Task(Task&& other) noexcept {
    WEFT_CHECK(!other.is_started_)
        << "a Task was moved after it had been polled or awaited; move it before";
    frame_ = std::exchange(other.frame_, nullptr);
  }
  Task& operator=(Task&&) = delete;

  // Precondition (checked): never polled, or finished.
  ~Task() {
    if (frame_ == nullptr) return;
    WEFT_CHECK(!is_started_ || frame_.done())
        << "a Task was destroyed while it is suspended; poll it with a stop requested until it "
           "answers kStopped";
    frame_.destroy();
  }

  // Runs the coroutine until it finishes, waits or is stopped. See future.h for the contract.
  Poll<T> poll(Context& cx) {
    if (!chain_.IsStarted()) chain_.Start(Begin(chain_, nullptr));
    switch (chain_.Resume(cx)) {
      case PollState::kPending:
        return kPending;
      case PollState::kStopped:
        return kStopped;
      case PollState::kReady:
        break;
    }
    if constexpr (std::is_void_v<T>) {
      result_.Take();
      return Poll<void>::Ready();
    } else {
      return result_.Take();
    }
  }

 private:
  template <typename U>
  friend class future_internal::PromiseCommon;
  template <typename U>
  friend class future_internal::Promise;
  template <typename U>
  friend class future_internal::TaskAwaiter;

  explicit Task(std::coroutine_handle<promise_type> frame) { frame_ = frame; }

  future_internal::PromiseBase& Begin(future_internal::Chain& chain,
                                      future_internal::PromiseBase* parent) {
    WEFT_CHECK(frame_ != nullptr && !is_started_)
        << "a Task was polled or awaited after it was moved from, awaited or finished; a Task runs "
           "once";
    is_started_ = true;
    promise_type& promise =
        std::coroutine_handle<promise_type>::from_address(frame_.address()).promise();
    promise.Link(chain, parent, *this);
    return promise;
  }

  bool is_started_ = false;
  future_internal::Chain chain_;  // used only by a Task that is polled, not awaited
  future_internal::Result<T> result_;
};

inline void future_internal::Promise<void>::return_void() { task().result_.SetValue(); }

}  // namespace weft

#endif  // WEFT_FUTURE_TASK_H_
