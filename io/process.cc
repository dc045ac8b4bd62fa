#include "io/process.h"

#include <signal.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <exception>
#include <utility>

#include "absl/status/status.h"
#include "base/check.h"
#include "future/executor.h"
#include "future/sleep.h"
#include "future/spawn.h"
#include "io/internal/spawn_process.h"
#include "io/internal/task_operation.h"
#include "io/internal/unique_fd.h"
#include "reactor/operation.h"

namespace weft {
namespace {

using io_internal::Child;
using io_internal::ChildExit;
using io_internal::CompletionSink;
using io_internal::SpawnChild;
using io_internal::SpawnRequest;
using io_internal::TaskOperation;
using io_internal::UniqueFd;

// Collects one output stream of a child.
class Collector {
 public:
  Collector(Reactor* reactor, CompletionSink* sink, const char* name, size_t max_bytes)
      : operation_(reactor, sink), name_(name), max_bytes_(max_bytes) {}

  void Start(UniqueFd pipe) {
    pipe_ = std::move(pipe);
    Read();
  }

  // Takes what has come and asks for more.
  void Step() {
    const std::optional<int64_t> result = operation_.TakeResult();
    if (!result) return;
    if (Take(*result)) Read();
  }

  // No more reads. The one in flight, if any, is cancelled; Step until not in_flight.
  void Finish() {
    finishing_ = true;
    operation_.Cancel();
  }
  bool in_flight() const { return operation_.in_flight(); }

  // After Finish: takes what lies in the pipe and waits for no more. Bounded, because somebody who
  // left the group may still be writing.
  void Drain() {
    int left = 0;
    if (ioctl(pipe_.get(), FIONREAD, &left) != 0) left = 0;
    while (left > 0) {
      const ssize_t count = read(pipe_.get(), buffer_.data(), buffer_.size());
      if (count < 0 && errno == EINTR) continue;
      if (!Take(count >= 0 ? count : -errno)) break;
      left -= static_cast<int>(count);
    }
    pipe_.Reset();
  }

  // The stream is longer than allowed, or could not be read.
  const absl::Status& status() const { return status_; }
  std::string TakeBytes() { return std::move(bytes_); }

 private:
  // Returns whether there may be more.
  bool Take(int64_t result) {
    if (result > 0) {
      const auto count = static_cast<size_t>(result);
      if (count > max_bytes_ - bytes_.size()) {
        status_ = absl::ResourceExhaustedError(std::string("expected at most ") +
                                               std::to_string(max_bytes_) + " bytes on " + name_ +
                                               ", found more; raise the limit or write to a file");
      } else if (status_.ok()) {
        bytes_.append(reinterpret_cast<const char*>(buffer_.data()), count);
      }
      return true;
    }
    if (result < 0 && result != -ECANCELED && result != -EAGAIN && status_.ok()) {
      status_ = absl::ErrnoToStatus(static_cast<int>(-result),
                                    std::string("reading ") + name_ + " failed");
    }
    return false;
  }

  void Read() {
    if (finishing_) return;
    operation_.Submit(OperationKind::kRead, pipe_.get(), buffer_.data(), buffer_.size());
  }

  UniqueFd pipe_;
  TaskOperation operation_;
  const char* const name_;
  const size_t max_bytes_;
  bool finishing_ = false;
  absl::Status status_;
  std::string bytes_;
  std::array<std::byte, 65'536> buffer_;
};

}  // namespace

// The state of a run; stays where it is once it is polled.
//
//   spawning  a blocking job starts the child; it is not abandoned, or the child would be
//   running   reads, and waits for the exit; a stop request, too much output or an error brings
//             signals
//   draining  the child has ended, its group is killed, it is reaped; reads come to their end
//
// What a step throws once there is a child is kept until the run has ended as if it were cancelled
// without grace, which takes no memory.
class RunProcess::Run {
 public:
  Run(Reactor& reactor, ProcessOptions options)
      : reactor_(&reactor),
        options_(std::move(options)),
        exit_(reactor_, &sink_),
        stdout_(reactor_, &sink_, "stdout", options_.max_stdout_bytes),
        stderr_(reactor_, &sink_, "stderr", options_.max_stderr_bytes) {}

  ~Run() {
    WEFT_CHECK(phase_ != Phase::kSpawning && phase_ != Phase::kRunning)
        << "a RunProcess of \"" << program_
        << "\" was destroyed while it runs; poll it with a stop "
        << "requested until it answers";
  }

  Poll<Output> Step(Context& cx) {
    sink_.Register(cx.waker());
    while (true) {
      try {
        return StepOrThrow(cx);
      } catch (...) {
        if (!child_ || phase_ == Phase::kFinished) {
          phase_ = Phase::kFinished;
          throw;
        }
        if (exception_ == nullptr) exception_ = std::current_exception();
      }
      // Each time round something has been taken that is not there again.
      if (phase_ == Phase::kRunning) Kill();
    }
  }

 private:
  enum class Phase { kNew, kSpawning, kRunning, kDraining, kFinished };

