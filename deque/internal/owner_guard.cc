#include "deque/internal/owner_guard.h"

#include <atomic>

#include "base/check.h"

namespace weft::deque_internal {
namespace {

// An address of its own for each live thread. Never inlined: a coroutine that migrates must not
// reuse the address that it computed on its former thread.
[[gnu::noinline]] const void* CurrentThread() {
  thread_local char identity;
  asm volatile("");
  return &identity;
}

}  // namespace

void OwnerGuard::CheckSlow(const char* operation) {
  const void* const self = CurrentThread();
  const void* bound = nullptr;
  if (owner_.compare_exchange_strong(bound, self, std::memory_order_relaxed,
                                     std::memory_order_relaxed)) {
    return;
  }
  WEFT_CHECK(bound == self)
      << "Deque::" << operation << "() on a second thread: expected the owner (thread " << bound
      << "), found thread " << self
      << "; take items through a Stealer, or let the owner call ReleaseOwnership() first";
}

}  // namespace weft::deque_internal
