// future/internal/task_cell.h — a spawned future with its run state, its wakers and its result.
//
// Life of a cell, as its run-state word (bits):
//
//   kNotified               queued
//   kRunning                polled by a worker
//   kRunning | kNotified    polled, and woken meanwhile: queued again after this poll
//   0                       waits for a wake
//   kDone                   finished; wakes are ignored. Terminal.
//
// References: one for being queued or polled, one for each Waker, one for the JoinHandle, one for
// the registration with the token (as a Waker).
//
// Happens-before edges:
//   (1) wake (fetch_or, release) -> start of the poll that it causes (exchange, acquire): what the
//       waker's thread did is seen.
//   (2) end of a poll (CAS or exchange, release) -> wake that queues again (fetch_or, acquire) ->
//       next poll: polls are ordered.
//   (3) drop of a reference (acq_rel): the last dropper sees all uses.
//   (4) RequestStop (store, release) -> poll (load, acquire): what the canceller did is seen.
#ifndef WEFT_FUTURE_INTERNAL_TASK_CELL_H_
#define WEFT_FUTURE_INTERNAL_TASK_CELL_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/check.h"
#include "base/mutex.h"
#include "future/cancel.h"
#include "future/context.h"
#include "future/executor.h"
#include "future/future.h"
#include "future/internal/result.h"
#include "future/internal/status_traits.h"
#include "future/poll.h"
#include "future/waker.h"

namespace weft::future_internal {

// The part of a cell that does not depend on the future: state word, references, scheduling,
// joining.
class CellBase : public Runnable {
 public:
  CellBase(const CellBase&) = delete;
  CellBase& operator=(const CellBase&) = delete;

  // Whether the result is published; if not, keeps `waker` (cloned) for the moment when it is.
  bool IsFinished(const Waker& waker);
  // Whether the result is published.
  bool IsFinished();
  // Drops the JoinHandle's reference and its waker.
  void Detach();
  // Makes every further poll see a stop request, and wakes the task.
  void RequestStop();

 protected:
  // Starts with two references: the handle's and the queue's.
  explicit CellBase(Executor& executor) : executor_(executor) {}
  virtual ~CellBase() = default;

  Executor& executor() { return executor_; }
  // Edge (4).
  bool stop_requested() const { return stop_requested_.load(std::memory_order_acquire); }

  // A waker that owns a reference of its own.
  Waker MakeWaker();
  // Polling is about to begin. Edge (1).
  void BeginPoll() { state_.exchange(kRunning, std::memory_order_acq_rel); }
  // The poll ended pending: waits, or queues itself again. The cell may be gone afterwards.
  void EndPollPending();
  // The future is destroyed and the result is set: publishes it, and drops the reference of the
  // run.
  void Finish();
  // Drops one reference.
  void Release();

 private:
  static constexpr uint32_t kNotified = 1;
  static constexpr uint32_t kRunning = 2;
  static constexpr uint32_t kDone = 4;

  static const Waker::VTable kWakerVTable;

  void Wake();

  Executor& executor_;
  std::atomic<uint32_t> state_{kNotified};
  std::atomic<uint32_t> references_{2};
  std::atomic<bool> stop_requested_{false};
  Mutex mutex_;
  bool is_finished_ ABSL_GUARDED_BY(mutex_) = false;
  Waker joiner_ ABSL_GUARDED_BY(mutex_);
};

// A cell with the type of its result.
template <typename T>
class JoinState : public CellBase {
 public:
  // Precondition: IsFinished().
  Result<T>& result() { return result_; }

 protected:
  using CellBase::CellBase;

  Result<T> result_;  // written by the run, read after IsFinished()
};

// Drops a handle's reference at the end of a scope.
struct DetachState {
  void operator()(CellBase* state) const { state->Detach(); }
};

template <typename T>
struct JoinResultOf {
  using Type = typename StatusTraits<T>::WithStatus;
};

// Drops the handle's reference and gives the result; rethrows the task's exception.
template <typename T>
typename JoinResultOf<T>::Type TakeJoinResult(JoinState<T>* state) {
  // Also when moving the value throws.
  const std::unique_ptr<JoinState<T>, DetachState> reference(state);
  Result<T>& result = state->result();
  if (result.IsStopped()) return absl::CancelledError("the task was cancelled before it finished");
  if constexpr (std::is_void_v<T>) {
    result.Take();
    return absl::OkStatus();
  } else {
    return result.Take();
  }
}

// A spawned future.
template <Future F>
class TaskCell final : public JoinState<OutputOf<F>> {
 public:
  TaskCell(Executor& executor, CancelToken token, F future)
      : JoinState<OutputOf<F>>(executor), token_(std::move(token)), future_(std::move(future)) {}
  // The last reference went while the task waits: it would be counted as alive for ever.
  ~TaskCell() override {
    WEFT_CHECK(!future_) << "a task waits and nothing can wake it any more: its future answered "
                            "kPending without keeping the waker (or lost it), and its token cannot "
                            "be cancelled; keep cx.waker().Clone()";
  }

  // Queues the first poll.
  void Start() {
    registration_.Register(token_, this->MakeWaker());
    this->executor().StartTask(this);
  }

  void Run() noexcept override {
    this->BeginPoll();
    PollState state;
    {
      const Waker waker = this->MakeWaker();
      Context cx(waker, token_, &this->executor());
      if (this->stop_requested()) cx = cx.WithStop();
      state = this->result_.PollFrom(*future_, cx);
    }
    if (state == PollState::kPending) {
      this->EndPollPending();
      return;
    }
    future_.reset();
    registration_.Unregister();
    this->Finish();
  }

 private:
  const CancelToken token_;
  CancelRegistration registration_;
  std::optional<F> future_;
};

// A call that may block its thread.
template <typename Call>
class BlockingCell final : public JoinState<std::invoke_result_t<Call&>> {
 public:
  BlockingCell(Executor& executor, Call call)
      : JoinState<std::invoke_result_t<Call&>>(executor), call_(std::move(call)) {}

  // Queues the call.
  void Start() {
    this->executor().OnTaskSpawned();
    this->executor().ScheduleBlocking(this);
  }

  void Run() noexcept override {
    this->BeginPoll();
    try {
      if constexpr (std::is_void_v<std::invoke_result_t<Call&>>) {
        (*call_)();
        this->result_.SetValue();
      } else {
        this->result_.SetValue((*call_)());
      }
    } catch (...) {
      this->result_.SetException(std::current_exception());
    }
    call_.reset();
    this->Finish();
  }

 private:
  std::optional<Call> call_;
};

}  // namespace weft::future_internal

#endif  // WEFT_FUTURE_INTERNAL_TASK_CELL_H_
