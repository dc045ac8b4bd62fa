// nursery/internal/scope_state.h — what a scope shares with its children.
//
// Reference counted: the scope holds one reference and each child one. So the last child may still
// be on its way out of OnChildEnd(), waking the scope's task, while that task on another thread
// already ends the scope; neither touches memory of the other.
#ifndef WEFT_NURSERY_INTERNAL_SCOPE_STATE_H_
#define WEFT_NURSERY_INTERNAL_SCOPE_STATE_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "base/mutex.h"
#include "future/cancel.h"
#include "future/context.h"
#include "future/executor.h"
#include "future/poll.h"
#include "future/task_local.h"
#include "future/waker.h"

namespace weft::nursery_internal {

// How a child, the body or a deferred task ended. At most one of the three is set.
struct End {
  std::exception_ptr exception;
  absl::Status error;
  bool is_stopped = false;
};

// A task that Defer() was given.
class Deferred {
 public:
  virtual ~Deferred() = default;
  // Polls; when the answer is not kPending, `end` says how it ended.
  virtual PollState Poll(Context& cx, End& end) noexcept = 0;
};

class ScopeState {
 public:
  // The state of a scope that is being polled with `cx`.
  ScopeState(const Context& cx, bool cancels_on_error)
      : executor_(cx.executor()),
        cancels_on_error_(cancels_on_error),
        source_(cx.token()),
        locals_(cx) {}
  ScopeState(const ScopeState&) = delete;
  ScopeState& operator=(const ScopeState&) = delete;

  Executor& executor() { return executor_; }
  const CancelToken& token() const { return source_.token(); }
  // What children inherit.
  const TaskLocals& locals() const { return locals_; }
  bool StopRequested() const { return source_.StopRequested(); }

  // Cancels children and body, and wakes the scope's task. Any thread.
  void Cancel();

  // A child is about to be spawned. Precondition (checked): the scope has not closed.
  void OnChildStart();
  // A child's future and its value are destroyed. The last call of a child.
  void OnChildEnd(End end);
  std::size_t live_children();

  // Keeps a task for the end of the scope.
  void AddDeferred(std::unique_ptr<Deferred> deferred);

  // The rest is for the scope's task.

  // Whom to wake when the scope is cancelled, or when its last child ends after Close().
  void SetWaker(const Waker& waker);
  // Cancels the children; the scope itself is being polled.
  void CancelChildren() { source_.Cancel(); }
  // The body or a deferred task has ended.
  void OnOwnEnd(End end);
  // The deadline has passed.
  void OnDeadline();
  // Whether no child is alive; from then on nothing can be spawned. If not, the last child wakes.
  bool Close();
  // The task that was deferred last; null if there is none.
  std::unique_ptr<Deferred> PopDeferred();

  // The first exception, all errors and exceptions as statuses in the order of their ends, and
  // whether a child was stopped. Moves them out: they may refer to what outlives the scope only.
  struct Summary {
    std::exception_ptr exception;
    std::vector<absl::Status> errors;
    bool has_stopped = false;
  };
  Summary TakeSummary();

 private:
  friend class ScopeStateRef;
  ~ScopeState() = default;

  // Returns whether the scope is to be cancelled for it.
  bool Record(End end) noexcept ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  Executor& executor_;
  const bool cancels_on_error_;
  CancelSource source_;
  const TaskLocals locals_;
  std::atomic<uint32_t> references_{1};

  Mutex mutex_;
  std::size_t live_children_ ABSL_GUARDED_BY(mutex_) = 0;
  bool is_joining_ ABSL_GUARDED_BY(mutex_) = false;
  bool is_closed_ ABSL_GUARDED_BY(mutex_) = false;
  Waker waker_ ABSL_GUARDED_BY(mutex_);
  Summary summary_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::unique_ptr<Deferred>> deferred_ ABSL_GUARDED_BY(mutex_);
};

// One reference to a ScopeState.
class ScopeStateRef {
 public:
  // Takes over the reference that a new state starts with.
  explicit ScopeStateRef(ScopeState* state) : state_(state) {}
  ScopeStateRef(const ScopeStateRef& other) : state_(other.state_) {
    // Relaxed: the caller holds a reference already.
    state_->references_.fetch_add(1, std::memory_order_relaxed);
  }
  ScopeStateRef(ScopeStateRef&& other) noexcept : state_(std::exchange(other.state_, nullptr)) {}
  ScopeStateRef& operator=(ScopeStateRef other) noexcept {
    std::swap(state_, other.state_);
    return *this;
  }
  ~ScopeStateRef() {
    // Edge (1): the last dropper sees what the others did with the state.
    if (state_ != nullptr && state_->references_.fetch_sub(1, std::memory_order_acq_rel) == 1) {
      delete state_;
    }
  }

  ScopeState* operator->() const { return state_; }
  ScopeState& operator*() const { return *state_; }

 private:
  ScopeState* state_;
};

}  // namespace weft::nursery_internal

#endif  // WEFT_NURSERY_INTERNAL_SCOPE_STATE_H_
