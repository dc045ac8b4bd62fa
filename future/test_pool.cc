#include "future/test_pool.h"

#include "base/check.h"

namespace weft {

TestPool::TestPool(int threads) {
  for (int i = 0; i < threads; ++i) threads_.emplace_back([this] { RunThread(); });
}

TestPool::~TestPool() {
  source_.Cancel();
  WaitUntilIdle();
  {
    MutexLock lock(&mutex_);
    is_closed_ = true;
  }
  changed_.NotifyAll();
  for (std::thread& thread : threads_) thread.join();
}

void TestPool::WaitUntilIdle() {
  MutexLock lock(&mutex_);
  while (live_tasks_ != 0) changed_.Wait(&mutex_);
}

void TestPool::Schedule(Runnable* runnable, ScheduleHint) {
  // Notified under the lock: once it is free, the task may end and the pool be destroyed.
  MutexLock lock(&mutex_);
  ready_.Push(runnable);
  changed_.NotifyAll();
}

TimerService& TestPool::timers() {
  WEFT_FATAL() << "TestPool::timers(): this executor has no timers; use ManualExecutor";
}

void TestPool::OnTaskSpawned() {
  MutexLock lock(&mutex_);
  ++live_tasks_;
}

void TestPool::OnTaskFinished() {
  // Notified under the lock, for the same reason.
  MutexLock lock(&mutex_);
  if (--live_tasks_ == 0) changed_.NotifyAll();
}

void TestPool::RunThread() {
  while (true) {
    Runnable* runnable;
    {
      MutexLock lock(&mutex_);
      while (ready_.IsEmpty() && !is_closed_) changed_.Wait(&mutex_);
      runnable = ready_.Pop();
    }
    if (runnable == nullptr) return;
    runnable->Run();
  }
}

}  // namespace weft
