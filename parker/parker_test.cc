// Goal: the token semantics, one bullet of the contract a test. Threads appear only where a bullet
// is about them; nothing here depends on how fast they run.
#include "parker/parker.h"

#include <thread>
#include <type_traits>
#include <utility>

#include "absl/time/time.h"
#include "base/instant.h"
#include "gtest/gtest.h"

namespace weft {
namespace {

static_assert(!std::is_copy_constructible_v<Parker>);
static_assert(std::is_copy_constructible_v<Unparker>);
static_assert(sizeof(Unparker) == sizeof(void*));

TEST(ParkerTest, TokenBeforeParkIsKept) {
  Parker parker;
  parker.unparker().Unpark();
  parker.Park();  // Would hang without the token.
  EXPECT_FALSE(parker.TryPark());
}

TEST(ParkerTest, TokensDoNotAddUp) {
  Parker parker;
  const Unparker unparker = parker.unparker();
  for (int i = 0; i < 3; ++i) unparker.Unpark();
  EXPECT_TRUE(parker.TryPark());
  EXPECT_FALSE(parker.TryPark());
}

TEST(ParkerTest, EachTokenIsSpentOnce) {
  Parker parker;
  const Unparker unparker = parker.unparker();
  for (int i = 0; i < 100; ++i) {
    unparker.Unpark();
    EXPECT_TRUE(parker.TryPark());
    EXPECT_FALSE(parker.TryPark());
  }
}

TEST(ParkerTest, ParkUntilAPastDeadlineReturnsWithoutAToken) {
  Parker parker;
  EXPECT_EQ(parker.ParkUntil(Instant::InfinitePast()), ParkResult::kDeadline);
  EXPECT_EQ(parker.ParkUntil(Instant::FromNanos(1)), ParkResult::kDeadline);
  EXPECT_EQ(parker.ParkUntil(MonotonicNow()), ParkResult::kDeadline);
}

TEST(ParkerTest, TokenWinsOverAPastDeadline) {
  Parker parker;
  parker.unparker().Unpark();
  EXPECT_EQ(parker.ParkUntil(Instant::InfinitePast()), ParkResult::kToken);
  EXPECT_EQ(parker.ParkUntil(Instant::InfinitePast()), ParkResult::kDeadline);
}

TEST(ParkerTest, ParkUntilNeverReturnsBeforeItsDeadline) {
  Parker parker;
  const Instant deadline = MonotonicNow() + absl::Milliseconds(5);
  EXPECT_EQ(parker.ParkUntil(deadline), ParkResult::kDeadline);
  EXPECT_GE(MonotonicNow(), deadline);
}

TEST(ParkerTest, TokenAfterADeadlineIsKeptForTheNextPark) {
  Parker parker;
  EXPECT_EQ(parker.ParkUntil(MonotonicNow() + absl::Microseconds(10)), ParkResult::kDeadline);
  parker.unparker().Unpark();
  EXPECT_EQ(parker.ParkUntil(MonotonicNow()), ParkResult::kToken);
}

TEST(ParkerTest, ParkSleepsUntilAnotherThreadUnparks) {
  Parker parker;
  int payload = 0;  // Not atomic: the token orders the accesses.
  std::thread other([&payload, unparker = parker.unparker()] {
    payload = 42;
    unparker.Unpark();
  });
  parker.Park();
  EXPECT_EQ(payload, 42);
  other.join();
}

TEST(ParkerTest, UnparkerMayOutliveItsParker) {
  Unparker unparker = Parker().unparker();
  unparker.Unpark();
  Unparker copy = unparker;
  copy.Unpark();
}

TEST(ParkerTest, HandleTravelsThroughAVoidPointer) {
  Parker parker;
  void* const raw = parker.unparker().IntoRaw();
  Unparker::FromRaw(raw).Unpark();
  EXPECT_TRUE(parker.TryPark());
}

TEST(ParkerTest, CopiesAndMovesAllHandTokensToTheSameParker) {
  Parker parker;
  Unparker first = parker.unparker();
  Unparker second = first;
  Unparker third = std::move(first);
  first = third;
  for (const Unparker* unparker : {&first, &second, &third}) {
    unparker->Unpark();
    EXPECT_TRUE(parker.TryPark());
  }
}

}  // namespace
}  // namespace weft
