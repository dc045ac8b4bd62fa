#include "runtime/internal/thread_setup.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>

#include <algorithm>
#include <cstddef>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/check.h"

namespace weft::runtime_internal {
namespace {

struct Beginning {
  std::string name;
  std::function<void()> main;
};

void UnblockFaults() {
  sigset_t faults;
  sigemptyset(&faults);
  sigaddset(&faults, SIGSEGV);
  sigaddset(&faults, SIGILL);
  sigaddset(&faults, SIGFPE);
  sigaddset(&faults, SIGBUS);
  pthread_sigmask(SIG_UNBLOCK, &faults, nullptr);
}

void* Main(void* argument) {
  const std::unique_ptr<Beginning> beginning(static_cast<Beginning*>(argument));
  pthread_setname_np(pthread_self(), beginning->name.c_str());
  UnblockFaults();
  beginning->main();
  return nullptr;
}

// Returns an error of errno's kind, or 0.
int StartThread(pthread_t* thread, std::size_t stack_size_bytes, Beginning* beginning) {
  pthread_attr_t attributes;
  if (const int error = pthread_attr_init(&attributes)) return error;
  int error = 0;
  if (stack_size_bytes != 0) error = pthread_attr_setstacksize(&attributes, stack_size_bytes);
  if (error == 0) error = pthread_create(thread, &attributes, Main, beginning);
  pthread_attr_destroy(&attributes);
  return error;
}

}  // namespace

RuntimeThread::~RuntimeThread() {
  WEFT_CHECK(!is_running_) << "~RuntimeThread(): expected that it was joined, found it running";
}

absl::Status RuntimeThread::Start(const std::string& name, std::size_t stack_size_bytes,
                                  std::function<void()> main) {
  WEFT_CHECK(!is_running_) << "RuntimeThread::Start(): it runs already";
  auto beginning = std::make_unique<Beginning>(Beginning{name, std::move(main)});
  const int error = StartThread(&thread_, stack_size_bytes, beginning.get());
  if (error != 0) {
    const std::string stack = stack_size_bytes == 0
                                  ? "of the default size"
                                  : absl::StrCat("of ", stack_size_bytes, " bytes");
    return absl::ErrnoToStatus(
        error, absl::StrCat("starting the thread ", name, " with a stack ", stack,
                            "; ask for fewer threads or a smaller stack, or raise the limits of "
                            "threads (ulimit -u, pids.max) and of memory (ulimit -v)"));
  }
  (void)beginning.release();  // Main() has it.
  is_running_ = true;
  return absl::OkStatus();
}

void RuntimeThread::Join() {
  if (!is_running_) return;
  pthread_join(thread_, nullptr);
  is_running_ = false;
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
