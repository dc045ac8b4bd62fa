// io/internal/task_operation.h — operations of a reactor whose completion wakes a task.
//
// A leaf future owns one CompletionSink and any number of TaskOperations. In each poll it first
// registers its waker with the sink and then looks at its operations, so that no completion falls
// between the two. All methods are called by the task; completions come from the polling thread.
#ifndef WEFT_IO_INTERNAL_TASK_OPERATION_H_
#define WEFT_IO_INTERNAL_TASK_OPERATION_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "base/check.h"
#include "base/mutex.h"
#include "future/waker.h"
#include "reactor/operation.h"
#include "reactor/reactor.h"

namespace weft::io_internal {

// Where completions of one task meet: a lock and the task's waker.
class CompletionSink {
 public:
  // Keeps `waker` for the next completion.
  void Register(const Waker& waker) {
    Waker old;  // Dropped after the lock.
    MutexLock lock(&mu_);
    if (waker_.WillWake(waker)) return;
    old = std::exchange(waker_, waker.Clone());
  }

 private:
  friend class TaskOperation;

  Mutex mu_;
  Waker waker_ ABSL_GUARDED_BY(mu_);
};

// One operation that is submitted again and again. Must not be in flight when destroyed (checked).
class TaskOperation : private Operation {
 public:
  TaskOperation(Reactor* reactor, CompletionSink* sink) : reactor_(reactor), sink_(sink) {
    on_complete = &OnComplete;
  }
  ~TaskOperation() {
    WEFT_CHECK(!in_flight_) << "an I/O future was destroyed while its operation on descriptor "
                            << fd << " is in flight; poll it until it answers";
  }

  // Starts. Precondition: not in flight. `data` belongs to the operation until TakeResult().
  void Submit(OperationKind what, int descriptor, std::byte* data = nullptr, size_t length = 0) {
    kind = what;
    fd = descriptor;
    buffer = data;
    size = length;
    in_flight_ = true;
    cancel_requested_ = false;
    reactor_->Submit(this);
  }

  // Between Submit and a TakeResult that gave a result.
  bool in_flight() const { return in_flight_; }

  // The result, once, if the operation has completed; it is then not in flight any more.
  std::optional<int64_t> TakeResult() {
    if (!in_flight_) return std::nullopt;
    {
      MutexLock lock(&sink_->mu_);
      if (!is_complete_) return std::nullopt;
      is_complete_ = false;
    }
    in_flight_ = false;
    return result;
  }

  // Asks for an early end, once; the result still comes.
  void Cancel() {
    if (!in_flight_ || std::exchange(cancel_requested_, true)) return;
    reactor_->Cancel(this);
  }

 private:
  // The flag and the waker are handled in one critical section: as soon as the task sees the flag
  // it may destroy both this and the sink.
  static void OnComplete(Operation* operation) {
    auto* const self = static_cast<TaskOperation*>(operation);
    CompletionSink* const sink = self->sink_;
    Waker waker;
    {
      MutexLock lock(&sink->mu_);
      self->is_complete_ = true;
      waker = std::exchange(sink->waker_, Waker());
    }
    std::move(waker).Wake();
  }

  Reactor* const reactor_;
  CompletionSink* const sink_;
  bool in_flight_ = false;         // Task only.
  bool cancel_requested_ = false;  // Task only.
  bool is_complete_ = false;       // Under sink_->mu_.
};

}  // namespace weft::io_internal

#endif  // WEFT_IO_INTERNAL_TASK_OPERATION_H_
