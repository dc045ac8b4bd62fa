// base/check.h — stop the program, with a message, when a caller broke a contract.
//
//   WEFT_CHECK(capacity > 0) << "BoundedQueue(): capacity must be positive, found " << capacity;
//
// A failed check is a bug of the caller, never an event of the environment (those are
// absl::Status). The message goes to standard error with file, line and the failed condition; then
// the program aborts.
//
//   WEFT_CHECK(condition)   is always on.
//   WEFT_DCHECK(condition)  is on unless NDEBUG is defined; then the condition is compiled but not
//                           evaluated.
//   WEFT_FATAL()            always fails.
#ifndef WEFT_BASE_CHECK_H_
#define WEFT_BASE_CHECK_H_

#if __cplusplus < 202002L
#error "weft needs C++20: add --cxxopt=-std=c++20 (and --host_cxxopt) to your .bazelrc"
#endif

#include <ostream>
#include <sstream>

namespace weft::base_internal {

// Collects the message of one failed check and aborts when it is destroyed.
class CheckFailure {
 public:
  CheckFailure(const char* file, int line, const char* condition);
  CheckFailure(const CheckFailure&) = delete;
  CheckFailure& operator=(const CheckFailure&) = delete;
  [[noreturn]] ~CheckFailure();

  std::ostream& stream() { return message_; }

 private:
  std::ostringstream message_;
};

// Turns `stream << a << b` into void, so that both arms of the conditional in WEFT_CHECK agree.
// `&` binds looser than `<<` and tighter than `?:`.
struct Voidify {
  void operator&(std::ostream&) const {}
};

}  // namespace weft::base_internal

#define WEFT_BASE_CHECK_FAILURE_(text) \
  ::weft::base_internal::Voidify() &   \
      ::weft::base_internal::CheckFailure(__FILE__, __LINE__, text).stream()

#define WEFT_CHECK(condition) \
  __builtin_expect(!!(condition), 1) ? (void)0 : WEFT_BASE_CHECK_FAILURE_(#condition)

#define WEFT_FATAL() WEFT_BASE_CHECK_FAILURE_("")

#ifdef NDEBUG
#define WEFT_DCHECK(condition) WEFT_CHECK(true || (condition))
#else
#define WEFT_DCHECK(condition) WEFT_CHECK(condition)
#endif

#endif  // WEFT_BASE_CHECK_H_
