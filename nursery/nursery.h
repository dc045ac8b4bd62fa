// nursery/nursery.h — a scope that cannot be left while a task that it started is alive.
//
//   absl::Status status = co_await weft::WithNursery(
//       [](weft::Nursery& nursery, Cache* cache) -> weft::Task<absl::Status> {
//         nursery.Spawn(Refresh(cache));
//         nursery.Spawn([](Cache* c) -> weft::Task<> { co_await Evict(c); }, cache);
//         co_return co_await Serve(cache);
//       },
//       &cache);
//
// A scope is a function that takes its body, because neither a destructor nor a catch block can
// await. The body is called when the scope is first polled and runs inside the scope's task;
// children are tasks of their own on the same executor and run in parallel. When the body has
// ended, in whatever way, the scope waits for its children, then runs what was deferred, and only
// then gives its result. Spawn, and its siblings, are statements, not awaited.
//
//   Thread safety    The scope is a future: thread-compatible. All methods of Nursery may be called
//                    from any thread, as long as the body or a child that does so is alive.
//   Memory ordering  What a child did is visible to the scope's awaiter.
//   Errors           The result is the body's with absl::Status added (Status and StatusOr are not
//                    nested). The first error of body or child in time is the result; with
//                    kCancelOnError it cancels the rest. The first exception is rethrown after the
//                    end and comes before errors. NurseryOptions::errors receives all of them. A
//                    timer that cannot be set for the deadline cancels all, and its exception is
//                    rethrown; an error for which there is no memory becomes std::bad_alloc.
//   Cancellation     A stop request cancels body and children; the scope ends when all have ended,
//                    with kStopped if any of them was stopped. A child inherits the nursery's
//                    token, and so does what it spawns. Deferred tasks are shielded.
//   Task-locals      Body, children and deferred tasks see the values of whoever awaits the scope.
//   Complexity       One allocation for the scope, one for each child; nothing is kept of a child
//                    that has ended.
//   Lifetime         Children and deferred tasks may borrow what outlives the scope: locals of the
//                    function that awaits it, `args` excepted. They may not borrow locals of the
//                    body, which ends before them. When the scope ends, children, their arguments
//                    and their discarded values are destroyed.
//   GCC 12           Name functions and arguments that own something before the co_await expression
//                    (//future:task, Lifetime).
#ifndef WEFT_NURSERY_NURSERY_H_
#define WEFT_NURSERY_NURSERY_H_

#include <concepts>
#include <cstddef>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <source_location>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "base/check.h"
#include "base/instant.h"
#include "future/await_chain.h"
#include "future/cancel.h"
#include "future/context.h"
#include "future/executor.h"
#include "future/future.h"
#include "future/internal/children.h"
#include "future/internal/result.h"
#include "future/poll.h"
#include "future/spawn.h"
#include "nursery/internal/call.h"
#include "nursery/internal/child.h"
#include "nursery/internal/scope.h"
#include "nursery/internal/scope_state.h"
#include "nursery/internal/settle.h"

namespace weft {

// What an error of the body or of a child does.
enum class NurseryPolicy : unsigned char {
  kCancelOnError,  // it cancels the body and all children
  kCollectAll,     // it cancels nothing; all run to their ends
};

struct NurseryOptions {
  NurseryPolicy policy = NurseryPolicy::kCancelOnError;
  // Then body and children are cancelled, and the result is absl::DeadlineExceededError.
  std::optional<Instant> deadline = std::nullopt;
  // Receives all errors, and exceptions as absl::UnknownError, in the order in which they happened.
  // Appended to when the scope ends; shall outlive it.
  std::vector<absl::Status>* errors = nullptr;
};

// A future of one child's result. Dropping it forgets the result, not the child.
//
//   Thread safety    Thread-compatible.
//   Errors           A stopped child gives absl::CancelledError; a child's exception is rethrown
//                    (and the nursery has it as well).
//   Cancellation     Stops at once. Safe to drop.
template <typename T>
class ChildResult {
 public:
  using Output = JoinResult<T>;

  ChildResult(std::shared_ptr<nursery_internal::Outcome<T>> outcome, JoinHandle<void> handle)
      : outcome_(std::move(outcome)), handle_(std::move(handle)) {}

