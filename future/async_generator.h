// future/async_generator.h — a coroutine that is a Stream: it yields items and may wait between
// them.
//
//   weft::AsyncGenerator<Line> Lines(File& file) {
//     while (true) {
//       std::optional<Line> line = co_await ReadLine(file);
//       if (!line) co_return;
//       co_yield *std::move(line);
//     }
//   }
//
// It does nothing until it is polled, runs to the next co_yield when an item is asked for, and
// holds one item at most. co_await takes what a Task takes, but for OrReturn.
//
//   Thread safety    Thread-compatible. Successive polls may come from different threads.
//   Errors           An exception that leaves the body is thrown by poll_next.
//   Cancellation     Inside: a co_await that is stopped does not return, nor does the co_yield at
//                    which a stop finds it: the frames are destroyed, running their destructors,
//                    and the stream answers kStopped. Clean-up that waits goes into Finally().
//   Complexity       One allocation for a generator; none for an item.
//   Lifetime         As a Task: arguments by reference outlive it; no capturing lambdas; with GCC
//                    12 name owning temporaries before a co_await or co_yield.
#ifndef WEFT_FUTURE_ASYNC_GENERATOR_H_
#define WEFT_FUTURE_ASYNC_GENERATOR_H_

#include <concepts>
#include <coroutine>
#include <exception>
#include <optional>
#include <source_location>
#include <utility>

#include "base/check.h"
#include "future/await_chain.h"
#include "future/context.h"
#include "future/internal/chain.h"
#include "future/poll.h"
#include "future/task.h"

namespace weft {

template <typename T>
class AsyncGenerator;

namespace future_internal {

// Waits at a co_yield until the next item is asked for.
class YieldAwaiter final : public Leaf {
 public:
  using Leaf::Leaf;

  PollState Poll(Context& cx) noexcept override {
    return cx.StopRequested() ? PollState::kStopped : PollState::kReady;
  }
  void Visit(const AwaitStep& step, AwaitVisitor& visitor) const override { visitor.Report(step); }

  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<>) noexcept { frame().chain().Wait(*this); }
  void await_resume() const noexcept {}
};

template <typename T>
class GeneratorPromise final : public FramePromise {
 public:
  GeneratorPromise() { static_assert(alignof(GeneratorPromise) == alignof(PromiseBase)); }

  AsyncGenerator<T> get_return_object() {
    return AsyncGenerator<T>(std::coroutine_handle<GeneratorPromise>::from_promise(*this));
  }
  void unhandled_exception() noexcept { generator().error_ = std::current_exception(); }
  void return_void() const noexcept {}

  template <typename U>
    requires std::constructible_from<T, U&&>
  YieldAwaiter yield_value(U&& item,
                           std::source_location location = std::source_location::current()) {
    generator().item_.emplace(std::forward<U>(item));
    return YieldAwaiter(*this, location);
  }

 private:
  AsyncGenerator<T>& generator() { return *static_cast<AsyncGenerator<T>*>(slot().owner); }
};

}  // namespace future_internal

// See the head of the file.
template <typename T>
class [[nodiscard]] AsyncGenerator : private future_internal::TaskBase {
 public:
  using Item = T;
  using promise_type = future_internal::GeneratorPromise<T>;

  // Precondition (checked): the other one has not been polled.
  AsyncGenerator(AsyncGenerator&& other) noexcept {
    WEFT_CHECK(other.frame_ == nullptr || !other.promise().IsLinked())
        << "an AsyncGenerator was moved after it had been polled; move it before";
    frame_ = std::exchange(other.frame_, nullptr);
  }
  AsyncGenerator& operator=(AsyncGenerator&&) = delete;

  // Precondition (checked): never polled, or finished.
  ~AsyncGenerator() {
    if (frame_ == nullptr) return;
    WEFT_CHECK(!promise().IsLinked() || frame_.done())
        << "an AsyncGenerator was destroyed while it is suspended; Close() it before";
    frame_.destroy();
  }

  Poll<std::optional<T>> poll_next(Context& cx) {
    WEFT_CHECK(frame_ != nullptr && !frame_.done())
        << "an AsyncGenerator was polled after it was moved from or had finished";
    if (!promise().IsLinked()) promise().Link(chain_, nullptr, slot_);
    switch (chain_.Resume(cx, promise())) {
      case PollState::kPending:
        // Either it waits at a co_yield, or for something else.
        if (item_.has_value()) return std::exchange(item_, std::nullopt);
        return kPending;
      case PollState::kStopped:
        return kStopped;
      case PollState::kReady:
        break;
    }
    if (error_ != nullptr) std::rethrow_exception(std::exchange(error_, nullptr));
    return std::optional<T>();
  }

  // Visits what it waits for. See await_chain.h.
  void VisitAwaitChain(AwaitVisitor& visitor) const {
    if (frame_ == nullptr) return;
    if (promise().IsLinked()) return chain_.Visit(visitor);
    visitor.Report(future_internal::Chain::StepOf(promise(), {}));
  }

 private:
  friend class future_internal::GeneratorPromise<T>;

  explicit AsyncGenerator(std::coroutine_handle<promise_type> frame) { frame_ = frame; }

  promise_type& promise() const {
    return std::coroutine_handle<promise_type>::from_address(frame_.address()).promise();
  }

  future_internal::Chain chain_;
  future_internal::Slot slot_{this};
  std::optional<T> item_;
  std::exception_ptr error_;
};

}  // namespace weft

#endif  // WEFT_FUTURE_ASYNC_GENERATOR_H_
