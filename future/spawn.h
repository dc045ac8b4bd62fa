// future/spawn.h — run a future as a task of its own, and await its end through a JoinHandle.
//
//   weft::JoinHandle<int> handle = weft::Spawn(executor, Compute());
//   absl::StatusOr<int> result = co_await std::move(handle);
//
// A task is the unit of scheduling: one worker runs it at a time. Prefer a Nursery, which cannot
// forget its tasks.
#ifndef WEFT_FUTURE_SPAWN_H_
#define WEFT_FUTURE_SPAWN_H_

#include <concepts>
#include <functional>
#include <optional>
#include <source_location>
#include <string_view>
#include <type_traits>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "future/await_chain.h"
#include "future/cancel.h"
#include "future/executor.h"
#include "future/future.h"
#include "future/internal/task_cell.h"
#include "future/run_next.h"
#include "future/task_id.h"

namespace weft {

// What awaiting a task of T gives: T with "cancelled" added. StatusOr<U> and Status are not nested.
template <typename T>
using JoinResult = typename future_internal::JoinResultOf<T>::Type;

struct SpawnOptions {
  // The task ends with kStopped when this is cancelled. None: the executor's own token. One that
  // does not descend from that is not cancelled by the executor's shutdown, which waits for the
  // task.
  std::optional<CancelToken> token = std::nullopt;
  // The task's class. None: that of the executor, which for the executor of a task is the class of
  // that task. Costs nothing but where it is kHigh or kLow: these pass a queue that all share.
  std::optional<TaskPriority> priority = std::nullopt;
  // What reports and dumps call the task. Copied; without one, it costs nothing.
  std::string_view name = {};
  // What dumps show as the place of the spawn. Left out: where the options are made.
  std::source_location location = std::source_location::current();
};

// A future of a task's end.
//
//   Thread safety    Thread-compatible.
//   Errors           An exception of the task is rethrown at the awaiter. A cancelled task gives
//                    absl::CancelledError.
//   Cancellation     A cancelled await leaves the task running. Safe to drop at any time: the task
//                    is then detached.
template <typename T>
class [[nodiscard]] JoinHandle {
 public:
  using Output = JoinResult<T>;

  explicit JoinHandle(future_internal::JoinState<T>* state) : state_(state) {}
  JoinHandle(JoinHandle&& other) noexcept : state_(std::exchange(other.state_, nullptr)) {}
  JoinHandle& operator=(JoinHandle&& other) noexcept {
    std::swap(state_, other.state_);
    return *this;
  }
  ~JoinHandle() {
    if (state_ != nullptr) state_->DropHandle();
  }

  Poll<Output> poll(Context& cx) {
    future_internal::Result<Output> result;
    if (PollInto(result, cx) == PollState::kPending) return kPending;
    return result.TakePoll();
  }

  // For future_internal::Result::PollFrom(): as poll(), but the outcome is moved only once.
  [[gnu::always_inline]] PollState PollInto(future_internal::Result<Output>& joined,
                                            Context& cx) noexcept {
    if (state_ == nullptr) [[unlikely]]
      future_internal::FailJoinedTwice();
    RunNext& next = future_internal::ThisRunNext();
    if (cx.StopRequested() || !next.TryTake(state_)) return PollSlowly(joined, cx);
    // Run here, the task ends more often than not, and nobody had to be told.
    if (!state_->RunForHandle(joined)) [[unlikely]]
      return PollQueued(joined, cx);
    next.CountEnd();
    state_ = nullptr;
    return PollState::kReady;
  }

  // Asks the task to end; await the handle to know when it has: its status is then kCancelled, or
  // another end if that came first. Idempotent.
  void Cancel() {
    if (state_ != nullptr) state_->RequestStop();
  }

  // Lets the task go on unobserved.
  void Detach() && {
    if (state_ != nullptr) std::exchange(state_, nullptr)->DropHandle();
  }

  // The rest is for looking on, from any thread. Precondition (checked): the handle has its task,
  // which it gives up when it is moved from, detached, or has given the result.

  // Whether the task has ended. If so, what it did is visible to the caller.
  bool IsFinished() const { return cell().IsComplete(); }

  // A moment's truth, until the task has ended.
  TaskStatus status() const { return cell().status(); }

  TaskId id() const { return TaskIdOf(&cell()); }

  // SpawnOptions::name; valid as long as the handle has its task.
  std::string_view name() const { return cell().name(); }