  Poll<Output> poll(Context& cx) {
    std::optional<future_internal::Result<T>> result = outcome_->TryTake(cx.waker());
    if (!result) {
      if (cx.StopRequested()) return kStopped;
      return kPending;
    }
    return nursery_internal::TakeJoinResult(*result);
  }

  // Asks this one child to stop. Not an error of the nursery.
  void Cancel() { handle_.Cancel(); }

 private:
  std::shared_ptr<nursery_internal::Outcome<T>> outcome_;
  JoinHandle<void> handle_;
};

// What the body and its children see of the scope. Made by WithNursery().
class Nursery {
 public:
  explicit Nursery(nursery_internal::ScopeStateRef state) : state_(std::move(state)) {}
  Nursery(const Nursery&) = delete;
  Nursery& operator=(const Nursery&) = delete;

  // Starts `future` as a child. Its value is dropped; its error or exception is the nursery's.
  // Precondition (checked): the body or a child is alive. In a cancelled nursery the child starts
  // and sees the stop request at its first poll.
  template <Future F>
  void Spawn(F future, std::source_location location = std::source_location::current()) {
    Start(std::move(future), nullptr, location).Detach();
  }

  // Starts the future that fn(args...) returns, which is called on the child's task. Both are kept
  // until that future is gone, so fn may be a capturing lambda that is a coroutine. Arguments are
  // moved into the call; std::ref(x) becomes x&.
  template <typename Fn, typename... Args>
    requires(!Future<Fn>)
  void Spawn(Fn fn, Args... args) {
    // Where dumps cannot say the place: a default argument cannot follow a pack.
    Spawn(nursery_internal::CallFuture<Fn, Args...>(std::move(fn), std::move(args)...), {});
  }

  // Like Spawn(), with a way to the result.
  template <Future F>
  ChildResult<OutputOf<F>> SpawnWithResult(
      F future, std::source_location location = std::source_location::current()) {
    auto outcome = std::make_shared<nursery_internal::Outcome<OutputOf<F>>>();
    JoinHandle<void> handle = Start(std::move(future), outcome, location);
    return ChildResult<OutputOf<F>>(std::move(outcome), std::move(handle));
  }
  template <typename Fn, typename... Args>
    requires(!Future<Fn>)
  auto SpawnWithResult(Fn fn, Args... args) {
    return SpawnWithResult(
        nursery_internal::CallFuture<Fn, Args...>(std::move(fn), std::move(args)...), {});
  }

  // Runs `future` when body and children have ended, however they did; shielded from cancellation;
  // the last deferred runs first. Its error or exception counts like a child's.
  template <Future F>
    requires std::is_void_v<OutputOf<F>> || std::is_same_v<OutputOf<F>, absl::Status>
  void Defer(F future) {
    state_->AddDeferred(std::make_unique<nursery_internal::DeferredFuture<F>>(std::move(future)));
  }
  template <typename Fn, typename... Args>
    requires(!Future<Fn>)
  void Defer(Fn fn, Args... args) {
    Defer(nursery_internal::CallFuture<Fn, Args...>(std::move(fn), std::move(args)...));
  }

  // Cancels body and children. A normal way to end: if the body has its value, that is the result.
  void Cancel() { state_->Cancel(); }

  // Whether the nursery is cancelled, by whatever.
  bool StopRequested() const { return state_->StopRequested(); }

  // The token of children: a child of the token of the task that awaits the scope.
  const CancelToken& token() const { return state_->token(); }

  Executor& executor() const { return state_->executor(); }

  // Children that have not ended. Approximate while they run.
  std::size_t live_children() const { return state_->live_children(); }

 private:
  template <Future F>
  JoinHandle<void> Start(F future, std::shared_ptr<nursery_internal::Outcome<OutputOf<F>>> outcome,
                         std::source_location location) {
    state_->OnChildStart();
    try {
      return weft::Spawn(
          state_->executor(),
          nursery_internal::ChildFuture<F>(state_, std::move(future), std::move(outcome)),
          SpawnOptions{.token = state_->token(), .location = location});
    } catch (...) {
      // No memory, or moving the future threw: there is no child that could end.
      state_->OnChildEnd(nursery_internal::End());
      throw;
    }
  }

  nursery_internal::ScopeStateRef state_;
};

// What WithNursery() makes. Pinned from its first poll on.
template <typename Fn, typename... Args>
class [[nodiscard]] NurseryFuture {
 public:
  using Body = nursery_internal::CallFuture<Fn, std::reference_wrapper<Nursery>, Args...>;
  using Output = JoinResult<OutputOf<Body>>;

