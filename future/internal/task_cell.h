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
#include <source_location>
#include <string_view>
#include <type_traits>
#include <typeinfo>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/atomics.h"
#include "base/check.h"
#include "future/await_chain.h"
#include "future/cancel.h"
#include "future/context.h"
#include "future/executor.h"
#include "future/frame_cache.h"
#include "future/future.h"
#include "future/internal/result.h"
#include "future/internal/status_traits.h"
#include "future/internal/task_record.h"
#include "future/internal/task_state.h"
#include "future/poll.h"
#include "future/task_registry.h"
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

  void Run() noexcept final { (void)RunAt(nullptr); }

  // The handle's. All may be called while the task runs.

  // Whether the result is published.
  bool IsComplete() const { return state_.IsComplete(); }
  // Like IsComplete(); if not, `waker` is woken when it is.
  bool PollJoin(const Waker& waker) { return state_.PollJoin(waker); }
  // Whether the caller is to run the task, which this thread would have run next.
  bool TakeIfNext() { return executor_.TakeIfNext(this); }
  // Makes every further poll see a stop request, and wakes the task.
  void RequestStop() { Do(state_.RequestStop()); }
  // Drops the handle's reference and its waker.
  void DropHandle();
  TaskStatus status() const;
  // Empty if it has none.
  std::string_view name() const;

  // For dumps. The caller keeps the cell alive by a waker of it.

  Waker MakeWaker() {
    state_.AddWaker();
    return Waker(&kWakerVTable, this);
  }
  // Takes the task if it waits, so that VisitAwaits() may look at it; wakes are kept until
  // GiveBack().
  bool TryClaim() { return state_.TryClaim(); }
  void GiveBack() { Do(state_.EndPoll()); }
  virtual void VisitAwaits(AwaitVisitor& visitor) const = 0;
  const CancelToken& token() const { return token_; }
  // Precondition: the executor lists its tasks.
  TaskRecord& record() const { return *reinterpret_cast<TaskRecord*>(tail()); }

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

  // What a record and a name take behind the cell; what this cell has there.
  static std::size_t TailBytes(bool is_listed, std::string_view name) {
    return (is_listed ? sizeof(TaskRecord) : 0) +
           (name.empty() ? 0 : sizeof(std::size_t) + name.size());
  }
  std::size_t TailBytes() const {
    return is_listed_ || is_named_ ? TailBytes(is_listed_, name()) : 0;
  }
  // These before the start, in this order: puts a record behind the cell; copies the name there;
  // lists the task.
  void MakeRecord(std::source_location location);
  void SetName(std::string_view name);
  void EnterRegistry() { executor_.task_registry()->Add(record()); }

  // Destroys and frees the cell, with its tail.
  virtual void DestroyCell(std::size_t tail_bytes) = 0;

  // The size of the whole cell.
  virtual std::size_t bytes() const = 0;

  Executor& executor() { return executor_; }

  // What came of one poll.
  enum class Polled : unsigned char {
    kEnded,    // the future
    kAgain,    // it asked for another poll: the caller queues the task, which stayed active
    kPending,  // the run is over: the task waits, or is queued; the cell may be gone
  };

  // Polls once by `poll(cx)`, which returns whether the future has ended. Inlined: the way of each
  // run goes through here.
  template <typename PollOnce>
  [[gnu::always_inline]] Polled RunOnce(PollOnce&& poll) {
    const bool is_stopped = state_.BeginPoll();
    SetStatus(TaskStatus::kRunning);
    if (is_listed_) [[unlikely]]
      RecordPollBegin();
    const BorrowedWaker waker(&kWakerVTable, this);
    bool again = false;
    Context cx(waker.get(), token_, &executor_, &again);
    if (is_stopped) [[unlikely]]
      cx = cx.WithStop();
    const bool has_ended = poll(cx);
    if (is_listed_) [[unlikely]]
      RecordPollEnd(has_ended);
    if (has_ended) {
      if (is_registered_) [[unlikely]]
        Unregister();
      return Polled::kEnded;
    }
    SetStatus(TaskStatus::kWaiting);
    // A task that stays active is not touched by wakes of this moment.
    if (again) return Polled::kAgain;
    EndPollPending();
    return Polled::kPending;
  }

  void Yield() { executor_.Schedule(this, ScheduleHint::kYield); }

  // Before Finish(): how the future ended.
  void SetStatus(TaskStatus status) { status_.store(status, std::memory_order_relaxed); }

  // For a run inside a call of the handle, when the future has ended: whether nobody but the handle
  // refers to the task.
  bool IsOnlyTheHandles() const { return state_.IsOnlyTheHandles(); }
  // The future is destroyed, result and outcome are set: publishes them and ends the run. The cell
  // may be gone afterwards.
  void Finish();

 private:
  using State = TaskState<StdAtomics>;

  static const Waker::VTable kWakerVTable;

  static Waker TakeRegisteredWaker(CancelEntry* entry);
  // The poll ended pending: waits, or queues itself again. The cell may be gone afterwards.
  void EndPollPending();
  // The future has ended: its token forgets the task, before it is complete, because what waits for
  // the end may rely on it.
  void Unregister();
  void RecordPollBegin();
  // A task that has ended is listed no more: before somebody asks who refers to it.
  void RecordPollEnd(bool has_ended);
  void Do(State::Then then);
  void Destroy();
  // The record, if the task is listed; the name's length, then the name.
  char* tail() const { return reinterpret_cast<char*>(const_cast<CellBase*>(this)) + bytes(); }
  char* name_tail() const { return tail() + (is_listed_ ? sizeof(TaskRecord) : 0); }

  [[no_unique_address]] State state_;                     // the next five share its last word
  std::atomic<TaskStatus> status_{TaskStatus::kWaiting};  // the run's; relaxed: for looking on
  bool is_registered_ = false;                            // the run's, once started
  const bool owns_token_ : 1;                             // these three: constant once started
  bool is_named_ : 1 = false;
  bool is_listed_ : 1 = false;
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

  // The handle's, after TakeIfNext(): a run of the task. Whether it has ended and the cell is gone;
  // then `result`, unset before, is what it ended with. If not, the handle goes on as ever.
  [[nodiscard]] virtual bool RunForHandle(Result<T>& result) noexcept = 0;

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

