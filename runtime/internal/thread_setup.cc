#include "runtime/internal/thread_setup.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>

#include <algorithm>
#include <cstddef>
#include <span>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

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

absl::Status SetAffinity(std::span<const int> processors) {
  constexpr int kMostProcessors = 1 << 16;
  const auto is_impossible = [](int cpu) { return cpu < 0 || cpu >= kMostProcessors; };
  const auto wrong = std::find_if(processors.begin(), processors.end(), is_impossible);
  if (wrong != processors.end()) {
    return absl::InvalidArgumentError(absl::StrCat("a processor's number is from 0 to ",
                                                   kMostProcessors - 1, ", found ", *wrong));
  }
  std::vector<cpu_set_t> mask(kMostProcessors / CPU_SETSIZE);
  const std::size_t bytes = mask.size() * sizeof(cpu_set_t);
  for (const int cpu : processors) CPU_SET_S(static_cast<std::size_t>(cpu), bytes, mask.data());
  const int error = pthread_setaffinity_np(pthread_self(), bytes, mask.data());
  if (error == 0) return absl::OkStatus();
  return absl::ErrnoToStatus(error, absl::StrCat("letting a thread run on processor ",
                                                 absl::StrJoin(processors, ", "), " alone"));
}

}  // namespace weft::runtime_internal
