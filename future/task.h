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
//   Complexity       One allocation per call of the coroutine, freed at its end, with what it took
//                    by value, or with a Task that has not begun: from the thread's cache
//                    (frame_cache.h), or from the std::pmr::memory_resource* that follows a
//                    leading std::allocator_arg_t of the coroutine; it outlives the Task.
//                    A child that completes without waiting costs about a call; it runs on top of
//                    its parent, some kilobytes deep, then by the driver. So neither loops nor
//                    chains of awaits grow the stack, in any build mode.
//   Lifetime         Arguments taken by reference must outlive the Task. Do not call a capturing
//                    lambda that is a coroutine and let the lambda go: the frame refers to it (C++
//                    Core Guidelines CP.51). With GCC 12, name owning temporaries before passing
//                    them inside a co_await expression (it destroys them twice), and name the
//                    result of an await before testing it in a condition (README.md, Contract).
#ifndef WEFT_FUTURE_TASK_H_
#define WEFT_FUTURE_TASK_H_

#include <coroutine>
#include <cstddef>
#include <exception>
#include <memory>
#include <memory_resource>
#include <source_location>
#include <type_traits>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "future/await_chain.h"
#include "future/context.h"
#include "future/frame_cache.h"
#include "future/future.h"
#include "future/internal/awaiters.h"
#include "future/internal/chain.h"
#include "future/internal/result.h"
#include "future/or_return.h"
#include "future/poll.h"

namespace weft {

template <typename T>
class Task;

namespace future_internal {

template <typename T>
class ForkedTask;

// What the promises of all coroutines share, Tasks and AsyncGenerators: where frames come from, how
// they begin and end, and what they await.
class FramePromise : public PromiseBase {
 public:
  // Inlined, also into what a compiler takes for cold: there the size is a constant.
  [[gnu::always_inline]] static void* operator new(std::size_t bytes) {
    return AllocateFrame(bytes);
  }
  [[gnu::always_inline]] static void operator delete(void* frame, std::size_t bytes) {
    FreeFrame(frame, bytes);
  }

  std::suspend_always initial_suspend() const noexcept { return {}; }
  // The frame goes away.
  std::suspend_never final_suspend() noexcept {
    Finish();
    return {};
  }

  template <typename U>
  TaskAwaiter<U> await_transform(Task<U>&& task,
                                 std::source_location location = std::source_location::current()) {
    return TaskAwaiter<U>(*this, task, location);
  }
  template <typename U>
  void await_transform(Task<U>& task) = delete;  // a Task is awaited once: co_await std::move(task)
  // What is awaited by a way of its own: a fork of Tasks.
  template <typename F>
    requires requires { typename F::FrameAwaiter; }
  typename F::FrameAwaiter await_transform(
      F&& operand, std::source_location location = std::source_location::current()) {
    return typename F::FrameAwaiter(*this, operand, location);
  }
  template <typename F>
    requires Future<std::remove_reference_t<F>> && (!requires { typename F::FrameAwaiter; })
  FutureAwaiter<std::remove_reference_t<F>> await_transform(
      F&& future, std::source_location location = std::source_location::current()) {
    return FutureAwaiter<std::remove_reference_t<F>>(*this, future, location);
  }

 protected:
  FramePromise() = default;
};

// What Promise<T> and Promise<void> share.
template <typename T>
class PromiseCommon : public FramePromise {
 public:
  Task<T> get_return_object() { return Task<T>(Self()); }
  void unhandled_exception() noexcept { result().SetException(std::current_exception()); }

  using FramePromise::await_transform;
  template <typename U>
  OrReturnAwaiter<T, U> await_transform(OrReturn<U>&& operand) {
    return OrReturnAwaiter<T, U>(static_cast<Promise<T>&>(*this), operand);
  }

 protected:
  PromiseCommon() { static_assert(alignof(Promise<T>) == alignof(PromiseBase)); }
  SlotResult<T>& result() { return *static_cast<SlotResult<T>*>(slot()); }

 private:
  std::coroutine_handle<Promise<T>> Self() {
    return std::coroutine_handle<Promise<T>>::from_promise(static_cast<Promise<T>&>(*this));
  }
};

template <typename T>
class Promise : public PromiseCommon<T> {
 public:
  Promise() = default;

  template <typename U>
    requires std::constructible_from<T, U&&>
  void return_value(U&& value) {
    if constexpr (kPresumes<T>) {
      this->result().SetValueOnly(std::forward<U>(value));
    } else {
      this->result().SetValue(std::forward<U>(value));
    }
  }
};

template <>
class Promise<void> final : public PromiseCommon<void> {
 public:
  Promise() = default;

  void return_void() {
    if constexpr (!kPresumes<void>) result().SetValue();
  }
};

// The promise of a coroutine whose frame comes from a std::pmr::memory_resource. Inlined, because
// GCC 12 takes a template and a function for a mismatched pair of new and delete.
template <typename T>
class ResourcePromise final : public Promise<T> {
 public:
  template <typename... Args>
  [[gnu::always_inline]] static void* operator new(std::size_t bytes, std::allocator_arg_t,
                                                   std::pmr::memory_resource* resource, Args&...) {
    return AllocateFrameFrom(resource, bytes);
  }
  // A member function, or a lambda.
  template <typename Self, typename... Args>
  [[gnu::always_inline]] static void* operator new(std::size_t bytes, Self&, std::allocator_arg_t,
                                                   std::pmr::memory_resource* resource, Args&...) {
    return AllocateFrameFrom(resource, bytes);
  }
  [[gnu::always_inline]] static void operator delete(void* frame, std::size_t bytes) {
    FreeFrameFrom(frame, bytes);
  }
};

}  // namespace future_internal

// See the head of the file.
template <typename T = void>
class [[nodiscard]] WEFT_IN_REGISTERS Task {
 public:
  using Output = T;
  using promise_type = future_internal::Promise<T>;

