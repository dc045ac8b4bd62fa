#include "base/instant.h"

#include <ctime>

namespace weft {
namespace {

bool IsInfinite(Instant instant) {
  return instant == Instant::InfiniteFuture() || instant == Instant::InfinitePast();
}

}  // namespace

Instant operator+(Instant instant, absl::Duration duration) {
  if (IsInfinite(instant)) return instant;
  if (duration == absl::InfiniteDuration()) return Instant::InfiniteFuture();
  if (duration == -absl::InfiniteDuration()) return Instant::InfinitePast();
  // ToInt64Nanoseconds saturates, and so does the addition below.
  int64_t sum = 0;
  if (__builtin_add_overflow(instant.nanos_, absl::ToInt64Nanoseconds(duration), &sum)) {
    return duration > absl::ZeroDuration() ? Instant::InfiniteFuture() : Instant::InfinitePast();
  }
  return Instant(sum);
}

absl::Duration operator-(Instant a, Instant b) {
  if (a == b) return absl::ZeroDuration();
  if (a == Instant::InfiniteFuture() || b == Instant::InfinitePast()) {
    return absl::InfiniteDuration();
  }
  if (a == Instant::InfinitePast() || b == Instant::InfiniteFuture()) {
    return -absl::InfiniteDuration();
  }
  return absl::Nanoseconds(a.nanos_) - absl::Nanoseconds(b.nanos_);
}

Instant MonotonicNow() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return Instant::FromNanos(int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec);
}

}  // namespace weft
