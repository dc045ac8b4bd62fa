#include "runtime/runtime.h"

#include <atomic>
#include <memory>
#include <utility>

#include "absl/status/statusor.h"
#include "base/check.h"
#include "future/block_on.h"
#include "future/poll.h"
#include "future/poll_fn.h"
#include "reactor/epoll_reactor.h"
#include "runtime/internal/blocking_pool.h"
#include "runtime/internal/scheduler.h"
#include "runtime/parallelism.h"

namespace weft {
namespace {

int WorkerCount(const RuntimeOptions& options) {
  WEFT_CHECK(options.workers >= 0)
      << "Runtime(options): workers must not be negative, found " << options.workers;
  WEFT_CHECK(options.max_blocking_threads > 0)
      << "Runtime(options): max_blocking_threads must be positive, found "
      << options.max_blocking_threads;
  WEFT_CHECK(options.blocking_thread_idle_time >= absl::ZeroDuration())
      << "Runtime(options): blocking_thread_idle_time must not be negative";
  return options.workers > 0 ? options.workers : AvailableParallelism();
}

std::unique_ptr<Reactor> MakeReactor() {
  absl::StatusOr<std::unique_ptr<EpollReactor>> reactor = EpollReactor::Create();
  WEFT_CHECK(reactor.ok()) << "Runtime(): opening the reactor failed: "
                           << reactor.status().ToString()
                           << "; Runtime::Create() returns this as a status";
  return *std::move(reactor);
}

}  // namespace

absl::StatusOr<std::unique_ptr<Runtime>> Runtime::Create(const Options& options) {
  absl::StatusOr<std::unique_ptr<EpollReactor>> reactor = EpollReactor::Create();
  if (!reactor.ok()) return reactor.status();
  return std::unique_ptr<Runtime>(new Runtime(options, *std::move(reactor)));
}

Runtime::Runtime(const Options& options) : Runtime(options, MakeReactor()) {}

Runtime::Runtime(const Options& options, std::unique_ptr<Reactor> reactor)
    : workers_(WorkerCount(options)),
      scheduler_(std::make_unique<runtime_internal::Scheduler>(workers_, std::move(reactor))),
      blocking_pool_(std::make_unique<runtime_internal::BlockingPool>(
          options.max_blocking_threads, options.blocking_thread_idle_time)) {}

Runtime::~Runtime() { Shutdown(ShutdownMode::kCancel); }

void Runtime::CheckMayBlock(const char* method) const {
  WEFT_CHECK(!scheduler_->IsWorkerThread())
      << "Runtime::" << method << "() on a worker of this runtime: it would wait for itself; "
      << "co_await instead, or call it from another thread";
}

void Runtime::RunUntil(absl::FunctionRef<bool(Context&)> is_done) {
  weft::BlockOn(PollFn(
      [is_done](Context& cx) { return is_done(cx) ? Poll<void>::Ready() : Poll<void>(kPending); }));
}

void Runtime::Shutdown(ShutdownMode mode) {
  CheckMayBlock("Shutdown");
  if (mode == ShutdownMode::kCancel) source_.Cancel();
  WaitUntilNoTasks();
  MutexLock lock(&shutdown_mutex_);
  if (is_shut_down_) return;
  is_shut_down_ = true;
  blocking_pool_->Stop();
  scheduler_->Stop();
}

void Runtime::WaitUntilNoTasks() {
  is_draining_.store(true, std::memory_order_seq_cst);  // (1)
  MutexLock lock(&mutex_);
  // Ends are read before spawns: a task that another one spawns is counted before that one ends, so
  // equal numbers mean that there was a moment without tasks. (1) (2)
  // Two statements: within one, the order of the reads would be the compiler's choice.
  while (true) {
    const uint64_t finished = finished_.load(std::memory_order_seq_cst);
    if (finished == spawned_.load(std::memory_order_seq_cst)) return;
    task_finished_.Wait(&mutex_);
  }
}

void Runtime::OnTaskSpawned() {
  spawned_.fetch_add(1, std::memory_order_seq_cst);  // (2)
}

void Runtime::OnTaskFinished() {
  finished_.fetch_add(1, std::memory_order_seq_cst);          // (1) (2)
  if (!is_draining_.load(std::memory_order_seq_cst)) return;  // (1)
  MutexLock lock(&mutex_);
  task_finished_.NotifyAll();
}

Reactor& Runtime::reactor() { return scheduler_->reactor(); }

TimerService& Runtime::timers() { return scheduler_->timers(); }

void Runtime::Schedule(Runnable* runnable, ScheduleHint hint) {
  scheduler_->Schedule(runnable, hint);
}

void Runtime::ScheduleBlocking(Runnable* job) { blocking_pool_->Schedule(job); }

RuntimeStats Runtime::Stats() {
  RuntimeStats stats;
  stats.workers = scheduler_->Stats();
  // Ends before spawns, so that the difference is not negative. (2)
  const uint64_t finished = finished_.load(std::memory_order_seq_cst);
  stats.tasks_spawned = spawned_.load(std::memory_order_seq_cst);
  stats.live_tasks = stats.tasks_spawned - finished;
  stats.blocking_jobs = blocking_pool_->jobs();
  stats.blocking_threads = blocking_pool_->threads();
  return stats;
}

}  // namespace weft
