#include "parker/internal/futex.h"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstring>

#include "base/check.h"
#include "base/instant.h"

namespace weft::parker_internal {
namespace {

constexpr int64_t kNanosPerSecond = 1'000'000'000;

}  // namespace

void FutexWait(const uint32_t* word, uint32_t expected, Instant deadline) {
  if (deadline.nanos() <= 0) return;  // The kernel refuses negative times; they have passed anyway.
  timespec absolute{};
  absolute.tv_sec = deadline.nanos() / kNanosPerSecond;
  absolute.tv_nsec = deadline.nanos() % kNanosPerSecond;
  const timespec* const until = deadline == Instant::InfiniteFuture() ? nullptr : &absolute;
  // FUTEX_WAIT_BITSET, unlike FUTEX_WAIT, takes an absolute time on CLOCK_MONOTONIC.
  const long result = syscall(SYS_futex, word, FUTEX_WAIT_BITSET | FUTEX_PRIVATE_FLAG, expected,
                              until, nullptr, FUTEX_BITSET_MATCH_ANY);
  WEFT_CHECK(result == 0 || errno == EAGAIN || errno == EINTR || errno == ETIMEDOUT)
      << "FutexWait(): expected a wake-up, a changed word, a signal or the deadline, found "
      << std::strerror(errno);
}

void FutexWakeOne(const uint32_t* word) {
  const long result =
      syscall(SYS_futex, word, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, 1, nullptr, nullptr, 0);
  WEFT_CHECK(result >= 0) << "FutexWakeOne(): expected the kernel to accept the word, found "
                          << std::strerror(errno);
}

}  // namespace weft::parker_internal
