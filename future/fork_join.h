// future/fork_join.h — several Tasks in parallel, forked as finely as one likes, and all their
// values.
//
//   weft::Task<long> Fib(int n) {
//     if (n < 2) co_return n;
//     auto [a, b] = co_await weft::ForkJoin(Fib(n - 1), Fib(n - 2));
//     co_return a + b;
//   }
//
// Awaited in a Task. The first child is begun in place, like a child that is awaited. The others
// are offered to threads of the executor that have nothing to do, and taken back one by one, to be
// run in place, if nobody came. A child that waits, or that another thread has taken, is a task of
// its own from then on, and its parent waits for it without holding a thread.
//
// Differs from WhenAll() (when_all.h), whose children never run at the same time; from a Nursery,
// whose body may start any number of children while others run, each a task from the beginning; and
// from Join() of the runtime, for functions that compute and never wait.
//
//   Thread safety    A fork is thread-compatible. Its children may run at the same time; what they
//                    share is the caller's matter.
//   Memory ordering  What came before the await is visible to all children, and what they did to
//                    the code after it.
//   Errors           ForkJoin: when a child throws or stops, the others are asked to stop, and
//                    those that were not begun are not begun; when all have ended, an exception is
//                    rethrown, or else the whole stops. TryForkJoin: so does an error, which is
//                    then the result; an exception comes before it. Of several, the first in time.
//   Cancellation     An await that finds the stop requested begins nothing. Each child sees the
//                    request; the await ends when all children have: it stops if any of them
//                    stopped, and gives the values if all have finished.
//   Where            Children get the context of the parent's poll: its token, executor, shield and
//                    task-local values. Where nobody takes forks (threads that are no worker of the
//                    executor, executors of one thread), they begin in their order; without an
//                    executor, a child that waits is polled by its parent.
//   Fairness         Children in place run as parts of their parent's poll.
//   Complexity       No allocation but for the children's frames (for a vector also a block of
//                    children, and the values), and no locked instruction, where they end in
//                    place; one allocation and two wakes for each that waits or runs elsewhere.
//                    Without memory a child that waits is polled by its parent, and one that was
//                    taken ends with std::bad_alloc. Forks nest some kilobytes deep on a stack;
//                    then children are tasks, so that a chain of a million forks needs none.
//   Lifetime         Children may borrow locals of the coroutine that awaits the fork. Their
//                    parameters live until the await has ended.
//   GCC 12           As for all awaits: name owning temporaries before (task.h, Lifetime).
//
// Example: fork_join_example.cc
#ifndef WEFT_FUTURE_FORK_JOIN_H_
#define WEFT_FUTURE_FORK_JOIN_H_

#include <coroutine>
#include <cstddef>
#include <memory>
#include <source_location>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/check.h"
#include "future/await_chain.h"
#include "future/context.h"
#include "future/fork_queue.h"
#include "future/internal/chain.h"
#include "future/internal/children.h"
#include "future/internal/fork_child.h"
#include "future/internal/fork_children.h"
#include "future/internal/status_traits.h"
#include "future/poll.h"
#include "future/task.h"
#include "future/when_all.h"

namespace weft {
namespace future_internal {

template <typename Fork>
class ForkAwaiter;

template <typename C>
struct AllOf<ForkChildren<C>> : AllOf<std::vector<C>> {};

}  // namespace future_internal

// What ForkJoin() and TryForkJoin() make: see the head of the file. To be awaited once, in a Task.
template <typename Children, future_internal::ForkErrors errors>
class [[nodiscard]] ForkOf {
 public:
  using Values = typename future_internal::AllOf<Children>::Values;
  using Successes = typename future_internal::AllOf<Children>::Successes;
  using Output = std::conditional_t<errors == future_internal::ForkErrors::kFail,
                                    absl::StatusOr<Successes>, Values>;
  // How a Task awaits it.
  using FrameAwaiter = future_internal::ForkAwaiter<ForkOf>;

  template <typename... Args>
  explicit ForkOf(std::in_place_t, Args&&... args) : children_(std::forward<Args>(args)...) {}
  // Precondition: not awaited.
  ForkOf(ForkOf&& other) noexcept : children_(std::move(other.children_)) {}
  ~ForkOf() {
    if (!is_empty_) {
      Destroy();
    } else if constexpr (requires { children_.FreeOnly(); }) {
      children_.FreeOnly();
    }
  }

  // See await_chain.h.
  void VisitAwaited(AwaitVisitor& visitor) const {
    future_internal::ForEachChild(
        children_, [&](std::size_t, const auto& child) { child.VisitAwaited(visitor); });
  }

 private:
  friend future_internal::ForkAwaiter<ForkOf>;

