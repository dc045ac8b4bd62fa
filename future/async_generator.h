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
// holds one item at most. co_await takes what a Task takes, but for OrReturn: a stream has no value
// at its end that could carry the error. Where items are StatusOr, co_yield it and co_return.
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

  void Visit(const AwaitStep& step, AwaitVisitor& visitor) const override { visitor.Report(step); }

  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<>) noexcept { frame().chain().Wait(*this); }
  void await_resume() const noexcept {}
};

// Where a generator leaves its items, and the exception at its end.
template <typename T>
struct GeneratorSlot : Slot {
  std::optional<T> item;
  std::exception_ptr error;
};

template <typename T>
class GeneratorPromise final : public FramePromise {
 public:
  GeneratorPromise() { static_assert(alignof(GeneratorPromise) == alignof(PromiseBase)); }

  AsyncGenerator<T> get_return_object() {
    return AsyncGenerator<T>(std::coroutine_handle<GeneratorPromise>::from_promise(*this));
  }
  void unhandled_exception() noexcept { slot().error = std::current_exception(); }
  void return_void() const noexcept {}

  template <typename U>
    requires std::constructible_from<T, U&&>
  YieldAwaiter yield_value(U&& item,
                           std::source_location location = std::source_location::current()) {
    slot().item.emplace(std::forward<U>(item));
    return YieldAwaiter(*this, location);
  }

 private:
  GeneratorSlot<T>& slot() { return *static_cast<GeneratorSlot<T>*>(FramePromise::slot()); }
};

}  // namespace future_internal

// See the head of the file.
template <typename T>
class [[nodiscard]] AsyncGenerator {
 public:
  using Item = T;
  using promise_type = future_internal::GeneratorPromise<T>;

  // Precondition (checked): the other one has not been polled.
  AsyncGenerator(AsyncGenerator&& other) noexcept {
    WEFT_CHECK(!other.chain_.HasBegun())
        << "an AsyncGenerator was moved after it had been polled; move it before";
    frame_ = std::exchange(other.frame_, nullptr);
  }
  AsyncGenerator& operator=(AsyncGenerator&&) = delete;

  // Precondition (checked): never polled, or finished.
  ~AsyncGenerator() {
    if (frame_ == nullptr) return;
    WEFT_CHECK(!chain_.HasBegun())
        << "an AsyncGenerator was destroyed while it is suspended; Close() it before";
    future_internal::DestroyUnbegun(frame_);
  }

  Poll<std::optional<T>> poll_next(Context& cx) {
    WEFT_CHECK(frame_ != nullptr)
        << "an AsyncGenerator was polled after it was moved from or had finished";
    if (!chain_.HasBegun()) promise().Link(chain_, slot_);
    switch (chain_.Resume(cx, promise())) {
      case PollState::kPending:
        // Either it waits at a co_yield, or for something else.
        if (slot_.item.has_value()) return std::exchange(slot_.item, std::nullopt);
        return kPending;
      case PollState::kStopped:
        frame_ = nullptr;
        return kStopped;
      case PollState::kReady:
        frame_ = nullptr;
        break;
    }
    if (slot_.error != nullptr) std::rethrow_exception(std::exchange(slot_.error, nullptr));
    return std::optional<T>();
  }

  // Visits what it waits for. See await_chain.h.
  void VisitAwaitChain(AwaitVisitor& visitor) const {
    if (frame_ == nullptr) return;
    if (chain_.HasBegun()) return chain_.Visit(visitor);
    visitor.Report(future_internal::Chain::StepOf(promise(), {}));
  }

 private:
  friend class future_internal::GeneratorPromise<T>;

  explicit AsyncGenerator(std::coroutine_handle<promise_type> frame) : frame_(frame) {}

  promise_type& promise() const { return frame_.promise(); }

  std::coroutine_handle<promise_type> frame_;  // null: moved from or finished
  future_internal::Chain chain_;
  future_internal::GeneratorSlot<T> slot_;
};

}  // namespace weft

#endif  // WEFT_FUTURE_ASYNC_GENERATOR_H_
