// Goal: the harness of the stress tests sees the faults that it is there for.
#include "mpmc/internal/queue_stress.h"

#include <optional>
#include <string>
#include <vector>

#include "gtest/gtest.h"

namespace weft::mpmc_internal {
namespace {

TEST(QueueStressTest, AcceptsEachItemOnceInOrder) {
  EXPECT_EQ(CheckArrivals({{{0, 0}, {1, 0}, {0, 1}}, {{1, 1}}}, 2, 2), "");
}

TEST(QueueStressTest, SeesALostItem) {
  EXPECT_EQ(CheckArrivals({{{0, 0}, {0, 2}}}, 1, 3), "a lost item");
}

TEST(QueueStressTest, SeesADuplicate) {
  EXPECT_EQ(CheckArrivals({{{0, 0}, {0, 1}}, {{0, 1}}}, 1, 2), "an item that arrived twice");
}

TEST(QueueStressTest, SeesAnInversion) {
  EXPECT_EQ(CheckArrivals({{{0, 1}, {0, 0}}}, 1, 2), "a producer's items out of order");
}

TEST(QueueStressTest, SeesAnItemThatNobodyPushed) {
  EXPECT_EQ(CheckArrivals({{{0, 7}}}, 1, 2), "an item that nobody pushed");
}

}  // namespace
}  // namespace weft::mpmc_internal
