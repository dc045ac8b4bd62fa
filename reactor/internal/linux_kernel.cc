#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <climits>
#include <cstdint>
#include <cstring>
#include <ctime>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/instant.h"
#include "reactor/internal/kernel.h"

namespace weft::reactor_internal {
namespace {

absl::Status SystemError(const char* call, int error) {
  const std::string message = std::string("EpollReactor::Create(): ") + call +
                              " failed: " + strerror(error) +
                              "; raise the limit of open files (ulimit -n) or close some";
  if (error == EMFILE || error == ENFILE || error == ENOMEM) {
    return absl::ResourceExhaustedError(message);
  }
  return absl::InternalError(message);
}

class LinuxKernel final : public Kernel {
 public:
  LinuxKernel() = default;
  ~LinuxKernel() override {
    if (event_ >= 0) close(event_);
    if (epoll_ >= 0) close(epoll_);
  }

  absl::Status Open() {
    epoll_ = epoll_create1(EPOLL_CLOEXEC);
    if (epoll_ < 0) return SystemError("epoll_create1", errno);
    event_ = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (event_ < 0) return SystemError("eventfd", errno);
    const int error = Control(EPOLL_CTL_ADD, event_, EPOLLIN | EPOLLET, kWakeToken);
    if (error < 0) return SystemError("epoll_ctl", -error);
    return absl::OkStatus();
  }

  int Control(int operation, int fd, uint32_t events, uint64_t token) override {
    epoll_event event = {};
    event.events = events;
    event.data.u64 = token;
    return epoll_ctl(epoll_, operation, fd, &event) == 0 ? 0 : -errno;
  }

  int Wait(epoll_event* events, int capacity, Instant deadline) override {
    const int count = WaitUntil(events, capacity, deadline);
    return count >= 0 ? count : -errno;
  }

  int64_t Read(int fd, std::byte* buffer, size_t size) override {
    const ssize_t count = read(fd, buffer, size);
    return count >= 0 ? count : -errno;
  }

  int64_t Write(int fd, const std::byte* buffer, size_t size) override {
    const ssize_t count = write(fd, buffer, size);
    return count >= 0 ? count : -errno;
  }

  void Signal() override {
    // Each write is an edge, whatever the counter says. Nobody reads it: that would be one more
    // system call between a wake-up and what it is for. 2^64 signals would fill it.
    const uint64_t one = 1;
    [[maybe_unused]] const ssize_t ignored = write(event_, &one, sizeof one);
  }

 private:
  int WaitUntil(epoll_event* events, int capacity, Instant deadline) {
    if (deadline == Instant::InfiniteFuture()) return epoll_wait(epoll_, events, capacity, -1);
    if (deadline == Instant::InfinitePast()) return epoll_wait(epoll_, events, capacity, 0);
    const int64_t now = MonotonicNow().nanos();
    const int64_t left = deadline.nanos() > now ? deadline.nanos() - now : 0;
    constexpr int64_t kNanosPerSecond = 1'000'000'000;
    if (!no_pwait2_.load(std::memory_order_relaxed)) {
      const timespec timeout = {.tv_sec = left / kNanosPerSecond,
                                .tv_nsec = left % kNanosPerSecond};
      const int count = epoll_pwait2(epoll_, events, capacity, &timeout, nullptr);
      if (count >= 0 || errno != ENOSYS) return count;
      // Relaxed: the flag guards nothing, a late reader asks the kernel once more.
      no_pwait2_.store(true, std::memory_order_relaxed);
    }
    // Rounds up, so that a caller who waits for a deadline does not spin through its last
    // millisecond.
    const int64_t millis = left / 1'000'000 + (left % 1'000'000 != 0 ? 1 : 0);
    return epoll_wait(epoll_, events, capacity,
                      static_cast<int>(millis < INT_MAX ? millis : INT_MAX));
  }

  int epoll_ = -1;
  int event_ = -1;
  std::atomic<bool> no_pwait2_{false};  // Linux before 5.11.
};

}  // namespace

absl::StatusOr<std::unique_ptr<Kernel>> MakeLinuxKernel() {
  // Made first: then the descriptors have an owner, whatever fails.
  auto kernel = std::make_unique<LinuxKernel>();
  const absl::Status status = kernel->Open();
  if (!status.ok()) return status;
  return kernel;
}

}  // namespace weft::reactor_internal
