// runtime/internal/thread_setup.h — the threads of a runtime.
#ifndef WEFT_RUNTIME_INTERNAL_THREAD_SETUP_H_
#define WEFT_RUNTIME_INTERNAL_THREAD_SETUP_H_

#include <pthread.h>

#include <cstddef>
#include <functional>
#include <string>

#include "absl/status/status.h"

namespace weft::runtime_internal {

// A thread whose start may fail, with a stack of a chosen size. Unlike std::thread, which throws
// then and knows no stacks. Thread-compatible.
class RuntimeThread {
 public:
  RuntimeThread() = default;
  RuntimeThread(const RuntimeThread&) = delete;
  RuntimeThread& operator=(const RuntimeThread&) = delete;
  // Precondition (checked): it does not run.
  ~RuntimeThread();

  // Begins to run main() on a thread of this name (at most 15 characters), on which the signals
  // that a faulting instruction raises are unblocked, whatever mask it has inherited: guests in
  // WebAssembly turn them into traps. A stack of 0 bytes stands for the system's default
  // (ulimit -s). Fails, and starts nothing, where the system has no room for the thread or for its
  // stack. Precondition (checked): it does not run.
  absl::Status Start(const std::string& name, std::size_t stack_size_bytes,
                     std::function<void()> main);

  // Returns when main() has; at once if it does not run.
  void Join();

 private:
  pthread_t thread_{};
  bool is_running_ = false;
};

}  // namespace weft::runtime_internal

#endif  // WEFT_RUNTIME_INTERNAL_THREAD_SETUP_H_
