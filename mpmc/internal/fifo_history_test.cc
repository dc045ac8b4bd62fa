// Goal: the checker of histories accepts what a bounded queue can answer and sees what it cannot.
#include "mpmc/internal/fifo_history.h"

#include <vector>

#include "gtest/gtest.h"

namespace weft::mpmc_internal {
namespace {

using Kind = FifoOperation::Kind;
constexpr int kNothing = FifoOperation::kNothing;

bool Check(std::size_t capacity, const std::vector<FifoOperation>& operations) {
  return FifoHistory(capacity, operations).IsLinearizable();
}

TEST(FifoHistoryTest, AcceptsASequenceOfAQueue) {
  EXPECT_TRUE(Check(1, {{Kind::kEmpty, kNothing, kNothing, 0, 1},
                        {Kind::kPush, 1, kNothing, 2, 3},
                        {Kind::kFull, kNothing, kNothing, 4, 5},
                        {Kind::kOverwrite, 2, 1, 6, 7},
                        {Kind::kPop, 2, kNothing, 8, 9},
                        {Kind::kOverwrite, 3, kNothing, 10, 11}}));
}

TEST(FifoHistoryTest, AcceptsEitherOrderOfWhatOverlaps) {
  for (int first : {1, 2}) {
    EXPECT_TRUE(Check(2, {{Kind::kPush, 1, kNothing, 0, 3},
                          {Kind::kPush, 2, kNothing, 1, 2},
                          {Kind::kPop, first, kNothing, 4, 5},
                          {Kind::kPop, 3 - first, kNothing, 6, 7}}));
  }
}

TEST(FifoHistoryTest, SeesAnInversion) {
  EXPECT_FALSE(Check(2, {{Kind::kPush, 1, kNothing, 0, 1},
                         {Kind::kPush, 2, kNothing, 2, 3},
                         {Kind::kPop, 2, kNothing, 4, 5},
                         {Kind::kPop, 1, kNothing, 6, 7}}));
}

TEST(FifoHistoryTest, SeesAWrongEmpty) {
  EXPECT_FALSE(Check(2, {{Kind::kPush, 1, kNothing, 0, 1},
                         {Kind::kEmpty, kNothing, kNothing, 2, 3},
                         {Kind::kPop, 1, kNothing, 4, 5}}));
}

// The unfinished push of the first thread hides that of the second: a weak pop.
TEST(FifoHistoryTest, SeesAWeakEmpty) {
  EXPECT_FALSE(Check(2, {{Kind::kPush, 1, kNothing, 0, 9},
                         {Kind::kPush, 2, kNothing, 1, 2},
                         {Kind::kEmpty, kNothing, kNothing, 3, 4},
                         {Kind::kPop, 1, kNothing, 10, 11},
                         {Kind::kPop, 2, kNothing, 12, 13}}));
}

TEST(FifoHistoryTest, SeesAWrongFull) {
  EXPECT_FALSE(
      Check(2, {{Kind::kPush, 1, kNothing, 0, 1}, {Kind::kFull, kNothing, kNothing, 2, 3}}));
}

TEST(FifoHistoryTest, SeesTooManyValues) {
  EXPECT_FALSE(Check(1, {{Kind::kPush, 1, kNothing, 0, 1}, {Kind::kPush, 2, kNothing, 2, 3}}));
}

TEST(FifoHistoryTest, SeesThatNotTheOldestWasDisplaced) {
  EXPECT_FALSE(Check(2, {{Kind::kPush, 1, kNothing, 0, 1},
                         {Kind::kPush, 2, kNothing, 2, 3},
                         {Kind::kOverwrite, 3, 2, 4, 5}}));
}

TEST(FifoHistoryTest, SeesADoubledValue) {
  EXPECT_FALSE(Check(2, {{Kind::kPush, 1, kNothing, 0, 1},
                         {Kind::kPop, 1, kNothing, 2, 3},
                         {Kind::kPop, 1, kNothing, 2, 3}}));
}

}  // namespace
}  // namespace weft::mpmc_internal