  std::size_t count() const {
    if constexpr (requires { children_.size(); }) {
      return children_.size();
    } else {
      return std::tuple_size_v<Children>;
    }
  }
  // Whether children that have ended in place, with a value, leave nothing to be destroyed.
  static constexpr bool EndEmpty() {
    if constexpr (requires { typename Values::value_type; }) {
      return std::is_trivially_destructible_v<typename Values::value_type>;
    } else {
      return std::is_trivially_destructible_v<Values>;
    }
  }

  // All have a value.
  Output TakeValues() {
    if constexpr (errors == future_internal::ForkErrors::kFail) {
      return Output(future_internal::CollectAll<Successes>(children_, [](auto& child) {
        return future_internal::ValueOf(std::move(child.result().value()));
      }));
    } else {
      return future_internal::CollectAll<Output>(
          children_, [](auto& child) { return std::move(child.result().value()); });
    }
  }

  // All have ended, and some have failed.
  Output TakeFailure(const future_internal::ForkChildBase* first) {
    future_internal::Failures failures;
    absl::Status error;
    const auto note = [&](auto& child) {
      if (failures.Note(child.result())) return;
      if constexpr (errors == future_internal::ForkErrors::kFail) {
        if (error.ok()) error = future_internal::StatusOf(child.result().value());
      }
    };
    ForEachFailed(first, note);
    failures.Rethrow();
    if constexpr (errors == future_internal::ForkErrors::kFail) {
      return Output(std::move(error));
    } else {
      WEFT_FATAL() << "ForkJoin(): a child has failed without an exception";
    }
  }
  // Whether there is nothing but stops among the failures.
  bool HasOnlyStopped() {
    bool only = true;
    ForEachFailed(nullptr, [&](auto& child) { only = only && child.result().IsStopped(); });
    return only;
  }

  // Calls note(child), for `first` before the others.
  template <typename Note>
  void ForEachFailed(const future_internal::ForkChildBase* first, Note note) {
    future_internal::ForEachChild(children_, [&](std::size_t, auto& child) {
      if (&child == first) note(child);
    });
    future_internal::ForEachChild(children_, [&](std::size_t, auto& child) {
      if (&child != first && child.HasFailed()) note(child);
    });
  }

  [[gnu::noinline]] void Destroy() { std::destroy_at(&children_); }

  union {
    Children children_;
  };
  bool is_empty_ = false;  // nothing is left in the children
};

namespace future_internal {

// Awaits a fork: begins the children, and is the chain's leaf while some of them are away.
template <typename Fork>
class ForkAwaiter final : public ForkGroup {
 public:
  ForkAwaiter(PromiseBase& frame, Fork& fork, std::source_location location)
      : ForkGroup(frame, location), fork_(fork) {}

  // Inlined, with all that is done for children which end in place: what functions in between save
  // and restore costs as much as that.
  [[gnu::always_inline]] bool await_ready() noexcept {
    Chain& chain = frame().chain();
    if (chain.context().StopRequested() || chain.IsStackVeryLow()) [[unlikely]]
      return BeginElsewhere();
    if (BeginInPlace(chain.forks())) [[likely]] {
      fork_.is_empty_ = Fork::EndEmpty();
      return true;
    }
    return PollBegun();
  }
  void await_suspend(std::coroutine_handle<>) noexcept {
    Chain& chain = frame().chain();
    if (is_stopped_) {
      chain.Stop(frame());
    } else {
      chain.Wait(*this);
    }
  }
  typename Fork::Output await_resume() {
    if (HasFailed()) [[unlikely]]
      return fork_.TakeFailure(first_failed());
    return fork_.TakeValues();
  }

  PollState Poll(Context& cx) noexcept override {
    if (!PollRest(cx)) return PollState::kPending;
    is_stopped_ = HasFailed() && fork_.HasOnlyStopped();
    return is_stopped_ ? PollState::kStopped : PollState::kReady;
  }
  void Visit(const AwaitStep& step, AwaitVisitor& visitor) const override {
    visitor.VisitFuture(step, fork_);
  }

 private:
  bool HasFailed() const { return count().HasFailed(); }

  // Begins nothing, if a stop is requested, or all as tasks of the executor, which that needs.
  [[gnu::noinline]] bool BeginElsewhere() noexcept {
    Context& cx = frame().chain().context();
    if (cx.StopRequested()) {
      is_stopped_ = true;
      return false;
    }
    static_cast<void>(cx.executor());  // checked
    ForEachChild(fork_.children_, [this](std::size_t, auto& child) {
      child.SetGroup(this);
      ++away_;
      child.StartAway();
    });
    return Poll(cx) == PollState::kReady;
  }

  [[gnu::noinline]] bool PollBegun() noexcept {
    if (away_ == 0 && here_ == 0 && !HasFailed()) return true;
    return Poll(frame().chain().context()) == PollState::kReady;
  }

