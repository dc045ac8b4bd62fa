#include "runtime/runtime.h"

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/time.h"
#include "base/check.h"
#include "future/block_on.h"
#include "future/poll.h"
#include "future/poll_fn.h"
#include "reactor/epoll_reactor.h"
#include "runtime/internal/blocking_pool.h"
#include "runtime/internal/open_reactor.h"
#include "runtime/internal/scheduler.h"
#include "runtime/parallelism.h"

namespace weft {
namespace {

int WorkerCount(const RuntimeOptions& options) {
  WEFT_CHECK(options.workers >= 0)
      << "Runtime(options): workers must not be negative, found " << options.workers;
  WEFT_CHECK(options.search_time >= absl::ZeroDuration())
      << "Runtime(options): search_time must not be negative";
  WEFT_CHECK(options.observe.starvation_limit > absl::ZeroDuration())
      << "Runtime(options): observe.starvation_limit must be positive, found "
      << absl::FormatDuration(options.observe.starvation_limit);
  WEFT_CHECK(options.worker_stack_size_bytes == 0 ||
             options.worker_stack_size_bytes >= RuntimeOptions::kLeastWorkerStackBytes)
      << "Runtime(options): expected a worker_stack_size_bytes of 0 (the system's default) or at "
         "least "
      << RuntimeOptions::kLeastWorkerStackBytes << ", found " << options.worker_stack_size_bytes;
  if (options.workers > 0) return options.workers;
  const int available = AvailableParallelism();
  return options.processors.empty()
             ? available
             : std::min(available, static_cast<int>(options.processors.size()));
}

// Where threads for blocking calls run: a pinned worker that starts one would pin it, too.
std::vector<int> ProcessorsForBlocking(const RuntimeOptions& options) {
  if (options.processors.empty()) return {};
  return AllowedProcessors().value_or(std::vector<int>());
}

runtime_internal::SchedulerOptions SchedulerOptionsOf(const RuntimeOptions& options,
                                                      Executor* home) {
  runtime_internal::SchedulerOptions scheduler;
  scheduler.home = home;
  scheduler.workers = WorkerCount(options);
  scheduler.search_time = options.search_time;
  scheduler.processors = options.processors;
  scheduler.worker_stack_size_bytes = options.worker_stack_size_bytes;
  scheduler.on_worker_start = options.on_worker_start;
  scheduler.on_worker_stop = options.on_worker_stop;
  scheduler.on_worker_park = options.on_worker_park;
  scheduler.on_worker_unpark = options.on_worker_unpark;
  scheduler.observe = options.observe;
  return scheduler;
}

}  // namespace

absl::StatusOr<std::unique_ptr<Runtime>> Runtime::Create(const Options& options) {
  absl::StatusOr<std::unique_ptr<EpollReactor>> reactor = EpollReactor::Create();
  if (!reactor.ok()) return reactor.status();
  std::unique_ptr<Runtime> runtime(new Runtime(options, *std::move(reactor)));
  if (absl::Status status = runtime->StartStatus(); !status.ok()) return status;
  return runtime;
}

Runtime::Runtime(const Options& options)
    : Runtime(options, runtime_internal::OpenReactor("Runtime")) {
  const absl::Status status = StartStatus();
  WEFT_CHECK(status.ok()) << status.ToString() << "; Runtime::Create() returns this as a status";
}

Runtime::Runtime(const Options& options, std::unique_ptr<Reactor> reactor)
    : AnyRuntime(options.track_tasks),
      workers_(WorkerCount(options)),
      scheduler_(std::make_unique<runtime_internal::Scheduler>(SchedulerOptionsOf(options, this),
                                                               std::move(reactor))),
      blocking_pool_(std::make_unique<runtime_internal::BlockingPool>(
          options.max_blocking_threads, options.blocking_thread_idle_time,
          ProcessorsForBlocking(options))) {}

absl::Status Runtime::StartStatus() const {
  if (const absl::Status& status = scheduler_->start_status(); !status.ok()) {
    return absl::Status(status.code(), absl::StrCat("Runtime(options): ", status.message()));
  }
  const absl::Status& status = scheduler_->placement_status();
  if (status.ok()) return status;
  const auto allowed = AllowedProcessors();
  return absl::Status(status.code(),
                      absl::StrCat("Runtime(options): processors cannot be had: ", status.message(),
                                   "; the calling thread may run on ",
                                   allowed.ok() ? absl::StrJoin(*allowed, ", ") : "unknown ones"));
}

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

bool Runtime::Shutdown(ShutdownMode mode, Instant deadline) {
  CheckMayBlock("Shutdown");
  if (mode == ShutdownMode::kCancel) source_.Cancel();
  scheduler_->WatchEnds();
  if (!task_ends_.AwaitUntil(deadline, [this] { return AreNoTasks(); })) return false;
  MutexLock lock(&shutdown_mutex_);
  if (is_shut_down_) return true;
  is_shut_down_ = true;
  blocking_pool_->Stop();
  scheduler_->Stop();
  return true;
}

bool Runtime::AreNoTasks() const {
  const TaskTotals totals = scheduler_->Totals();
  return totals.ended == totals.spawned;
}

void Runtime::StartTask(Runnable* task) { scheduler_->StartTask(task); }

bool Runtime::TakeIfNext(Runnable* task) { return scheduler_->TakeIfNext(task); }

void Runtime::OnKept() { scheduler_->OnKept(); }

void Runtime::OnEndCounted() { task_ends_.NotifyAll(); }

bool Runtime::MayGoOn() { return scheduler_->MayGoOn(); }

Runnable* Runtime::GiveWay(Runnable* task) { return scheduler_->GiveWay(task); }

ForkQueue* Runtime::forks() { return scheduler_->forks(); }

int Runtime::CurrentWorker() const { return scheduler_->CurrentWorker(); }

void Runtime::OnTaskSpawned() { scheduler_->CountSpawn(); }

void Runtime::OnTaskFinished() {
  scheduler_->CountEnd();
  task_ends_.NotifyAll();
}

Reactor& Runtime::reactor() { return scheduler_->reactor(); }

TimerService& Runtime::timers() { return scheduler_->timers(); }

void Runtime::Schedule(Runnable* runnable, ScheduleHint hint) {
  scheduler_->Schedule(runnable, hint);
}

void Runtime::ScheduleInClass(TaskPriority priority, Runnable* runnable) {
  scheduler_->ScheduleInClass(priority, runnable);
}

void Runtime::ScheduleBlocking(Runnable* job) { blocking_pool_->Schedule(job); }

RuntimeTrace Runtime::Trace() const { return scheduler_->Trace(); }

RuntimeStats Runtime::Stats() {
  RuntimeStats stats;
  stats.workers = scheduler_->Stats();
  const TaskTotals totals = scheduler_->Totals();
  stats.tasks_spawned = totals.spawned;
  stats.live_tasks = totals.spawned - totals.ended;
  stats.blocking_jobs = blocking_pool_->jobs();
  stats.blocking_threads = blocking_pool_->threads();
  stats.latencies = scheduler_->latencies();
  return stats;
}

}  // namespace weft
