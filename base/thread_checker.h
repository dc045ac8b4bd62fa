// base/thread_checker.h — catches, in debug builds, a second thread in a role that only one may
// have.
//
//   class Log {
//    public:
//     void Append(Line line) {
//       writer_.Check("Log::Append()", "the writer", "give the role up with ReleaseWriter()");
//       ...
//     }
//    private:
//     weft::ThreadChecker writer_;
//   };
#ifndef WEFT_BASE_THREAD_CHECKER_H_
#define WEFT_BASE_THREAD_CHECKER_H_

#include <atomic>

namespace weft {

// Remembers the first thread that called Check() and stops the program when another one does.
// Thread-safe. One word in every build; a load and a comparison in debug builds only.
class ThreadChecker {
 public:
  // Binds the calling thread, or checks that it is the bound one. The message says that `operation`
  // was called on a second thread, that `role` was expected, and what to do: `advice`.
  void Check(const char* operation, const char* role, const char* advice) {
#ifndef NDEBUG
    CheckSlow(operation, role, advice);
#else
    (void)operation, (void)role, (void)advice;
#endif
  }

  // Forgets the bound thread: the next one that calls Check() takes its place.
  void Release() { thread_.store(nullptr, std::memory_order_relaxed); }

 private:
  void CheckSlow(const char* operation, const char* role, const char* advice);

  // Identity of the bound thread. Relaxed: a violation is a bug that need not be caught every time,
  // and the hand-over of a role is synchronised by the caller.
  std::atomic<const void*> thread_{nullptr};
};

}  // namespace weft

#endif  // WEFT_BASE_THREAD_CHECKER_H_
