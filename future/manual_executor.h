// future/manual_executor.h — an executor for tests: one thread, a virtual clock, nothing happens by
// itself.
//
//   weft::ManualExecutor executor;
//   auto handle = weft::Spawn(executor, Body());
//   executor.RunUntilStalled();
//   executor.Advance(absl::Seconds(1));
//
// Tasks run in the order in which they became ready, so a test behaves the same each time. Wake-ups
// may come from other threads; everything else is called by one thread. Blocking jobs run like
// tasks, on the calling thread.
#ifndef WEFT_FUTURE_MANUAL_EXECUTOR_H_
#define WEFT_FUTURE_MANUAL_EXECUTOR_H_

#include <cstddef>
#include <optional>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/time/time.h"
#include "base/check.h"
#include "base/instant.h"
#include "base/mutex.h"
#include "future/cancel.h"
#include "future/executor.h"
#include "future/spawn.h"
#include "future/task_registry.h"
#include "future/virtual_timers.h"
#include "future/waker.h"

namespace weft {

class ManualExecutor final : public Executor {
 public:
  // kOn: lists its tasks, for DumpTasks().
  explicit ManualExecutor(TaskTracking track_tasks = TaskTracking::kOff);
  // Cancels what is left and runs until all tasks have ended. Stops the program if a task does not
  // end: it leaks.
  ~ManualExecutor() override;

  // Runs ready tasks until none is ready. Returns how many runs that were.
  std::size_t RunUntilStalled();

  // Runs one ready task; returns whether there was one.
  bool RunOne();

  // Moves the clock and runs what becomes ready, timer by timer.
  void Advance(absl::Duration duration);

  // Runs `future` to its end and gives its result. When nothing is ready, the clock jumps to the
  // next timer; when there is none either, the program stops with a message: nobody could ever wake
  // the future.
  template <Future F>
  JoinResult<OutputOf<F>> BlockOn(F future) {
    std::optional<JoinResult<OutputOf<F>>> result;
    JoinHandle<OutputOf<F>> handle = Spawn(*this, std::move(future));
    const Waker waker;
    const CancelToken token;
    while (true) {
      Context cx(waker, token, this);
      auto poll = handle.poll(cx);
      if (poll.IsReady()) return std::move(poll).value();
      WEFT_CHECK(RunOne() || JumpToNextTimer())
          << "ManualExecutor::BlockOn(): nothing is ready and no timer is armed: the future waits "
             "for ever";
    }
  }

  // Cancels the token that all tasks inherit.
  void CancelAll() { source_.Cancel(); }

  // Tasks that were spawned and have not finished.
  std::size_t live_tasks() const;

  // Executor.
  void Schedule(Runnable* runnable, ScheduleHint hint) override;
  void ScheduleBlocking(Runnable* job) override { Schedule(job, ScheduleHint::kSpawn); }
  Instant Now() override;
  TimerService& timers() override { return timers_; }
  const CancelToken& token() override { return source_.token(); }
  void OnTaskSpawned() override;
  void OnTaskFinished() override;

 private:
  bool JumpToNextTimer();
  void FireDue();

  std::optional<TaskRegistry> registry_;
  CancelSource source_;
  VirtualTimers timers_;
  mutable Mutex mutex_;
  Instant now_ ABSL_GUARDED_BY(mutex_);
  RunnableQueue ready_ ABSL_GUARDED_BY(mutex_);
  std::size_t live_tasks_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace weft

#endif  // WEFT_FUTURE_MANUAL_EXECUTOR_H_
