// runtime/any_runtime.h — what all runtimes have in common.
//
//   Runtime               worker threads (runtime.h)
//   SingleThreadRuntime   everything on the thread that calls BlockOn (single_thread_runtime.h)
//   DeterministicRuntime  one thread, virtual time, simulated I/O, all choices from a seed
//                         (deterministic_runtime.h)
//
// Code that takes an AnyRuntime& can be run by a program on threads and by its tests under a
// thousand schedules. Libraries that neither block nor do I/O of their own take an Executor&.
#ifndef WEFT_RUNTIME_ANY_RUNTIME_H_
#define WEFT_RUNTIME_ANY_RUNTIME_H_

#include <optional>
#include <utility>

#include "absl/functional/function_ref.h"
#include "base/instant.h"
#include "future/cancel.h"
#include "future/context.h"
#include "future/executor.h"
#include "future/future.h"
#include "future/spawn.h"
#include "future/task_registry.h"
#include "reactor/reactor.h"

namespace weft {

class AnyRuntime;

namespace runtime_internal {

// A runtime, but for the class of what is scheduled.
class PriorityView final : public Executor {
 public:
  PriorityView(AnyRuntime* runtime, TaskPriority priority)
      : runtime_(*runtime), priority_(priority) {}

  void Schedule(Runnable* runnable, ScheduleHint hint) override;
  void ScheduleBlocking(Runnable* job) override;
  Instant Now() override;
  TimerService& timers() override;
  const CancelToken& token() override;
  void OnTaskSpawned() override;
  void OnTaskFinished() override;
  Executor& WithPriority(TaskPriority priority) override;
  ForkQueue* forks() override;
  int CurrentWorker() const override;

 private:
  friend class weft::AnyRuntime;

  AnyRuntime& runtime_;
  const TaskPriority priority_;
};

}  // namespace runtime_internal

// See the head of the file.
class AnyRuntime : public Executor {
 public:
  // Runs `future` as a task and gives its result when it has ended; the calling thread blocks or
  // lends itself until then. Not from inside a task of the runtime (checked). A task that is
  // cancelled gives absl::CancelledError; an exception of the future is rethrown.
  template <Future F>
  JoinResult<OutputOf<F>> BlockOn(F future) {
    CheckMayBlock("BlockOn");
    JoinHandle<OutputOf<F>> handle = Spawn(*this, std::move(future));
    std::optional<JoinResult<OutputOf<F>>> result;
    RunUntil([&](Context& cx) {
      auto poll = handle.poll(cx);
      if (poll.IsReady()) result.emplace(std::move(poll).value());
      return result.has_value();
    });
    return *std::move(result);
  }

  // Where to submit I/O. Its Poll() is called by the runtime alone.
  virtual Reactor& reactor() = 0;

  // Executor.
  Executor& WithPriority(TaskPriority priority) final {
    if (priority == TaskPriority::kNormal) return *this;
    return priority == TaskPriority::kHigh ? high_ : low_;
  }

 protected:
  // kOn: all tasks are listed, of each class.
  explicit AnyRuntime(TaskTracking track_tasks) {
    if (track_tasks == TaskTracking::kOff) return;
    registry_.emplace();
    ListTasksIn(&*registry_);
    high_.ListTasksIn(&*registry_);
    low_.ListTasksIn(&*registry_);
  }

  // Stops the program, naming `method`, if the caller is a task of this runtime.
  virtual void CheckMayBlock(const char* method) const = 0;
  // Calls is_done(cx) at once and again after each wake of cx.waker(), until it returns true.
  virtual void RunUntil(absl::FunctionRef<bool(Context&)> is_done) = 0;
  // Queues `runnable` behind all others of its class, which is not kNormal.
  virtual void ScheduleInClass(TaskPriority priority, Runnable* runnable) = 0;

 private:
  friend class runtime_internal::PriorityView;

  std::optional<TaskRegistry> registry_;
  runtime_internal::PriorityView high_{this, TaskPriority::kHigh};
  runtime_internal::PriorityView low_{this, TaskPriority::kLow};
};

namespace runtime_internal {

inline void PriorityView::Schedule(Runnable* runnable, ScheduleHint) {
  runtime_.ScheduleInClass(priority_, runnable);
}
inline void PriorityView::ScheduleBlocking(Runnable* job) { runtime_.ScheduleBlocking(job); }
inline Instant PriorityView::Now() { return runtime_.Now(); }
inline TimerService& PriorityView::timers() { return runtime_.timers(); }
inline const CancelToken& PriorityView::token() { return runtime_.token(); }
inline void PriorityView::OnTaskSpawned() { runtime_.OnTaskSpawned(); }
inline void PriorityView::OnTaskFinished() { runtime_.OnTaskFinished(); }
inline Executor& PriorityView::WithPriority(TaskPriority priority) {
  return runtime_.WithPriority(priority);
}
inline ForkQueue* PriorityView::forks() { return runtime_.forks(); }
inline int PriorityView::CurrentWorker() const { return runtime_.CurrentWorker(); }

}  // namespace runtime_internal
}  // namespace weft

#endif  // WEFT_RUNTIME_ANY_RUNTIME_H_
