// io/internal/sigpipe_guard.h — keeps SIGPIPE from this thread for the length of a scope.
#ifndef WEFT_IO_INTERNAL_SIGPIPE_GUARD_H_
#define WEFT_IO_INTERNAL_SIGPIPE_GUARD_H_

#include <pthread.h>
#include <signal.h>
#include <time.h>

namespace weft::io_internal {

// A TLS library writes to sockets without MSG_NOSIGNAL. Changing the action of SIGPIPE would change
// it for the whole process; this blocks it in one thread, and swallows the one that was raised
// meanwhile.
class SigpipeGuard {
 public:
  SigpipeGuard() {
    sigemptyset(&sigpipe_);
    sigaddset(&sigpipe_, SIGPIPE);
    was_pending_ = IsPending();
    pthread_sigmask(SIG_BLOCK, &sigpipe_, &previous_);
  }
  SigpipeGuard(const SigpipeGuard&) = delete;
  SigpipeGuard& operator=(const SigpipeGuard&) = delete;
  ~SigpipeGuard() {
    if (!was_pending_ && IsPending()) {
      const timespec at_once = {};
      sigtimedwait(&sigpipe_, nullptr, &at_once);
    }
    pthread_sigmask(SIG_SETMASK, &previous_, nullptr);
  }

 private:
  static bool IsPending() {
    sigset_t pending;
    sigemptyset(&pending);
    sigpending(&pending);
    return sigismember(&pending, SIGPIPE) == 1;
  }

  sigset_t sigpipe_;
  sigset_t previous_;
  bool was_pending_ = false;
};

}  // namespace weft::io_internal

#endif  // WEFT_IO_INTERNAL_SIGPIPE_GUARD_H_
