// future/internal/task_cell.h — a spawned future with its run state, its wakers and its result.
//
// The future is destroyed before the result that takes its place is published. cell_base.h has what
// does not depend on its type.
#ifndef WEFT_FUTURE_INTERNAL_TASK_CELL_H_
#define WEFT_FUTURE_INTERNAL_TASK_CELL_H_

#include <cstddef>
#include <cstring>
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
#include "future/await_chain.h"
#include "future/cancel.h"
#include "future/context.h"
#include "future/executor.h"
#include "future/frame_cache.h"
#include "future/future.h"
#include "future/internal/cell_base.h"
#include "future/internal/result.h"
#include "future/internal/status_traits.h"
#include "future/poll.h"
#include "future/run_next.h"

namespace weft {
namespace future_internal {

// Stops the program: out of line, since every join looks for it.
[[noreturn]] void FailJoinedTwice();

// What the joiner of a cancelled task gets.
absl::Status CancelledTask();

template <typename T>
struct JoinResultOf {
  using Type = typename StatusTraits<T>::WithStatus;
};

// What objects of one class have in common. The ABI of all compilers: an object that has virtual
// functions begins with the address of their table.
inline const void* TypeOf(const Runnable& runnable) {
  const void* type;
  std::memcpy(&type, static_cast<const void*>(&runnable), sizeof(type));
  return type;
}

// For SetJoined(): an exception, or that the task was cancelled.
template <typename T, typename Joined>
[[gnu::noinline]] void SetJoinedWithoutValue(Result<T>& result, Result<Joined>& joined) noexcept {
  if (result.HasException()) {
    joined.SetException(result.exception());
  } else {
    joined.SetValue(CancelledTask());
  }
}

// Leaves in `joined`, unset before, what a joiner gets of a result.
template <typename T, typename Joined>
[[gnu::always_inline]] inline void SetJoined(Result<T>& result, Result<Joined>& joined) noexcept {
  if (!result.HasValue()) [[unlikely]]
    return SetJoinedWithoutValue(result, joined);
  if constexpr (std::is_void_v<T>) {
    joined.SetValue(absl::OkStatus());
  } else {
    try {
      joined.SetValue(std::move(result.value()));
    } catch (...) {
      joined.SetException(std::current_exception());
    }
  }
}

// A cell with the type of its result.
template <typename T>
class JoinState : public CellBase {
 public:
  // Precondition: IsComplete().
  virtual Result<T>& result() = 0;

  // The handle's, who has taken the task: a run. Whether it has ended and the cell is gone; then
  // `joined`, unset before, is what the joiner gets, and the caller has to count the end. If not,
  // the handle goes on as ever.
  [[nodiscard]] virtual bool RunForHandle(
      Result<typename JoinResultOf<T>::Type>& joined) noexcept = 0;

 protected:
  using CellBase::CellBase;

  static TaskStatus OutcomeOf(const Result<T>& result) {
    if (result.IsStopped()) return TaskStatus::kCancelled;
    return result.HasException() ? TaskStatus::kFailed : TaskStatus::kCompleted;
  }
};

// A cell that holds a Work until there is a result, and then that instead. Derived::PollWork(work,
// result, cx) returns whether the work has ended, and sets the result.
template <typename Derived, typename Work, typename T>
class CellOf : public JoinState<T> {
 public:
  static Derived* Make(Executor& executor, Work&& work, std::source_location location) {
    return Make(executor, std::move(work), location, nullptr, {});
  }
  // With a token and a name, or neither. Inlined, so that without them they cost nothing.
  [[gnu::always_inline]] static Derived* Make(Executor& executor, Work&& work,
                                              std::source_location location, CancelToken* token,
                                              std::string_view name) {
    if (executor.task_registry() != nullptr || !name.empty()) [[unlikely]]
      return MakeWithTail(executor, std::move(work), location, token, name);
    return MakeIn(AllocateFrame(sizeof(Derived)), sizeof(Derived), executor, token,
                  std::move(work));
  }

  Runnable::Leaves RunAt(Executor* home) noexcept final {
    if constexpr (kIsChain) {
      return RunChainsAt(home);
    } else {
      LateResult late;
      const Polled polled = PollTo(late.result);
      if (polled == Polled::kAgain) return LeaveYield(home);
      if (polled == Polled::kPending) return {};
      return End(late.result, home);
    }
  }

  bool RunForHandle(Result<typename JoinResultOf<T>::Type>& joined) noexcept final {
    Result<T> result;
    const Polled polled = PollTo(result);
    if (polled != Polled::kEnded || !this->IsOnlyTheHandles()) [[unlikely]] {
      if (polled == Polled::kAgain) this->Yield();
      if (polled == Polled::kEnded) Publish(result);
      return false;
    }
    SetJoined(result, joined);
    Free();
    return true;
  }

  Result<T>& result() final { return result_; }

  RunnableLabel label() const final { return {.name = this->name(), .type = &typeid(Work)}; }

  void VisitAwaits(AwaitVisitor& visitor) const final {
    if constexpr (Future<Work>) visitor.Visit(work_);
  }