  // See await_chain.h.
  void VisitAwaited(AwaitVisitor& visitor) const {
    if (state_ != nullptr) visitor.Report({.awaits = "a task", .task = id()});
  }

 private:
  const future_internal::JoinState<T>& cell() const {
    WEFT_CHECK(state_ != nullptr) << "JoinHandle: asked about its task after it was moved from, "
                                     "detached or finished; ask before";
    return *state_;
  }

  // Where the task is not in RunNext. Apart from the above, which so needs few registers.
  [[gnu::noinline]] PollState PollSlowly(future_internal::Result<Output>& joined,
                                         Context& cx) noexcept {
    if (state_->IsComplete() || cx.StopRequested() || !state_->TakeIfNext()) {
      return PollQueued(joined, cx);
    }
    Executor& executor = state_->executor();
    if (!state_->RunForHandle(joined)) return PollQueued(joined, cx);
    executor.OnTaskFinished();
    state_ = nullptr;
    return PollState::kReady;
  }

  // PollInto() of a task that is not this thread's to run.
  [[gnu::noinline]] PollState PollQueued(future_internal::Result<Output>& joined,
                                         Context& cx) noexcept {
    if (!state_->IsComplete()) {
      if (cx.StopRequested()) {
        joined.SetStopped();
        return PollState::kStopped;
      }
      if (!state_->PollJoin(cx.waker())) return PollState::kPending;
    }
    future_internal::JoinState<T>* const state = std::exchange(state_, nullptr);
    future_internal::SetJoined(state->result(), joined);
    state->DropHandle();
    return PollState::kReady;
  }

  future_internal::JoinState<T>* state_;  // one reference, or null
};

namespace future_internal {

template <Future F>
TaskCell<F>* MakeTaskCell(Executor& executor, F&& future, SpawnOptions& options) {
  Executor& own = options.priority ? executor.WithPriority(*options.priority) : executor;
  return TaskCell<F>::Make(own, std::move(future), options.location,
                           options.token ? &*options.token : nullptr, options.name);
}

}  // namespace future_internal

// Starts `future` as a task of `executor`. It is polled there, never inside this call.
// Cost: one allocation. `future` is destroyed as soon as it has finished, before its result is
// published.
template <Future F>
JoinHandle<OutputOf<F>> Spawn(Executor& executor, F future,
                              std::source_location location = std::source_location::current()) {
  auto* const cell = future_internal::TaskCell<F>::Make(executor, std::move(future), location);
  JoinHandle<OutputOf<F>> handle(cell);
  cell->Start();
  return handle;
}
template <Future F>
JoinHandle<OutputOf<F>> Spawn(Executor& executor, F future, SpawnOptions options) {
  auto* const cell = future_internal::MakeTaskCell(executor, std::move(future), options);
  JoinHandle<OutputOf<F>> handle(cell);
  cell->Start();
  return handle;
}

// The same for a task whose end nobody awaits: what Spawn(...).Detach() comes to, but the task is
// born so, which saves a locked instruction beside whoever runs it already.
template <Future F>
void SpawnDetached(Executor& executor, F future,
                   std::source_location location = std::source_location::current()) {
  auto* const cell = future_internal::TaskCell<F>::Make(executor, std::move(future), location);
  cell->BeginDetached();
  cell->Start();
}
template <Future F>
void SpawnDetached(Executor& executor, F future, SpawnOptions options) {
  auto* const cell = future_internal::MakeTaskCell(executor, std::move(future), options);
  cell->BeginDetached();
  cell->Start();
}

// Runs `function(args...)` where blocking is allowed and gives its result. It is not interrupted by
// cancellation: arguments are moved or copied into the job, which may outlive a cancelled awaiter.
template <typename Function, typename... Args>
  requires std::invocable<Function, Args...>
JoinHandle<std::invoke_result_t<Function, Args...>> SpawnBlocking(Executor& executor,
                                                                  Function function, Args... args) {
  auto call = [function = std::move(function), ... args = std::move(args)]() mutable {
    return std::invoke(std::move(function), std::move(args)...);
  };
  auto* const cell =
      future_internal::BlockingCell<decltype(call)>::Make(executor, std::move(call), {});
  JoinHandle<std::invoke_result_t<Function, Args...>> handle(cell);
  cell->Start();
  return handle;
}

}  // namespace weft

#endif  // WEFT_FUTURE_SPAWN_H_
