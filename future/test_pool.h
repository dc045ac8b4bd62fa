// future/test_pool.h — an executor of a few threads for stress tests: one locked queue, no timers.
//
// Its threads take tasks in turn, so that a task is polled now here, now there. For production
// there is //runtime; for a test that must behave the same each time, ManualExecutor.
#ifndef WEFT_FUTURE_TEST_POOL_H_
#define WEFT_FUTURE_TEST_POOL_H_

#include <cstddef>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "base/instant.h"
#include "base/mutex.h"
#include "future/cancel.h"
#include "future/executor.h"

namespace weft {

class TestPool final : public Executor {
 public:
  explicit TestPool(int threads);
  // Cancels what is left, waits for all tasks, and joins the threads.
  ~TestPool() override;

  // Waits until no task is alive.
  void WaitUntilIdle();

  // Executor.
  void Schedule(Runnable* runnable, ScheduleHint hint) override;
  void ScheduleBlocking(Runnable* job) override { Schedule(job, ScheduleHint::kSpawn); }
  Instant Now() override { return MonotonicNow(); }
  // Stops the program: there are none.
  TimerService& timers() override;
  const CancelToken& token() override { return source_.token(); }
  void OnTaskSpawned() override;
  void OnTaskFinished() override;

 private:
  void RunThread();

  CancelSource source_;
  Mutex mutex_;
  CondVar changed_;
  RunnableQueue ready_ ABSL_GUARDED_BY(mutex_);
  std::size_t live_tasks_ ABSL_GUARDED_BY(mutex_) = 0;
  bool is_closed_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<std::thread> threads_;  // the owner's
};

}  // namespace weft

#endif  // WEFT_FUTURE_TEST_POOL_H_
