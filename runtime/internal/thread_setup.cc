#include "runtime/internal/thread_setup.h"

#include <pthread.h>
#include <signal.h>

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
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

}  // namespace weft::runtime_internal
