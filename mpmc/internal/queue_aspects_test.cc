// Goal: CheckAspects() accepts what a queue may do, and names each planted fault.
#include "mpmc/internal/queue_aspects.h"

#include <string>

#include "gtest/gtest.h"

namespace weft::mpmc_internal {
namespace {

TEST(QueueAspectsTest, AcceptsAQueueAndConcurrentOperationsInAnyOrder) {
  EXPECT_EQ(CheckAspects({}), "");
  EXPECT_EQ(CheckAspects({{{1, {1, 2}}, {2, {3, 4}}}, {{1, {5, 6}}, {2, {7, 8}}}, {{9, 10}}}), "");
  // The pushes overlap, so 2 may come first.
  EXPECT_EQ(CheckAspects({{{1, {1, 4}}, {2, {2, 3}}}, {{2, {5, 6}}, {1, {7, 8}}}, {}}), "");
  // The pops overlap.
  EXPECT_EQ(CheckAspects({{{1, {1, 2}}, {2, {3, 4}}}, {{2, {5, 7}}, {1, {6, 8}}}, {}}), "");
  // Between the pop of 1 and the push of 2 the queue may have been empty.
  EXPECT_EQ(CheckAspects({{{1, {1, 2}}, {2, {4, 7}}}, {{1, {3, 6}}, {2, {9, 10}}}, {{5, 8}}}), "");
}

TEST(QueueAspectsTest, NamesEachFault) {
  EXPECT_EQ(CheckAspects({{{1, {1, 2}}, {1, {3, 4}}}, {{1, {5, 6}}}, {}}),
            "a value was pushed twice");
  EXPECT_EQ(CheckAspects({{}, {{1, {1, 2}}}, {}}), "a value was popped that nobody pushed");
  EXPECT_EQ(CheckAspects({{{1, {1, 2}}}, {{1, {3, 4}}, {1, {5, 6}}}, {}}),
            "a value was popped twice");
  EXPECT_EQ(CheckAspects({{{1, {3, 4}}}, {{1, {1, 2}}}, {}}),
            "a value was popped before it was pushed");
  EXPECT_EQ(CheckAspects({{{1, {1, 2}}}, {}, {}}), "a value was lost");
  EXPECT_EQ(CheckAspects({{{1, {1, 2}}, {2, {3, 4}}}, {{2, {5, 6}}, {1, {7, 8}}}, {}}),
            "a later value overtook an earlier one");
}

TEST(QueueAspectsTest, NamesAFalseEmptyAlsoWhenNoSingleValueShowsIt) {
  EXPECT_EQ(CheckAspects({{{1, {1, 2}}}, {{1, {5, 6}}}, {{3, 4}}}),
            "'empty' was said of a queue that was not");
  // 1 is inside up to 6, 2 from 5 on.
  EXPECT_EQ(CheckAspects({{{1, {1, 2}}, {2, {4, 5}}}, {{1, {6, 7}}, {2, {9, 10}}}, {{3, 8}}}),
            "'empty' was said of a queue that was not");
}

}  // namespace
}  // namespace weft::mpmc_internal
