#include "runtime/single_thread_runtime.h"

#include <utility>

#include "base/check.h"
#include "future/waker.h"
#include "reactor/epoll_reactor.h"
#include "runtime/internal/blocking_pool.h"
#include "runtime/internal/timers.h"

namespace weft {
namespace {

int CheckedThreads(const SingleThreadRuntimeOptions& options) {
  WEFT_CHECK(options.max_blocking_threads > 0)
      << "SingleThreadRuntime(options): max_blocking_threads must be positive, found "
      << options.max_blocking_threads;
  WEFT_CHECK(options.blocking_thread_idle_time >= absl::ZeroDuration())
      << "SingleThreadRuntime(options): blocking_thread_idle_time must not be negative, found "
      << absl::FormatDuration(options.blocking_thread_idle_time);
  return options.max_blocking_threads;
}

std::unique_ptr<Reactor> MakeReactor() {
  absl::StatusOr<std::unique_ptr<EpollReactor>> reactor = EpollReactor::Create();
  WEFT_CHECK(reactor.ok()) << "SingleThreadRuntime(): opening the reactor failed: "
                           << reactor.status().ToString()
                           << "; SingleThreadRuntime::Create() returns this as a status";
  return *std::move(reactor);
}

}  // namespace

absl::StatusOr<std::unique_ptr<SingleThreadRuntime>> SingleThreadRuntime::Create(
    const Options& options) {
  absl::StatusOr<std::unique_ptr<EpollReactor>> reactor = EpollReactor::Create();
  if (!reactor.ok()) return reactor.status();
  return std::unique_ptr<SingleThreadRuntime>(
      new SingleThreadRuntime(options, *std::move(reactor)));
}

SingleThreadRuntime::SingleThreadRuntime(const Options& options)
    : SingleThreadRuntime(options, MakeReactor()) {}

SingleThreadRuntime::SingleThreadRuntime(const Options& options, std::unique_ptr<Reactor> reactor)
    : reactor_(std::move(reactor)),
      timers_(std::make_unique<runtime_internal::Timers>(MonotonicNow(), reactor_.get())),
      blocking_pool_(std::make_unique<runtime_internal::BlockingPool>(
          CheckedThreads(options), options.blocking_thread_idle_time)) {}

SingleThreadRuntime::~SingleThreadRuntime() {
  CheckMayBlock("~SingleThreadRuntime");
  CancelAll();
  while (live_tasks() > 0) {
    if (!RunOne()) LookAtKernelAndClock(Waiting::kUntilWork);
  }
  blocking_pool_->Stop();
  // A job that nobody joins may have scheduled its last wake after its task was counted out.
  RunUntilStalled();
}

TimerService& SingleThreadRuntime::timers() { return *timers_; }

void SingleThreadRuntime::CheckMayBlock(const char* method) const {
  // Relaxed: only the calling thread's own value matters.
  WEFT_CHECK(running_thread_.load(std::memory_order_relaxed) != std::this_thread::get_id())
      << "SingleThreadRuntime::" << method
      << "() inside a task of this runtime: it would wait for itself; co_await instead";
}

void SingleThreadRuntime::Schedule(Runnable* runnable, ScheduleHint) {
  MutexLock lock(&mutex_);
  runnable->next_runnable = nullptr;
  (last_ == nullptr ? first_ : last_->next_runnable) = runnable;
  last_ = runnable;
  // Under the lock: without it, what was scheduled could run, be the last task, and take the
  // runtime with it.
  if (std::exchange(is_sleeping_, false)) reactor_->Wake();
}

void SingleThreadRuntime::ScheduleBlocking(Runnable* job) { blocking_pool_->Schedule(job); }

void SingleThreadRuntime::OnTaskSpawned() { live_tasks_.fetch_add(1, std::memory_order_relaxed); }

void SingleThreadRuntime::OnTaskFinished() {
  // A blocking call ends on a thread of its own, and the destructor may wait for this number alone.
  if (live_tasks_.fetch_sub(1, std::memory_order_release) == 1) reactor_->Wake();  // (1)
}

Runnable* SingleThreadRuntime::Pop() {
  MutexLock lock(&mutex_);
  Runnable* const runnable = first_;
  if (runnable == nullptr) return nullptr;
  first_ = runnable->next_runnable;
  if (first_ == nullptr) last_ = nullptr;
  return runnable;
}

bool SingleThreadRuntime::RunOne() {
  if (++runs_since_look_ >= kPollInterval) LookAtKernelAndClock(Waiting::kNone);
  Runnable* const runnable = Pop();
  if (runnable == nullptr) return false;
  running_thread_.store(std::this_thread::get_id(), std::memory_order_relaxed);
  runnable->Run();
  running_thread_.store(std::thread::id(), std::memory_order_relaxed);
  return true;
}

void SingleThreadRuntime::LookAtKernelAndClock(Waiting waiting) {
  runs_since_look_ = 0;
  if (waiting == Waiting::kUntilWork) {
    MutexLock lock(&mutex_);
    if (first_ != nullptr) return;
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