  // Precondition (checked): the other Task has not been polled. One that was awaited is empty.
  Task(Task&& other) noexcept
      : frame_(std::exchange(other.frame_, nullptr)), chain_(std::move(other.chain_)) {}
  Task& operator=(Task&&) = delete;

  // Precondition (checked): never polled, or finished.
  // Inlined, also where an exception passes: so a Task that is awaited at once needs no memory.
  [[gnu::always_inline]] ~Task() {
    if (frame_ == nullptr) return;
    if (chain_.HasBegun()) future_internal::FailDestroyedSuspended();
    future_internal::DestroyUnbegun(frame_);
  }

  // Runs the coroutine until it finishes, waits or is stopped. See future.h for the contract.
  Poll<T> poll(Context& cx) {
    future_internal::SlotResult<T> slot;
    const PollState state = PollWith(slot, cx);
    if (state == PollState::kPending) return kPending;
    if (state == PollState::kStopped) return kStopped;
    if constexpr (std::is_void_v<T>) {
      slot.Take();
      return Poll<void>::Ready();
    } else {
      return slot.Take();
    }
  }

  // For future_internal::Result::PollFrom(): as poll(), but the outcome is moved only once.
  // `poller` is a Context, or the Driver of a run.
  template <typename Poller>
  [[gnu::always_inline]] PollState PollInto(future_internal::Result<T>& result,
                                            Poller& poller) noexcept {
    LateSlot late;
    const PollState state = PollWith(late.slot, poller);
    if (state == PollState::kPending) return state;
    if (state == PollState::kStopped) {
      result.SetStopped();
    } else {
      result.SetFrom(late.slot);
    }
    std::destroy_at(&late.slot);
    return state;
  }

  // Visits what it waits for. See await_chain.h.
  void VisitAwaitChain(AwaitVisitor& visitor) const {
    if (frame_ == nullptr) return;
    if (chain_.HasBegun()) return chain_.Visit(visitor);
    visitor.Report(future_internal::Chain::StepOf(promise(), {}));
  }

 private:
  template <typename U>
  friend class future_internal::PromiseCommon;
  template <typename U>
  friend class future_internal::TaskAwaiter;
  template <typename U>
  friend class future_internal::ForkedTask;

  // A slot that is destroyed only if there is a result: else there is nothing to destroy.
  union LateSlot {
    LateSlot() : slot(std::in_place) {}
    ~LateSlot() {}
    future_internal::SlotResult<T> slot;
  };

  explicit Task(std::coroutine_handle<promise_type> frame) : frame_(frame) {}

  promise_type& promise() const { return frame_.promise(); }

  // Runs the coroutine, which leaves its result in `slot`, as poll() says.
  template <typename Poller>
  [[gnu::always_inline]] PollState PollWith(future_internal::Slot& slot, Poller& poller) {
    if (frame_ == nullptr) future_internal::FailRunTwice();
    promise().Link(chain_, slot);
    const PollState state = chain_.Resume(poller, promise());
    if (state == PollState::kPending) [[likely]] {
      promise().LeaveSlot();
    } else {
      frame_ = nullptr;
    }
    return state;
  }

  // Gives the frame to the chain of its awaiter.
  std::coroutine_handle<future_internal::PromiseBase> Begin(future_internal::Chain& chain,
                                                            future_internal::Slot& slot) {
    if (frame_ == nullptr || chain_.HasBegun()) future_internal::FailRunTwice();
    promise().Link(chain, slot);
    return std::coroutine_handle<future_internal::PromiseBase>::from_address(
        std::exchange(frame_, nullptr).address());
  }

  // Runs the frame as a part of its awaiter's chain, but keeps it until LeaveKept(): it may become
  // the root of this Task's own chain. Precondition: never polled.
  [[gnu::always_inline]] void BeginKept(future_internal::Chain& chain,
                                        future_internal::Slot& slot) {
    if (frame_ == nullptr) future_internal::FailRunTwice();
    promise().Link(chain, slot);
    frame_.resume();
  }
  // The frame has ended.
  void LeaveKept() { frame_ = nullptr; }

  std::coroutine_handle<promise_type> frame_;  // null: moved from, awaited or finished
  future_internal::Chain chain_;               // used only by a Task that is polled, not awaited
};

}  // namespace weft

// Coroutines with the leading arguments std::allocator_arg, resource. Their promise lies in its
// frame where that of any other Task does.
template <typename T, typename... Args>
struct std::coroutine_traits<weft::Task<T>, std::allocator_arg_t, std::pmr::memory_resource*,
                             Args...> {
  using promise_type = weft::future_internal::ResourcePromise<T>;
};
template <typename T, typename Self, typename... Args>
struct std::coroutine_traits<weft::Task<T>, Self, std::allocator_arg_t, std::pmr::memory_resource*,
                             Args...> {
  using promise_type = weft::future_internal::ResourcePromise<T>;
};

#endif  // WEFT_FUTURE_TASK_H_
