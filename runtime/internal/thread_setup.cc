#include "runtime/internal/thread_setup.h"

#include <pthread.h>
#include <signal.h>

namespace weft::runtime_internal {

void SetUpThread(const char* name) {
  pthread_setname_np(pthread_self(), name);
  sigset_t faults;
  sigemptyset(&faults);
  sigaddset(&faults, SIGSEGV);
  sigaddset(&faults, SIGILL);
  sigaddset(&faults, SIGFPE);
  sigaddset(&faults, SIGBUS);
  pthread_sigmask(SIG_UNBLOCK, &faults, nullptr);
}

}  // namespace weft::runtime_internal
