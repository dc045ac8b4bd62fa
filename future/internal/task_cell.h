// future/internal/task_cell.h — a spawned future with its run state, its wakers and its result.
//
// The protocol is task_state.h; this adds what the words mean: the executor that runs the task, the
// token that stops it, the future, which is destroyed before the result that takes its place is
// published. A task that never waits touches neither the token's lock nor a waker.
#ifndef WEFT_FUTURE_INTERNAL_TASK_CELL_H_
#define WEFT_FUTURE_INTERNAL_TASK_CELL_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <new>
#include <string_view>
#include <type_traits>
#include <typeinfo>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/atomics.h"
#include "base/check.h"
#include "future/cancel.h"
#include "future/context.h"
#include "future/executor.h"
#include "future/frame_cache.h"
#include "future/future.h"
#include "future/internal/result.h"
#include "future/internal/status_traits.h"
#include "future/internal/task_state.h"
#include "future/poll.h"
#include "future/waker.h"

namespace weft {

// Where a task is in its life.
enum class TaskStatus : unsigned char {
  kWaiting,    // pending: waits, or is queued
  kRunning,    // is being polled
  kCompleted,  // has a value, maybe an error status
  kFailed,     // ended by an exception
  kCancelled,  // was stopped before it had a value
};

namespace future_internal {

// The part of a cell that does not depend on the future: state word, scheduling, joining.
class CellBase : public Runnable, private CancelEntry {
 public:
  CellBase(const CellBase&) = delete;
  CellBase& operator=(const CellBase&) = delete;

  // The handle's. All may be called while the task runs.

  // Whether the result is published.
  bool IsComplete() const { return state_.IsComplete(); }
  // Like IsComplete(); if not, `waker` is woken when it is.
  bool PollJoin(const Waker& waker) { return state_.PollJoin(waker); }
  // Runs the task here if it is what this thread would run next.
  bool RunIfNext() { return executor_.RunIfNext(this); }
  // Makes every further poll see a stop request, and wakes the task.
  void RequestStop() { Do(state_.RequestStop()); }
  // Drops the handle's reference and its waker.
  void DropHandle();
  TaskStatus status() const;
  // Empty if it has none.
  std::string_view name() const;

 protected:
  // Born queued, with a handle. Without a token: the executor's, which outlives the task.
  CellBase(Executor& executor, CancelToken* token)
      : CancelEntry(&TakeRegisteredWaker),
        owns_token_(token != nullptr),
        executor_(executor),
        token_(token != nullptr ? std::move(*token) : executor.token().Lend()) {}
  ~CellBase() {
    if (owns_token_) token_.~CancelToken();
  }

  // What a name takes behind the cell.
  static std::size_t TailBytes(std::string_view name) {
    return name.empty() ? 0 : sizeof(std::size_t) + name.size();
  }
  // Copies the name behind the cell.
  void SetName(std::string_view name);

  // Destroys and frees the cell, with its tail.
  virtual void DestroyCell(std::size_t tail_bytes) = 0;

  // The size of the whole cell.
  virtual std::size_t bytes() const = 0;

  Executor& executor() { return executor_; }

  // Polls `poll(cx)` once, which returns whether the future has ended; goes on as that says.
  template <typename PollOnce>
  void RunOnce(PollOnce&& poll_once) {
    const bool is_stopped = state_.BeginPoll();
    is_polled_.store(true, std::memory_order_relaxed);  // only for status()
    const BorrowedWaker waker(&kWakerVTable, this);
    Context cx(waker.get(), token_, &executor_);
    if (is_stopped) cx = cx.WithStop();
    const bool has_ended = poll_once(cx);
    is_polled_.store(false, std::memory_order_relaxed);
    if (!has_ended) {
      EndPollPending();
    } else {
      Finish();
    }
  }

  // How the future ended. Before Finish().
  void SetOutcome(TaskStatus outcome) { outcome_ = outcome; }

  // The poll ended pending: waits, or queues itself again. The cell may be gone afterwards.
  void EndPollPending();
  // The future is destroyed, result and outcome are set: publishes them and ends the run. The cell
  // may be gone afterwards.
  void Finish();

 private:
  using State = TaskState<StdAtomics>;

  static const Waker::VTable kWakerVTable;

  static Waker TakeRegisteredWaker(CancelEntry* entry);
  void Do(State::Then then);
  void Destroy();
  // The name's length, then the name.
  char* tail() const { return reinterpret_cast<char*>(const_cast<CellBase*>(this)) + bytes(); }