 protected:
  CellOf(Executor& executor, CancelToken* token, Work&& work)
      : JoinState<T>(executor, CellBase::Token(executor, token)), work_(std::move(work)) {}
  ~CellOf() {}  // work and result end before

 private:
  using Leaves = Runnable::Leaves;
  using Polled = CellBase::Polled;
  using ChainPolls = CellBase::ChainPolls;

  // A result that is destroyed only where the work has ended: else there is nothing to destroy.
  union LateResult {
    LateResult() : result() {}
    ~LateResult() {}
    Result<T> result;
  };

  // Whether the work is a Task.
  static constexpr bool kIsChain = requires(Work& work, Result<T>& result, Chain::Driver& driver) {
    work.PollInto(result, driver);
  };

  // Runs once. Work that has ended is destroyed.
  [[gnu::always_inline]] Polled PollTo(Result<T>& result) {
    return this->RunOnce([&](Context& cx)
                             __attribute__((always_inline)) { return PollWorkTo(result, cx); });
  }
  [[gnu::always_inline]] bool PollWorkTo(Result<T>& result, auto& poller) {
    if (!static_cast<Derived*>(this)->PollWork(work_, result, poller)) return false;
    work_.~Work();
    return true;
  }

  // The way of tasks that give way to one another: a run goes on with the next one, if that is of
  // the same kind, because most of what it needs is there then.
  [[gnu::always_inline]] Leaves RunChainsAt(Executor* home) {
    // Once another thread can have this cell, it may be gone.
    Executor& executor = this->executor();
    const void* const type = TypeOf(*this);
    CellOf* cell = this;
    LateResult late;
    ChainPolls polls(*this);
    while (true) {
      const Polled polled =
          cell->RunOnce(polls, [&](Chain::Driver& driver) __attribute__((always_inline)) {
            return cell->PollWorkTo(late.result, driver);
          });
      if (polled == Polled::kEnded) return cell->End(late.result, home);
      if (polled == Polled::kPending) return {};
      Runnable* const next = home == &executor ? home->GiveWay(cell) : nullptr;
      if (next == nullptr) return cell->LeaveYield(home);
      if (TypeOf(*next) != type) return {Leaves::kNext, next};
      cell = static_cast<CellOf*>(next);
      if (&cell->executor() != home) return {Leaves::kNext, next};
      polls.TurnTo(*cell);
    }
  }

  Leaves LeaveYield(Executor* home) {
    if (home == &this->executor()) return {Leaves::kYield, this};
    this->Yield();
    return {};
  }

  // The task has ended, and nothing is left but its result.
  [[gnu::always_inline]] Leaves End(Result<T>& result, Executor* home) {
    Executor& executor = this->executor();
    const bool is_only_the_runs = this->IsOnlyTheRuns();
    is_only_the_runs ? Free() : Publish(result);
    // The result is gone, too, before that is counted.
    std::destroy_at(&result);
    if (!is_only_the_runs) return {};
    if (home == &executor) return {Leaves::kEnd};
    executor.OnTaskFinished();
    return {};
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

  [[gnu::always_inline]] static Derived* MakeIn(void* memory, std::size_t bytes, Executor& executor,
                                                CancelToken* token, Work&& work) {
    if constexpr (std::is_nothrow_move_constructible_v<Work>) {
      return ::new (memory) Derived(executor, token, std::move(work));
    } else {
      try {
        return ::new (memory) Derived(executor, token, std::move(work));
      } catch (...) {
        FreeFrame(memory, bytes);
        throw;
      }
    }
  }
  // A cell that is listed, or has a name.
  [[gnu::noinline]] static Derived* MakeWithTail(Executor& executor, Work&& work,
                                                 std::source_location location, CancelToken* token,
                                                 std::string_view name) {
    const bool is_listed = executor.task_registry() != nullptr;
    const std::size_t bytes = sizeof(Derived) + CellBase::TailBytes(is_listed, name);
    Derived* const cell = MakeIn(AllocateFrame(bytes), bytes, executor, token, std::move(work));
    if (is_listed) cell->MakeRecord(location);
    if (!name.empty()) cell->SetName(name);
    if (is_listed) cell->EnterRegistry();
    return cell;
  }

  std::size_t bytes() const final { return sizeof(Derived); }
  void DestroyCell() final {
    result_.~Result<T>();
    Free();
  }
  // Of a cell that has neither work nor result. What it is beside these has nothing to be destroyed
  // unless it is special.
  [[gnu::always_inline]] void Free() {
    if (this->IsSpecial()) [[unlikely]]
      return FreeSpecial();
    FreeFrame(this, sizeof(Derived));
  }
  [[gnu::noinline]] void FreeSpecial() {
    const std::size_t tail_bytes = this->TailBytes();
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
  void Start() {
    Executor& executor = this->executor();
    if (!ThisRunNext().TryStart(executor, this)) executor.StartTask(this);
  }

  [[gnu::always_inline]] bool PollWork(F& future, Result<OutputOf<F>>& result, Context& cx) {
    return result.PollFrom(future, cx) != PollState::kPending;
  }
  [[gnu::always_inline]] bool PollWork(F& future, Result<OutputOf<F>>& result,
                                       Chain::Driver& driver) {
    return future.PollInto(result, driver) != PollState::kPending;
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
