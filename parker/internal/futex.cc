#include "parker/internal/futex.h"

#include <linux/futex.h>
#include <poll.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <limits>

#include "absl/time/time.h"
#include "base/check.h"
#include "base/instant.h"

// Clang says __has_feature, GCC defines a macro.
#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define WEFT_PARKER_TSAN 1
#endif
#elif defined(__SANITIZE_THREAD__)
#define WEFT_PARKER_TSAN 1
#endif

namespace weft::parker_internal {
namespace {

constexpr int64_t kNanosPerSecond = 1'000'000'000;

// The half of the word that the kernel compares.
const uint32_t* LowHalf(const std::atomic<uint64_t>& word) {
  constexpr int kLowHalf = __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? 0 : 1;
  static_assert(sizeof(word) == 2 * sizeof(uint32_t));
  return reinterpret_cast<const uint32_t*>(&word) + kLowHalf;
}

// False: the deadline has passed.
bool WaitInKernel(const uint32_t* word, uint32_t expected, Instant deadline) {
  if (deadline.nanos() <= 0) return false;  // The kernel refuses negative times.
  timespec absolute{};
  absolute.tv_sec = deadline.nanos() / kNanosPerSecond;
  absolute.tv_nsec = deadline.nanos() % kNanosPerSecond;
  const timespec* const until = deadline == Instant::InfiniteFuture() ? nullptr : &absolute;
  // FUTEX_WAIT_BITSET, unlike FUTEX_WAIT, takes an absolute time on CLOCK_MONOTONIC.
  const long result = syscall(SYS_futex, word, FUTEX_WAIT_BITSET | FUTEX_PRIVATE_FLAG, expected,
                              until, nullptr, FUTEX_BITSET_MATCH_ANY);
  if (result == 0) return true;
  WEFT_CHECK(errno == EAGAIN || errno == EINTR || errno == ETIMEDOUT)
      << "FutexWait(): expected a wake-up, a changed word, a signal or the deadline, found "
      << std::strerror(errno);
  return errno != ETIMEDOUT;
}

#ifdef WEFT_PARKER_TSAN

// ThreadSanitizer puts signals off until the thread enters a call that it intercepts, and syscall()
// is none: a thread in a futex would never run its handlers. A wait with a time limit is one that a
// signal always ends (without, the kernel restarts it), and poll() lets the handler run. The limit
// is short because a signal may also come just before the wait.
bool WaitForSanitizer(const uint32_t* word, uint32_t expected, Instant deadline) {
  const Instant limit = MonotonicNow() + absl::Milliseconds(50);
  const bool is_in_time = WaitInKernel(word, expected, std::min(deadline, limit));
  poll(nullptr, 0, 0);
  return is_in_time || limit < deadline;
}

#endif

}  // namespace

bool FutexAtomics::FutexWait(const std::atomic<uint64_t>& word, uint64_t expected,
                             Instant deadline) {
#ifdef WEFT_PARKER_TSAN
  return WaitForSanitizer(LowHalf(word), static_cast<uint32_t>(expected), deadline);
#else
  return WaitInKernel(LowHalf(word), static_cast<uint32_t>(expected), deadline);
#endif
}

void FutexAtomics::FutexWake(const std::atomic<uint64_t>& word, int count) {
  const long result = syscall(SYS_futex, LowHalf(word), FUTEX_WAKE | FUTEX_PRIVATE_FLAG, count,
                              nullptr, nullptr, 0);
  WEFT_CHECK(result >= 0) << "FutexWake(): expected the kernel to accept the word, found "
                          << std::strerror(errno);
}

}  // namespace weft::parker_internal