  // Whether each has ended at once, with a value.
  [[gnu::always_inline]] bool BeginInPlace(ForkQueue* queue) {
    const bool are_offered = queue != nullptr && fork_.count() > 1 && OfferRest(*queue);
    bool is_taken = false;  // the next one, and so those behind it
    bool have_values = true;
    auto begin = [&](std::size_t index, auto& child) __attribute__((always_inline)) {
      if (index > 0 && are_offered) is_taken = is_taken || !queue->Pop(&child);
      if (is_taken) [[unlikely]] {
        have_values = false;
        ++away_;
      } else if (MayHaveFailed(index, have_values) && HasFailed()) [[unlikely]] {
        have_values = false;
        child.EndUnbegun(nullptr);
      } else if (!child.BeginInPlace(frame(), location())) [[unlikely]] {
        have_values = false;
        FinishInPlace(child);
      }
    };
    ForEachChild(fork_.children_, begin);
    return have_values;
  }

  // Whether another child may have failed before this one, which nobody has taken. If nobody has
  // taken the last one, all others are here too.
  bool MayHaveFailed(std::size_t index, bool have_values) const {
    return index > 0 && (index + 1 < fork_.count() || !have_values);
  }

  // All but the first, the last one at the bottom.
  [[gnu::always_inline]] bool OfferRest(ForkQueue& queue) {
    const std::size_t last = fork_.count() - 1;
    auto child_at = [&](std::size_t i) __attribute__((always_inline)) -> Runnable* {
      ForkChildBase& child = ChildAt<ForkChildBase>(fork_.children_, last - i);
      child.SetGroup(this);
      return &child;
    };
    return queue.PushAll(last, child_at);
  }

  // The child was begun in place, and gave no value at once.
  template <typename Child>
  [[gnu::noinline]] void FinishInPlace(Child& child) {
    child.SetGroup(this);
    Note(child, child.GoOn(frame()));
  }

  template <typename Child>
  void Note(Child& child, InPlace end) {
    switch (end) {
      case InPlace::kEnded:
        if (child.HasFailed()) [[unlikely]]
          NoteFailure(&child);
        break;
      case InPlace::kAway:
        ++away_;
        break;
      case InPlace::kHere:
        ++here_;
        break;
    }
  }

  // Whether all have ended.
  bool PollRest(Context& cx) {
    while (true) {
      if (cx.StopRequested() || HasFailed()) StopAll();
      if (here_ > 0) PollHere(cx);
      count().Add(std::exchange(away_, 0));
      const bool are_back = count().Await(cx.waker());
      if (are_back && here_ == 0) return true;
      if (is_stopping_ || !HasFailed()) break;
    }
    Keep();
    return false;
  }

  void StopAll() {
    if (std::exchange(is_stopping_, true)) return;
    ForEachChild(fork_.children_, [](std::size_t, auto& child) { child.RequestStop(); });
  }

  void PollHere(Context& cx) {
    Context inner = is_stopping_ ? cx.WithStop() : cx;
    ForEachChild(fork_.children_, [&](std::size_t, auto& child) {
      if (!child.IsHere()) return;
      --here_;
      Note(child, child.PollHere(inner));
    });
  }

  Fork& fork_;
  std::size_t away_ = 0;  // went away, and are not in the count yet
  std::size_t here_ = 0;  // wait here, and are polled here
  bool is_stopping_ = false;
  bool is_stopped_ = false;
};

template <ForkErrors errors, typename... T>
using ForkOfTuple = ForkOf<std::tuple<ForkChild<T, errors>...>, errors>;
template <ForkErrors errors, typename T>
using ForkOfVector = ForkOf<ForkChildren<ForkChild<T, errors>>, errors>;

}  // namespace future_internal

// Awaited, it gives all values as a std::tuple, in which std::monostate stands for void.
template <typename... T>
auto ForkJoin(Task<T>... tasks) {
  return future_internal::ForkOfTuple<future_internal::ForkErrors::kAreValues, T...>(
      std::in_place, std::move(tasks)...);
}

// All values in the order of the tasks.
template <typename T>
auto ForkJoin(std::vector<Task<T>> tasks) {
  return future_internal::ForkOfVector<future_internal::ForkErrors::kAreValues, T>(
      std::in_place, std::move(tasks));
}

// All values or the first error.
template <typename... T>
  requires(future_internal::StatusLike<T> && ...)
auto TryForkJoin(Task<T>... tasks) {
  return future_internal::ForkOfTuple<future_internal::ForkErrors::kFail, T...>(
      std::in_place, std::move(tasks)...);
}

// All values in the order of the tasks, or the first error.
template <typename T>
  requires future_internal::StatusLike<T>
auto TryForkJoin(std::vector<Task<T>> tasks) {
  return future_internal::ForkOfVector<future_internal::ForkErrors::kFail, T>(std::in_place,
                                                                              std::move(tasks));
}

}  // namespace weft

#endif  // WEFT_FUTURE_FORK_JOIN_H_