// Stops the program: out of line, since every join looks for it.
[[noreturn]] void FailJoinedTwice();

// What the joiner of a cancelled task gets.
absl::Status CancelledTask();

template <typename T>
struct JoinResultOf {
  using Type = typename StatusTraits<T>::WithStatus;
};

// What a joiner gets of a result; rethrows the task's exception.
template <typename T>
typename JoinResultOf<T>::Type ToJoinResult(Result<T>& result) {
  if (result.IsStopped()) [[unlikely]]
    return CancelledTask();
  if constexpr (std::is_void_v<T>) {
    result.Take();
    return absl::OkStatus();
  } else {
    return result.Take();
  }
}

// Drops the handle's reference and gives the result; rethrows the task's exception.
template <typename T>
typename JoinResultOf<T>::Type TakeJoinResult(JoinState<T>* state) {
  // Also when moving the value throws.
  const std::unique_ptr<JoinState<T>, DropHandleOf> reference(state);
  return ToJoinResult(state->result());
}

// A cell that holds a Work until there is a result, and then that instead. Derived::PollWork(work,
// result, cx) returns whether the work has ended, and sets the result.
template <typename Derived, typename Work, typename T>
class CellOf : public JoinState<T> {
 public:
  // Inlined, so that without token and name they cost nothing.
  static Derived* Make(Executor& executor, Work&& work, std::source_location location) {
    return Make(executor, std::move(work), location, nullptr, {});
  }
  // With a token and a name, or neither.
  [[gnu::always_inline]] static Derived* Make(Executor& executor, Work&& work,
                                              std::source_location location, CancelToken* token,
                                              std::string_view name) {
    const bool is_listed = executor.task_registry() != nullptr;
    const std::size_t bytes = sizeof(Derived) + CellBase::TailBytes(is_listed, name);
    void* const memory = AllocateFrame(bytes);
    try {
      auto* const cell = ::new (memory) Derived(executor, token, std::move(work));
      if (is_listed) [[unlikely]]
        cell->MakeRecord(location);
      if (!name.empty()) cell->SetName(name);
      if (is_listed) [[unlikely]]
        cell->EnterRegistry();
      return cell;
    } catch (...) {
      FreeFrame(memory, bytes);
      throw;
    }
  }

  bool RunAt(Executor* home) noexcept final {
    Result<T> result;
    switch (PollTo(result)) {
      case Polled::kEnded:
        Publish(result);
        break;
      case Polled::kAgain:
        if (home == &this->executor()) return true;
        this->Yield();
        break;
      case Polled::kPending:
        break;
    }
    return false;
  }

  bool RunForHandle(Result<T>& result) noexcept final {
    const Polled polled = PollTo(result);
    if (polled == Polled::kAgain) this->Yield();
    if (polled != Polled::kEnded) return false;
    if (!this->IsOnlyTheHandles()) {
      Publish(result);
      return false;
    }
    Executor& executor = this->executor();
    ::new (&result_) Result<T>();
    DestroyCell(this->TailBytes());
    executor.OnTaskFinished();
    return true;
  }

  Result<T>& result() final { return result_; }

  RunnableLabel label() const final { return {.name = this->name(), .type = &typeid(Work)}; }

  void VisitAwaits(AwaitVisitor& visitor) const final {
    if constexpr (Future<Work>) visitor.Visit(work_);
  }

 protected:
  CellOf(Executor& executor, CancelToken* token, Work&& work)
      : JoinState<T>(executor, token), work_(std::move(work)) {}
  ~CellOf() { result_.~Result<T>(); }

 private:
  using Polled = CellBase::Polled;

  // Runs once. Work that has ended is destroyed.
  [[gnu::always_inline]] Polled PollTo(Result<T>& result) {
    return this->RunOnce([&](Context& cx) {
      if (!static_cast<Derived*>(this)->PollWork(work_, result, cx)) return false;
      work_.~Work();
      return true;
    });
  }

  void Publish(Result<T>& result) noexcept {
    try {
      ::new (&result_) Result<T>(std::move(result));
    } catch (...) {
      ::new (&result_) Result<T>();
      result_.SetException(std::current_exception());
    }
    this->SetStatus(this->OutcomeOf(result_));
    this->Finish();
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
