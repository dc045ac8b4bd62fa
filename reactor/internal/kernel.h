// reactor/internal/kernel.h — the system calls of the epoll reactor, as an interface.
//
// Tests put a scripted kernel behind it that delays, duplicates, reorders and shortens what the
// real one would say. Errors are negated errno values, as io_uring has them.
#ifndef WEFT_REACTOR_INTERNAL_KERNEL_H_
#define WEFT_REACTOR_INTERNAL_KERNEL_H_

#include <sys/epoll.h>

#include <cstddef>
#include <cstdint>
#include <memory>

#include "absl/status/statusor.h"
#include "base/instant.h"

namespace weft::reactor_internal {

// One epoll set and one wake-up signal. Thread-safe, as the kernel is.
class Kernel {
 public:
  // The user data with which the wake-up signal reports itself. No registration uses it.
  static constexpr uint64_t kWakeToken = 0;

  virtual ~Kernel() = default;

  // epoll_ctl(2) on the set with EPOLL_CTL_ADD or EPOLL_CTL_MOD. Returns 0 or -errno.
  virtual int Control(int operation, int fd, uint32_t events, uint64_t token) = 0;

  // epoll_wait(2), until `deadline`. Returns the number of events, or -errno.
  virtual int Wait(epoll_event* events, int capacity, Instant deadline) = 0;

  // read(2) and write(2). Return bytes, or -errno.
  virtual int64_t Read(int fd, std::byte* buffer, size_t size) = 0;
  virtual int64_t Write(int fd, const std::byte* buffer, size_t size) = 0;

  // Raises the signal: one Wait, the next or one that is under way, reports kWakeToken, once for
  // all signals that were raised before it does.
  virtual void Signal() = 0;
};

// The machine's own: an epoll set and an eventfd, both closed on exec.
absl::StatusOr<std::unique_ptr<Kernel>> MakeLinuxKernel();

}  // namespace weft::reactor_internal

#endif  // WEFT_REACTOR_INTERNAL_KERNEL_H_
