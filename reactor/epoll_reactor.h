// reactor/epoll_reactor.h — the Reactor over Linux epoll.
//
// Works with pipes, sockets, terminals, eventfds, signalfds, pidfds: whatever poll(2) knows. Any
// number of operations may wait on one descriptor, in both directions; those of one direction
// complete in the order of their submission. Guarantees: reactor.h.
//
// Errors, as results of operations: -EPERM for a regular file (use a thread that may block),
// -EBADF for a descriptor that is closed, or was closed while the operation was in flight and its
// number used again, -ENOSPC when the kernel has no room for another registration, -ENOMEM when the
// kernel or this process is out of memory.
//
// Trade-offs
//   One epoll_ctl(2) for each Submit. A registration stays with the kernel until the descriptor is
//   closed, and the reactor keeps a record of about 100 bytes for each descriptor number it ever
//   saw.
#ifndef WEFT_REACTOR_EPOLL_REACTOR_H_
#define WEFT_REACTOR_EPOLL_REACTOR_H_

#include <sys/epoll.h>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <unordered_map>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "base/instant.h"
#include "base/intrusive_list.h"
#include "base/mutex.h"
#include "reactor/internal/kernel.h"
#include "reactor/operation.h"
#include "reactor/reactor.h"

namespace weft {

// The backend; see the top of the file.
class EpollReactor final : public Reactor {
 public:
  // Opens an epoll set and an eventfd. Fails with RESOURCE_EXHAUSTED when the process is out of
  // descriptors.
  static absl::StatusOr<std::unique_ptr<EpollReactor>> Create();

  // For tests: runs on `kernel`.
  explicit EpollReactor(std::unique_ptr<reactor_internal::Kernel> kernel);
  ~EpollReactor() override;

  void Submit(Operation* operation) override;
  void Cancel(Operation* operation) override;
  size_t Poll(Instant deadline) override;
  void Wake() override;

 private:
  using Operations = IntrusiveList<Operation>;

  // What waits on one descriptor number. Its registration with the kernel is one-shot and carries
  // `token`, a number that is never used twice: an event of an earlier file under the same number
  // bears another token and is ignored.
  struct Descriptor {
    explicit Descriptor(int fd_in) : fd(fd_in) {}

    const int fd;
    uint64_t token = 0;  // 0: not registered.
    Operations readers;
    Operations writers;

    bool IsIdle() const { return readers.IsEmpty() && writers.IsEmpty(); }
  };

  static constexpr int kEventsPerPoll = 256;

  static Operations& ListOf(Descriptor* descriptor, const Operation& operation);
  Descriptor* DescriptorOf(int fd) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void Arm(Descriptor* descriptor, Operation* newest) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  int Control(int operation, bool reads, bool writes, const Descriptor& descriptor)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void Register(Descriptor* descriptor) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void Forget(Descriptor* descriptor, int error) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void Finish(Operation* operation, int64_t result) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void WakeIfFinished() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  int WaitForEvents(Instant deadline);
  void HandleEvent(const epoll_event& event);
  void Claim(Operations* waiting, uint32_t events, Operations* claimed)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void Perform(Operations* claimed, Operations* done, Operations* blocked);
  void PutBack(Operations* blocked, Descriptor* descriptor) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  size_t RunCallbacks();

  const std::unique_ptr<reactor_internal::Kernel> kernel_;

  // Whether a Wake() is on its way to a Poll that has not seen it. Spares the system call.
  std::atomic<bool> signalled_{false};
  std::atomic<bool> polling_{false};  // Checks that Poll is run by one thread at a time.
  std::array<epoll_event, kEventsPerPoll> events_;  // The polling thread's only.

  Mutex mu_;
  // The polling thread is in the kernel, or about to be, and does not know what is in finished_.
  bool waiting_ ABSL_GUARDED_BY(mu_) = false;
  uint64_t last_token_ ABSL_GUARDED_BY(mu_) = reactor_internal::Kernel::kWakeToken;
  size_t in_flight_ ABSL_GUARDED_BY(mu_) = 0;
  Operations finished_ ABSL_GUARDED_BY(mu_);  // Results stand, callbacks are due.
  // Of the standard library, because Abseil's tables do not survive a bad_alloc while they grow.
  std::unordered_map<int, Descriptor> descriptors_ ABSL_GUARDED_BY(mu_);
  std::unordered_map<uint64_t, Descriptor*> registered_ ABSL_GUARDED_BY(mu_);  // By token.
};

}  // namespace weft

#endif  // WEFT_REACTOR_EPOLL_REACTOR_H_
