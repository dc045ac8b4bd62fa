#include "future/internal/task_cell.h"

#include <cstring>

namespace weft::future_internal {
const Waker::VTable CellBase::kWakerVTable = {
    .add_ref = [](void* cell) { static_cast<CellBase*>(cell)->state_.AddWaker(); },
    .drop =
        [](void* cell) {
          auto* const self = static_cast<CellBase*>(cell);
          self->Do(self->state_.DropWaker());
        },
    .wake =
        [](void* cell) {
          auto* const self = static_cast<CellBase*>(cell);
          self->Do(self->state_.Wake());
        },
    .wake_and_drop =
        [](void* cell) {
          auto* const self = static_cast<CellBase*>(cell);
          self->Do(self->state_.WakeAndDrop());
        },
};

void CellBase::DropHandle() {
  // The waker is dropped last: that may run foreign code.
  const auto [joiner, then] = state_.DropHandle();
  Do(then);
}

TaskStatus CellBase::status() const {
  const bool is_complete = state_.IsComplete();
  const TaskStatus status = status_.load(std::memory_order_relaxed);
  // Between the end of the future and the end of the run.
  if (!is_complete && status != TaskStatus::kWaiting) return TaskStatus::kRunning;
  return status;
}

void CellBase::EndPollPending() {
  // Only tasks that wait need to be woken by their token. If it is cancelled by now, it wakes.
  if (!is_registered_ && token_.CanBeCancelled()) {
    is_registered_ = true;
    state_.AddWaker();
    Link(token_);
  }
  switch (state_.EndPoll()) {
    case State::Then::kNothing:
      return;
    case State::Then::kSchedule:
      executor_.Schedule(this, ScheduleHint::kYield);
      return;
    case State::Then::kDestroy:
      Destroy();
  }
}

void CellBase::Unregister() { Unlink(token_).Reset(); }

void CellBase::Finish() {
  Executor& executor = executor_;
  {
    auto [joiner, then] = state_.Complete();
    if (then == State::Then::kDestroy) Destroy();
    std::move(joiner).Wake();
  }
  executor.OnTaskFinished();
}

void FailJoinedTwice() {
  WEFT_FATAL() << "JoinHandle: polled after it was moved from, detached or finished";
}

absl::Status CancelledTask() {
  return absl::CancelledError("the task was cancelled before it finished");
}

Waker CellBase::TakeRegisteredWaker(CancelEntry* entry) {
  return Waker(&kWakerVTable, static_cast<CellBase*>(entry));
}

void CellBase::Do(State::Then then) {
  switch (then) {
    case State::Then::kNothing:
      return;
    case State::Then::kSchedule:
      executor_.Schedule(this, ScheduleHint::kWake);
      return;
    case State::Then::kDestroy:
      Destroy();
  }
}

void CellBase::Destroy() {
  WEFT_CHECK(status_.load(std::memory_order_relaxed) != TaskStatus::kWaiting)
      << "a task waits and nothing can wake it any more: its future answered kPending without "
         "keeping the waker (or lost it), and its token cannot be cancelled; keep "
         "cx.waker().Clone()";
  DestroyCell();
}

void CellBase::MakeRecord(std::source_location location) {
  ::new (tail()) TaskRecord(this, location, executor_.Now());
  flags_ |= kListed;
}

void CellBase::RecordPollBegin() {
  TaskRecord& own = record();
  own.worker.store(executor_.CurrentWorker(), std::memory_order_relaxed);
  own.polls.store(own.polls.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  own.changed.store(executor_.Now(), std::memory_order_relaxed);
}

void CellBase::RecordPollEnd(bool has_ended) {
  if (has_ended) return executor_.task_registry()->Remove(record());
  record().changed.store(executor_.Now(), std::memory_order_relaxed);
}

void CellBase::SetName(std::string_view name) {
  flags_ |= kNamed;
  const std::size_t length = name.size();
  std::memcpy(name_tail(), &length, sizeof(length));
  std::memcpy(name_tail() + sizeof(length), name.data(), length);
}

std::string_view CellBase::name() const {
  if ((flags_ & kNamed) == 0) return {};
  std::size_t length;
  std::memcpy(&length, name_tail(), sizeof(length));
  return {name_tail() + sizeof(length), length};
}

}  // namespace weft::future_internal
