// deque/internal/owner_guard.h — catches a second owner in debug builds.
#ifndef WEFT_DEQUE_INTERNAL_OWNER_GUARD_H_
#define WEFT_DEQUE_INTERNAL_OWNER_GUARD_H_

#include <atomic>

namespace weft::deque_internal {

// Remembers the first thread that called Check() and stops the program when another one does.
// Thread-safe. Costs one word in every build, and a load and a comparison in debug builds only.
class OwnerGuard {
 public:
  // Binds the calling thread, or checks that it is the bound one. `operation` goes into the
  // message.
  void Check(const char* operation) {
#ifndef NDEBUG
    CheckSlow(operation);
#else
    (void)operation;
#endif
  }

  // Forgets the bound thread.
  void Release() { owner_.store(nullptr, std::memory_order_relaxed); }

 private:
  void CheckSlow(const char* operation);

  // Identity of the bound thread. Relaxed: a violation is a bug that need not be caught every time,
  // and the hand-over between two owners is synchronised by the caller.
  std::atomic<const void*> owner_{nullptr};
};

}  // namespace weft::deque_internal

#endif  // WEFT_DEQUE_INTERNAL_OWNER_GUARD_H_
