// Goal: the spin adapts to how long tokens take, in both directions, within its bound.
#include "parker/internal/adaptive_spin.h"

#include "gtest/gtest.h"

namespace weft::parker_internal {
namespace {

constexpr int kMax = 1000;

TEST(AdaptiveSpinTest, NeverSpinsWithoutABudget) {
  AdaptiveSpin spin(0);
  for (int i = 0; i < 100; ++i) {
    EXPECT_EQ(spin.Budget(), 0);
    spin.Miss();
  }
}

TEST(AdaptiveSpinTest, TriesTheWholeBudgetFirst) {
  AdaptiveSpin spin(kMax);
  EXPECT_EQ(spin.Budget(), kMax);
}

TEST(AdaptiveSpinTest, SpinsLittleWhereTokensAreLate) {
  AdaptiveSpin spin(kMax);
  for (int i = 0; i < 100; ++i) {
    spin.Budget();
    spin.Hit(kMax - 1);
  }
  int sum = 0;
  for (int i = 0; i < 100; ++i) {
    spin.Budget();
    spin.Miss();
  }
  constexpr int kRounds = 320;
  for (int i = 0; i < kRounds; ++i) {
    sum += spin.Budget();
    spin.Miss();
  }
  EXPECT_LE(sum / kRounds, kMax / 16);
}

TEST(AdaptiveSpinTest, SpinsLongEnoughWhereTokensComeInTime) {
  AdaptiveSpin spin(kMax);
  for (int i = 0; i < 1000; ++i) {
    if (spin.Budget() >= 200) {
      spin.Hit(200);
    } else {
      spin.Miss();
    }
  }
  // The whole budget is tried now and then, so that it learns; then it is long enough for good.
  for (int i = 0; i < 100; ++i) {
    EXPECT_GE(spin.Budget(), 200);
    spin.Hit(200);
  }
}

TEST(AdaptiveSpinTest, NeverSpinsMoreThanTheBudget) {
  AdaptiveSpin spin(kMax);
  for (int i = 0; i < 1000; ++i) {
    EXPECT_LE(spin.Budget(), kMax);
    spin.Hit(kMax);
  }
}

}  // namespace
}  // namespace weft::parker_internal
