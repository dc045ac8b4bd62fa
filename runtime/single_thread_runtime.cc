#include "runtime/single_thread_runtime.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "future/waker.h"
#include "reactor/epoll_reactor.h"
#include "runtime/internal/blocking_pool.h"
#include "runtime/internal/open_reactor.h"
#include "runtime/internal/timers.h"

namespace weft {

absl::StatusOr<std::unique_ptr<SingleThreadRuntime>> SingleThreadRuntime::Create(
    const Options& options) {
  absl::StatusOr<std::unique_ptr<EpollReactor>> reactor = EpollReactor::Create();
  if (!reactor.ok()) return reactor.status();
  return std::unique_ptr<SingleThreadRuntime>(
      new SingleThreadRuntime(options, *std::move(reactor)));
}

SingleThreadRuntime::SingleThreadRuntime(const Options& options)
    : SingleThreadRuntime(options, runtime_internal::OpenReactor("SingleThreadRuntime")) {}

SingleThreadRuntime::SingleThreadRuntime(const Options& options, std::unique_ptr<Reactor> reactor)
    : AnyRuntime(options.track_tasks),
      reactor_(std::move(reactor)),
      timers_(std::make_unique<runtime_internal::Timers>(MonotonicNow(), reactor_.get())),
      blocking_pool_(std::make_unique<runtime_internal::BlockingPool>(
          options.max_blocking_threads, options.blocking_thread_idle_time)) {}

SingleThreadRuntime::~SingleThreadRuntime() {
  CheckNotInTask("~SingleThreadRuntime");
  CancelAll();
  while (live_tasks() > 0) {
    if (!RunOne()) LookAtKernelAndClock(Waiting::kUntilWork);
  }
  blocking_pool_->Stop();
  // A job that nobody joins may have scheduled its last wake after its task was counted out.
  while (RunOne()) {
  }
}

TimerService& SingleThreadRuntime::timers() { return *timers_; }

void SingleThreadRuntime::CheckMayBlock(const char* method) const {
  CheckNotInTask(method);
  WEFT_CHECK(IsHome()) << "SingleThreadRuntime::" << method
                       << "() on another thread than the one that ran tasks before: tasks that "
                          "share data without locks would change threads; call it on that thread, "
                          "or Spawn() from here";
}

void SingleThreadRuntime::CheckNotInTask(const char* method) const {
  WEFT_CHECK(!IsInTask())
      << "SingleThreadRuntime::" << method
      << "() inside a task of this runtime: it would wait for itself; co_await instead";
}

bool SingleThreadRuntime::IsHome() const {
  const std::thread::id here = std::this_thread::get_id();
  std::thread::id home = home_.load(std::memory_order_relaxed);
  if (home == std::thread::id()) {
    if (home_.compare_exchange_strong(home, here, std::memory_order_relaxed)) return true;
  }
  return home == here;
}

void SingleThreadRuntime::Schedule(Runnable* runnable, ScheduleHint) {
  ScheduleInClass(TaskPriority::kNormal, runnable);
}

void SingleThreadRuntime::ScheduleInClass(TaskPriority priority, Runnable* runnable) {
  MutexLock lock(&mutex_);
  ready_[static_cast<std::size_t>(priority)].Push(runnable);
  // Under the lock: without it, what was scheduled could run, be the last task, and take the
  // runtime with it.
  if (std::exchange(is_sleeping_, false)) reactor_->Wake();
}

void SingleThreadRuntime::ScheduleBlocking(Runnable* job) { blocking_pool_->Schedule(job); }

void SingleThreadRuntime::OnTaskSpawned() { live_tasks_.fetch_add(1, std::memory_order_relaxed); }

void SingleThreadRuntime::OnTaskFinished() {
  const bool was_last = live_tasks_.fetch_sub(1, std::memory_order_release) == 1;  // (1)
  // A blocking call ends on a thread of its own, and the destructor may wait for this number alone.
  if (was_last && !IsInTask()) reactor_->Wake();
}

bool SingleThreadRuntime::RunOne() {
  if (++runs_since_look_ >= kPollInterval) LookAtKernelAndClock(Waiting::kNone);
  Runnable* runnable;
  {
    MutexLock lock(&mutex_);
    runnable = TakeReady();
  }
  if (runnable == nullptr) return false;
  WEFT_CHECK(IsHome() || live_tasks() == 0)
      << "~SingleThreadRuntime() with tasks left, on another thread than the one "
         "that ran them; CancelAll() and wait for them on that thread before";
  running_thread_.store(std::this_thread::get_id(), std::memory_order_relaxed);
  runnable->Run();
  running_thread_.store(std::thread::id(), std::memory_order_relaxed);
  return true;
}

Runnable* SingleThreadRuntime::TakeReady() {
  if (IsNothingReady()) return nullptr;
  const auto first = static_cast<std::size_t>(turns_.Next());
  if (Runnable* const runnable = ready_[first].Pop()) return runnable;
  for (RunnableQueue& queue : ready_) {
    if (Runnable* const runnable = queue.Pop()) return runnable;
  }
  return nullptr;
}

bool SingleThreadRuntime::IsNothingReady() const {
  return std::all_of(ready_.begin(), ready_.end(), [](auto& queue) { return queue.IsEmpty(); });
}

void SingleThreadRuntime::LookAtKernelAndClock(Waiting waiting) {
  runs_since_look_ = 0;
  if (waiting == Waiting::kUntilWork) {
    MutexLock lock(&mutex_);
    if (!IsNothingReady()) return;
    is_sleeping_ = true;
  }
  // A Schedule() from here on wakes the reactor, and a wake that comes before the Poll ends it.
  reactor_->Poll(waiting == Waiting::kUntilWork ? timers_->BeginSleep() : Instant::InfinitePast());
  timers_->EndSleep();
  {
    MutexLock lock(&mutex_);
    is_sleeping_ = false;
  }
  timers_->FireDue(MonotonicNow());
}

void SingleThreadRuntime::RunUntil(absl::FunctionRef<bool(Context&)> is_done) {
  const Waker waker;
  const CancelToken token;
  Context cx(waker, token, this);
  while (!is_done(cx)) {
    if (!RunOne()) LookAtKernelAndClock(Waiting::kUntilWork);
  }
}

std::size_t SingleThreadRuntime::RunUntilStalled() {
  CheckMayBlock("RunUntilStalled");
  std::size_t runs = 0;
  LookAtKernelAndClock(Waiting::kNone);
  while (RunOne()) ++runs;
  return runs;
}

}  // namespace weft
