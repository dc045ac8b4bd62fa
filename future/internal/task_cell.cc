#include "future/internal/task_cell.h"

namespace weft::future_internal {

const Waker::VTable CellBase::kWakerVTable = {
    .add_ref =
        [](void* cell) {
          // Relaxed: the caller holds a reference already.
          static_cast<CellBase*>(cell)->references_.fetch_add(1, std::memory_order_relaxed);
        },
    .drop = [](void* cell) { static_cast<CellBase*>(cell)->Release(); },
    .wake = [](void* cell) { static_cast<CellBase*>(cell)->Wake(); },
};

bool CellBase::IsFinished(const Waker& waker) {
  Waker previous;  // dropped after the lock
  MutexLock lock(&mutex_);
  if (!is_finished_ && !joiner_.WillWake(waker)) {
    previous = std::move(joiner_);
    joiner_ = waker.Clone();
  }
  return is_finished_;
}

bool CellBase::IsFinished() {
  MutexLock lock(&mutex_);
  return is_finished_;
}

void CellBase::Detach() {
  {
    Waker previous;
    MutexLock lock(&mutex_);
    previous = std::move(joiner_);
  }
  Release();
}

void CellBase::RequestStop() {
  stop_requested_.store(true, std::memory_order_release);  // (4)
  Wake();
}

Waker CellBase::MakeWaker() {
  kWakerVTable.add_ref(this);
  return Waker(&kWakerVTable, this);
}

void CellBase::Wake() {
  const uint32_t before = state_.fetch_or(kNotified, std::memory_order_acq_rel);  // (1), (2)
  if (before != 0) return;  // queued, running or done: whoever runs it has seen or will see the bit
  references_.fetch_add(1, std::memory_order_relaxed);
  executor_.Schedule(this, ScheduleHint::kWake);
}

void CellBase::EndPollPending() {
  uint32_t expected = kRunning;
  if (state_.compare_exchange_strong(expected, 0, std::memory_order_acq_rel,  // (2)
                                     std::memory_order_relaxed)) {
    Release();
    return;
  }
  // Woken during the poll. The reference of the run becomes the queue's. An exchange, not a store:
  // it continues the release sequence of wakers that came in between.
  state_.exchange(kNotified, std::memory_order_acq_rel);  // (1)
  executor_.Schedule(this, ScheduleHint::kYield);
}

void CellBase::Finish() {
  state_.store(kDone, std::memory_order_release);  // (2): nobody polls any more
  Waker joiner;
  {
    MutexLock lock(&mutex_);
    is_finished_ = true;
    joiner = std::move(joiner_);
  }
  std::move(joiner).Wake();
  Executor& executor = executor_;
  Release();
  executor.OnTaskFinished();
}

void CellBase::Release() {
  if (references_.fetch_sub(1, std::memory_order_acq_rel) == 1) delete this;  // (3)
}

}  // namespace weft::future_internal
