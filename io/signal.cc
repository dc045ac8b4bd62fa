#include "io/signal.h"

#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <new>
#include <optional>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "base/check.h"
#include "base/mutex.h"
#include "io/internal/task_operation.h"
#include "reactor/operation.h"

namespace weft {
namespace {

// What the handler writes to; 0 until the pipe exists. The pipe is never closed, because a handler
// may be running in another thread at any time. Relaxed: the number is written before the first
// handler is installed, by a system call that orders it.
std::atomic<int> handler_pipe{0};

// The part of the process that watchers share.
struct Shared {
  Mutex mu;
  int read_end ABSL_GUARDED_BY(mu) = -1;
  bool in_use ABSL_GUARDED_BY(mu) = false;
};

Shared& SharedState() {
  static Shared* const shared = new Shared;
  return *shared;
}

extern "C" void OnSignal(int signal) {
  const int error = errno;
  const auto byte = static_cast<unsigned char>(signal);
  // A full pipe loses nothing that matters: it is full of signals.
  [[maybe_unused]] const ssize_t ignored =
      write(handler_pipe.load(std::memory_order_relaxed), &byte, 1);
  errno = error;
}

absl::Status OpenPipe(Shared* shared) ABSL_EXCLUSIVE_LOCKS_REQUIRED(shared->mu) {
  if (shared->read_end >= 0) {
    // What came for an earlier watcher is not for this one.
    char stale[64];
    while (read(shared->read_end, stale, sizeof stale) > 0) {
    }
    return absl::OkStatus();
  }
  int fds[2];
  if (pipe2(fds, O_NONBLOCK | O_CLOEXEC) != 0) {
    return absl::ErrnoToStatus(errno, "SignalWatcher::Create(): pipe2 failed");
  }
  shared->read_end = fds[0];
  handler_pipe.store(fds[1], std::memory_order_relaxed);
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::unique_ptr<SignalWatcher>> SignalWatcher::Create(Reactor& reactor,
                                                                     std::vector<int> signals) {
  Shared& shared = SharedState();
  std::unique_ptr<SignalWatcher> watcher;
  {
    MutexLock lock(&shared.mu);
    if (shared.in_use) {
      return absl::FailedPreconditionError(
          "SignalWatcher::Create(): expected no other watcher in this process, found one; share "
          "it or destroy it first");
    }
    const absl::Status status = OpenPipe(&shared);
    if (!status.ok()) return status;
    watcher.reset(new SignalWatcher(&reactor, shared.read_end));
    shared.in_use = true;
  }
  // From here on the destructor undoes everything, of which it must know: no memory is needed.
  watcher->previous_.reserve(signals.size());
  for (const int signal : signals) {
    struct sigaction action = {};
    struct sigaction previous = {};
    action.sa_handler = &OnSignal;
    action.sa_flags = SA_RESTART;
    sigfillset(&action.sa_mask);
    if (sigaction(signal, &action, &previous) != 0) {
      return absl::InvalidArgumentError("SignalWatcher::Create(): signal " +
                                        std::to_string(signal) +
                                        " cannot be caught: " + strerror(errno));
    }
    watcher->previous_.emplace_back(signal, previous);
  }
  return watcher;
}

SignalWatcher::~SignalWatcher() {
  for (auto action = previous_.rbegin(); action != previous_.rend(); ++action) {
    sigaction(action->first, &action->second, nullptr);
  }
  Shared& shared = SharedState();
  MutexLock lock(&shared.mu);
  shared.in_use = false;
}

NextSignal SignalWatcher::Next() { return NextSignal(reactor_, pipe_); }

// One read of one byte, which is the number of a signal.
class NextSignal::Wait {
 public:
  Wait(Reactor* reactor, int pipe) : read_(reactor, &sink_), pipe_(pipe) {}

  Poll<int> Step(Context& cx) {
    sink_.Register(cx.waker());
    if (!read_.in_flight()) {
      if (cx.StopRequested()) return kStopped;
      read_.Submit(OperationKind::kRead, pipe_, &byte_, 1);
    }
    if (cx.StopRequested()) read_.Cancel();
    const std::optional<int64_t> result = read_.TakeResult();
    if (!result) return kPending;
    if (*result == -ECANCELED) return kStopped;
    if (*result == -ENOMEM || *result == -ENOSPC) throw std::bad_alloc();
    WEFT_CHECK(*result == 1) << "SignalWatcher: reading the signal pipe gave " << *result
                             << "; was a descriptor closed that belongs to weft?";
    return static_cast<int>(byte_);
  }

 private:
  io_internal::CompletionSink sink_;
  io_internal::TaskOperation read_;
  const int pipe_;
  std::byte byte_{};
};

NextSignal::NextSignal(Reactor* reactor, int pipe) : wait_(std::make_unique<Wait>(reactor, pipe)) {}
NextSignal::NextSignal(NextSignal&&) noexcept = default;
NextSignal::~NextSignal() = default;

Poll<int> NextSignal::poll(Context& cx) { return wait_->Step(cx); }

}  // namespace weft