  [[no_unique_address]] State state_;  // the next four share its last word
  std::atomic<bool> is_polled_{false};
  TaskStatus outcome_ = TaskStatus::kWaiting;  // edge (5) of task_state.h
  const bool owns_token_ : 1;
  bool is_named_ : 1 = false;       // before the start
  bool is_registered_ : 1 = false;  // the run's, once started
  Executor& executor_;
  union {
    const CancelToken token_;  // lent by the executor, or one's own
  };
};

// A cell with the type of its result.
template <typename T>
class JoinState : public CellBase {
 public:
  // Precondition: IsComplete().
  virtual Result<T>& result() = 0;

 protected:
  using CellBase::CellBase;

  static TaskStatus OutcomeOf(const Result<T>& result) {
    if (result.IsStopped()) return TaskStatus::kCancelled;
    return result.HasException() ? TaskStatus::kFailed : TaskStatus::kCompleted;
  }
};

// Drops a handle's reference at the end of a scope.
struct DropHandleOf {
  void operator()(CellBase* cell) const { cell->DropHandle(); }
};

template <typename T>
struct JoinResultOf {
  using Type = typename StatusTraits<T>::WithStatus;
};

// Drops the handle's reference and gives the result; rethrows the task's exception.
template <typename T>
typename JoinResultOf<T>::Type TakeJoinResult(JoinState<T>* state) {
  // Also when moving the value throws.
  const std::unique_ptr<JoinState<T>, DropHandleOf> reference(state);
  Result<T>& result = state->result();
  if (result.IsStopped()) return absl::CancelledError("the task was cancelled before it finished");
  if constexpr (std::is_void_v<T>) {
    result.Take();
    return absl::OkStatus();
  } else {
    return result.Take();
  }
}

// A cell that holds a Work until there is a result, and then that instead. Derived::PollWork(work,
// result, cx) returns whether the work has ended, and sets the result.
template <typename Derived, typename Work, typename T>
class CellOf : public JoinState<T> {
 public:
  static Derived* Make(Executor& executor, Work&& work, CancelToken* token = nullptr,
                       std::string_view name = {}) {
    const std::size_t bytes = sizeof(Derived) + CellBase::TailBytes(name);
    void* const memory = AllocateFrame(bytes);
    try {
      auto* const cell = ::new (memory) Derived(executor, token, std::move(work));
      if (!name.empty()) cell->SetName(name);
      return cell;
    } catch (...) {
      FreeFrame(memory, bytes);
      throw;
    }
  }

  void Run() noexcept final {
    this->RunOnce([this](Context& cx) {
      Result<T> result;
      if (!static_cast<Derived*>(this)->PollWork(work_, result, cx)) return false;
      work_.~Work();
      MoveIn(result);
      return true;
    });
  }

  Result<T>& result() final { return result_; }

  RunnableLabel label() const final { return {.name = this->name(), .type = &typeid(Work)}; }

 protected:
  CellOf(Executor& executor, CancelToken* token, Work&& work)
      : JoinState<T>(executor, token), work_(std::move(work)) {}
  ~CellOf() { result_.~Result<T>(); }

 private:
  void MoveIn(Result<T>& result) noexcept {
    try {
      ::new (&result_) Result<T>(std::move(result));
    } catch (...) {
      ::new (&result_) Result<T>();
      result_.SetException(std::current_exception());
    }
    this->SetOutcome(this->OutcomeOf(result_));
  }

  std::size_t bytes() const final { return sizeof(Derived); }
  void DestroyCell(std::size_t tail_bytes) final {
    static_cast<Derived*>(this)->~Derived();
    FreeFrame(this, sizeof(Derived) + tail_bytes);
  }

  union {
    Work work_;         // until the task is complete
    Result<T> result_;  // afterwards
  };
};

// A spawned future.
template <Future F>
class TaskCell final : public CellOf<TaskCell<F>, F, OutputOf<F>> {
 public:
  using CellOf<TaskCell, F, OutputOf<F>>::CellOf;

  // Queues the first poll.
  void Start() { this->executor().StartTask(this); }

  bool PollWork(F& future, Result<OutputOf<F>>& result, Context& cx) {
    return result.PollFrom(future, cx) != PollState::kPending;
  }
};

// A call that may block its thread.
template <typename Call>
class BlockingCell final : public CellOf<BlockingCell<Call>, Call, std::invoke_result_t<Call&>> {
 public:
  using Value = std::invoke_result_t<Call&>;
  using CellOf<BlockingCell, Call, Value>::CellOf;

  // Queues the call.
  void Start() {
    this->executor().OnTaskSpawned();
    this->executor().ScheduleBlocking(this);
  }

  bool PollWork(Call& call, Result<Value>& result, Context&) {
    try {
      if constexpr (std::is_void_v<Value>) {
        call();
        result.SetValue();
      } else {
        result.SetValue(call());
      }
    } catch (...) {
      result.SetException(std::current_exception());
    }
    return true;
  }
};

}  // namespace future_internal
}  // namespace weft

#endif  // WEFT_FUTURE_INTERNAL_TASK_CELL_H_
