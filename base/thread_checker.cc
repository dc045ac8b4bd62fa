#include "base/thread_checker.h"

#include <atomic>

#include "base/check.h"

namespace weft {
namespace {

// An address of its own for each live thread. Never inlined: a coroutine that migrates must not
// reuse the address that it computed on its former thread.
[[gnu::noinline]] const void* CurrentThread() {
  thread_local char identity;
  asm volatile("");
  return &identity;
}

}  // namespace

void ThreadChecker::CheckSlow(const char* operation, const char* role, const char* advice) {
  const void* const self = CurrentThread();
  const void* bound = nullptr;
  if (thread_.compare_exchange_strong(bound, self, std::memory_order_relaxed,
                                      std::memory_order_relaxed)) {
    return;
  }
  WEFT_CHECK(bound == self) << operation << " on a second thread: expected " << role << " (thread "
                            << bound << "), found thread " << self << "; " << advice;
}

}  // namespace weft