  Poll<Output> StepOrThrow(Context& cx) {
    if (phase_ == Phase::kNew) {
      if (cx.StopRequested()) return Finish(kStopped);
      Start(cx);
    }
    if (phase_ == Phase::kSpawning) {
      Context shielded = cx.Shielded();
      Poll<absl::StatusOr<Child>> spawned = spawn_->poll(shielded);
      if (spawned.IsPending()) return kPending;
      if (!spawned.value().ok()) return Finish(spawned.value().status());
      Began(*std::move(spawned.value()));
    }
    stdout_.Step();
    stderr_.Step();
    if (phase_ == Phase::kRunning) {
      StepRunning(cx);
      if (phase_ == Phase::kRunning) return kPending;
    }
    stdout_.Step();
    stderr_.Step();
    if (stdout_.in_flight() || stderr_.in_flight()) return kPending;
    return Answer();
  }

  Poll<Output> Finish(Poll<Output> answer) {
    phase_ = Phase::kFinished;
    return answer;
  }

  void Start(Context& cx) {
    if (!options_.argv.empty()) program_ = options_.argv[0];
    SpawnRequest request{.argv = std::move(options_.argv),
                         .environment = std::move(options_.environment),
                         .directory = std::move(options_.directory),
                         .stdin_bytes = std::move(options_.stdin_bytes)};
    spawn_.emplace(SpawnBlocking(cx.executor(), &SpawnChild, std::move(request)));
    phase_ = Phase::kSpawning;
  }

  void Began(Child child) {
    spawn_.reset();
    child_.emplace(std::move(child));
    AwaitExit();
    stdout_.Start(std::move(child_->stdout_pipe));
    stderr_.Start(std::move(child_->stderr_pipe));
    phase_ = Phase::kRunning;
  }

  void AwaitExit() { exit_.Submit(OperationKind::kPollReadable, child_->exit_event.get()); }

  void StepRunning(Context& cx) {
    if (const std::optional<int64_t> result = exit_.TakeResult()) {
      if (*result >= 0 || child_->HasEnded()) return Ended();
      // It is asked for again and again until the child, which is killed, has ended.
      AwaitExit();
      if (!killed_) {
        Kill();
        status_ = absl::ErrnoToStatus(static_cast<int>(-*result), "waiting for its end failed");
      }
    }
    if (!stopping_ && cx.StopRequested()) {
      stopping_ = true;
      child_->KillGroup(SIGTERM);
      grace_.emplace(options_.kill_grace);
    }
    if (!killed_ && (!stdout_.status().ok() || !stderr_.status().ok())) Kill();
    if (grace_ && !killed_) {
      Context shielded = cx.Shielded();
      if (grace_->poll(shielded).IsReady()) Kill();
    }
  }

  void Kill() {
    killed_ = true;
    child_->KillGroup(SIGKILL);
  }

  // The leader has ended and is not reaped, so the number of the group is still ours.
  void Ended() {
    child_->KillGroup(SIGKILL);
    stdout_.Finish();
    stderr_.Finish();
    grace_.reset();
    phase_ = Phase::kDraining;
    ended_ = child_->Reap();
  }

  Poll<Output> Answer() {
    if (exception_ != nullptr) {
      phase_ = Phase::kFinished;
      std::rethrow_exception(exception_);
    }
    stdout_.Drain();
    stderr_.Drain();
    if (stopping_) return Finish(kStopped);
    if (!ended_.ok()) return Finish(ended_.status());
    for (const absl::Status& status : {status_, stdout_.status(), stderr_.status()}) {
      if (status.ok()) continue;
      const std::string message = "running \"" + program_ + "\": " + std::string(status.message());
      return Finish(absl::Status(status.code(), message));
    }
    return Finish(ProcessResult{.exit_code = ended_->exit_code,
                                .signal = ended_->signal,
                                .stdout_bytes = stdout_.TakeBytes(),
                                .stderr_bytes = stderr_.TakeBytes()});
  }

  Reactor* const reactor_;
  ProcessOptions options_;
  std::string program_;
  Phase phase_ = Phase::kNew;
  bool stopping_ = false;  // SIGTERM was sent.
  bool killed_ = false;    // SIGKILL was sent.
  CompletionSink sink_;
  TaskOperation exit_;
  Collector stdout_;
  Collector stderr_;
  std::optional<JoinHandle<absl::StatusOr<Child>>> spawn_;
  std::optional<Child> child_;
  absl::StatusOr<ChildExit> ended_ = ChildExit();
  absl::Status status_;           // Why it cannot be waited for.
  std::exception_ptr exception_;  // What is thrown once nothing is left of the child.
  std::optional<SleepFor> grace_;
};

RunProcess::RunProcess(Reactor& reactor, ProcessOptions options)
    : run_(std::make_unique<Run>(reactor, std::move(options))) {}
RunProcess::RunProcess(RunProcess&&) noexcept = default;
RunProcess::~RunProcess() = default;

Poll<RunProcess::Output> RunProcess::poll(Context& cx) { return run_->Step(cx); }

}  // namespace weft
