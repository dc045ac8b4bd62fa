// Question: does SpinBackoff say in bounded time that spinning is a waste, and start afresh?
#include "base/backoff.h"

#include "gtest/gtest.h"

namespace weft {
namespace {

int RoundsUntilSpent(SpinBackoff* backoff) {
  int rounds = 0;
  while (!backoff->IsSpent()) {
    backoff->Spin();
    ++rounds;
  }
  return rounds;
}

TEST(SpinBackoffTest, IsSpentAfterTheLongestRound) {
  SpinBackoff backoff;
  EXPECT_FALSE(backoff.IsSpent());
  EXPECT_EQ(RoundsUntilSpent(&backoff), 7);  // 1, 2, 4 ... 64 pauses
}

TEST(SpinBackoffTest, ResetStartsWithTheShortestRound) {
  SpinBackoff backoff;
  const int rounds = RoundsUntilSpent(&backoff);
  backoff.Reset();
  EXPECT_FALSE(backoff.IsSpent());
  EXPECT_EQ(RoundsUntilSpent(&backoff), rounds);
}

TEST(SpinBackoffTest, MaySpinOnWhenSpent) {
  SpinBackoff backoff;
  RoundsUntilSpent(&backoff);
  backoff.Spin();
  EXPECT_TRUE(backoff.IsSpent());
}

}  // namespace
}  // namespace weft
