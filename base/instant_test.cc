// Question: is Instant's arithmetic exact within its range and saturating at its ends?
#include "base/instant.h"

#include <cstdint>
#include <limits>
#include <type_traits>

#include "absl/time/time.h"
#include "gtest/gtest.h"

namespace weft {
namespace {

static_assert(std::is_trivially_copyable_v<Instant>);
static_assert(sizeof(Instant) == sizeof(int64_t));

TEST(InstantTest, AddsAndSubtractsDurationsExactly) {
  const Instant start = Instant::FromNanos(1'000);
  EXPECT_EQ(start + absl::Nanoseconds(1), Instant::FromNanos(1'001));
  EXPECT_EQ(start - absl::Nanoseconds(1), Instant::FromNanos(999));
  EXPECT_EQ(start - absl::Microseconds(2), Instant::FromNanos(-1'000));
  EXPECT_EQ(Instant::FromNanos(5'000'000) - start, absl::Nanoseconds(4'999'000));
}

TEST(InstantTest, OrdersByTime) {
  EXPECT_LT(Instant::InfinitePast(), Instant::FromNanos(-1));
  EXPECT_LT(Instant::FromNanos(-1), Instant());
  EXPECT_LT(Instant(), Instant::InfiniteFuture());
  EXPECT_EQ(Instant(), Instant::FromNanos(0));
}

TEST(InstantTest, InfiniteInstantsDoNotMove) {
  EXPECT_EQ(Instant::InfiniteFuture() - absl::Hours(1), Instant::InfiniteFuture());
  EXPECT_EQ(Instant::InfiniteFuture() - absl::InfiniteDuration(), Instant::InfiniteFuture());
  EXPECT_EQ(Instant::InfinitePast() + absl::Hours(1), Instant::InfinitePast());
}

TEST(InstantTest, InfiniteDurationLeadsToInfinityFromEverywhere) {
  for (const int64_t nanos : {int64_t{-1'000}, int64_t{0}, int64_t{1'000}}) {
    const Instant instant = Instant::FromNanos(nanos);
    EXPECT_EQ(instant + absl::InfiniteDuration(), Instant::InfiniteFuture()) << nanos;
    EXPECT_EQ(instant - absl::InfiniteDuration(), Instant::InfinitePast()) << nanos;
  }
}

TEST(InstantTest, SaturatesInsteadOfWrapping) {
  const Instant late = Instant::FromNanos(std::numeric_limits<int64_t>::max() - 10);
  const Instant early = Instant::FromNanos(std::numeric_limits<int64_t>::min() + 10);
  EXPECT_EQ(late + absl::Nanoseconds(11), Instant::InfiniteFuture());
  EXPECT_EQ(early - absl::Nanoseconds(11), Instant::InfinitePast());
  EXPECT_EQ(Instant() + absl::Hours(24 * 365 * 1'000), Instant::InfiniteFuture());
}

TEST(InstantTest, DifferenceOfDistantInstantsDoesNotOverflow) {
  const Instant late = Instant::FromNanos(std::numeric_limits<int64_t>::max() - 1);
  const Instant early = Instant::FromNanos(std::numeric_limits<int64_t>::min() + 1);
  EXPECT_EQ(late - early, absl::Nanoseconds(late.nanos()) - absl::Nanoseconds(early.nanos()));
  EXPECT_GT(late - early, absl::Hours(24 * 365 * 500));
}

TEST(InstantTest, DifferenceWithInfinity) {
  EXPECT_EQ(Instant::InfiniteFuture() - Instant(), absl::InfiniteDuration());
  EXPECT_EQ(Instant() - Instant::InfiniteFuture(), -absl::InfiniteDuration());
  EXPECT_EQ(Instant() - Instant::InfinitePast(), absl::InfiniteDuration());
  EXPECT_EQ(Instant::InfiniteFuture() - Instant::InfiniteFuture(), absl::ZeroDuration());
  EXPECT_EQ(Instant::InfiniteFuture() - Instant::InfinitePast(), absl::InfiniteDuration());
}

TEST(InstantTest, MonotonicNowNeverGoesBack) {
  Instant previous = MonotonicNow();
  for (int i = 0; i < 1'000; ++i) {
    const Instant now = MonotonicNow();
    EXPECT_LE(previous, now);
    previous = now;
  }
}

}  // namespace
}  // namespace weft