  explicit NurseryFuture(NurseryOptions options, Fn fn, Args... args)
      : options_(options), fn_(std::move(fn)), args_(std::move(args)...) {}
  // Precondition (checked): the other has not been polled.
  NurseryFuture(NurseryFuture&& other) noexcept
      : options_(other.options_), fn_(std::move(other.fn_)), args_(std::move(other.args_)) {
    WEFT_CHECK(!other.scope_) << "WithNursery(): a scope was moved after it had been polled";
  }
  // Precondition (checked): never polled, or finished.
  ~NurseryFuture() {
    WEFT_CHECK(!scope_ || is_finished_)
        << "WithNursery(): a scope was destroyed before its end; poll it with a stop requested "
           "until it answers";
  }

  // See future.h for the contract.
  Poll<Output> poll(Context& cx) {
    if (!scope_) {
      if (cx.StopRequested()) return kStopped;
      Begin(cx);
    }
    scope_->Watch(cx);
    if (!PollBody(cx) || !scope_->PollRest(cx)) return kPending;
    is_finished_ = true;
    return Finish(cx);
  }

  // See await_chain.h.
  void VisitAwaited(AwaitVisitor& visitor) const {
    if (!scope_) return;
    visitor.Report({.awaits = "a scope", .scope = scope_->state()->token().Identity()});
    body_->VisitAwaited(visitor);
  }

 private:
  void Begin(Context& cx) {
    is_finished_ = true;  // the future has ended if moving the function or an argument throws
    scope_.emplace(cx, options_.policy == NurseryPolicy::kCancelOnError, options_.deadline);
    nursery_.emplace(scope_->state());
    std::apply(
        [this](auto&... args) {
          body_.emplace(Body(std::move(fn_), std::ref(*nursery_), std::move(args)...));
        },
        args_);
    is_finished_ = false;
  }

  // Returns whether the body has ended.
  bool PollBody(Context& cx) {
    if (body_->IsFinished()) return true;
    Context inner = scope_->BodyContext(cx);
    // Cancelled during this poll, by itself or by a child: that wakes the task once more.
    if (!body_->PollOnce(inner)) return false;
    scope_->state()->OnOwnEnd(nursery_internal::EndOf(body_->result()));
    return true;
  }

  // Body, children and deferred tasks have ended.
  Poll<Output> Finish(Context& cx) {
    nursery_internal::ScopeState::Summary summary = scope_->state()->TakeSummary();
    const absl::Status error = summary.errors.empty() ? absl::OkStatus() : summary.errors.front();
    if (options_.errors != nullptr) {
      for (absl::Status& each : summary.errors) options_.errors->push_back(std::move(each));
    }
    if (summary.exception != nullptr) std::rethrow_exception(std::move(summary.exception));
    if (summary.has_stopped && cx.StopRequested()) return kStopped;
    if (!error.ok()) return Output(error);
    if (body_->result().IsStopped()) {
      return Output(absl::CancelledError(
          "WithNursery(): the nursery was cancelled before its body finished"));
    }
    if constexpr (std::is_void_v<OutputOf<Body>>) {
      return Output(absl::OkStatus());
    } else {
      return Output(body_->result().Take());
    }
  }

  NurseryOptions options_;
  Fn fn_;                     // until Begin()
  std::tuple<Args...> args_;  // until Begin()
  std::optional<nursery_internal::Scope> scope_;
  std::optional<Nursery> nursery_;
  std::optional<future_internal::Child<Body>> body_;
  bool is_finished_ = false;
};

// A scope with body fn(nursery, args...), which returns a future. fn and args are kept until the
// body has ended; arguments are moved into the call; std::ref(x) becomes x&.
template <typename Fn, typename... Args>
  requires(!std::same_as<Fn, NurseryOptions>)
NurseryFuture<Fn, Args...> WithNursery(Fn fn, Args... args) {
  return NurseryFuture<Fn, Args...>(NurseryOptions(), std::move(fn), std::move(args)...);
}
template <typename Fn, typename... Args>
NurseryFuture<Fn, Args...> WithNursery(NurseryOptions options, Fn fn, Args... args) {
  return NurseryFuture<Fn, Args...>(options, std::move(fn), std::move(args)...);
}

}  // namespace weft

#endif  // WEFT_NURSERY_NURSERY_H_
