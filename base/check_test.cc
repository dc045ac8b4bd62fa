// Question: does a failed check stop the program with a message that says where, what and why, and
// does a passing one cost nothing but its condition?
#include "base/check.h"

#include "gtest/gtest.h"

namespace weft {
namespace {

int Touch(int* calls) { return ++*calls; }

TEST(CheckTest, PassingCheckDoesNotEvaluateItsMessage) {
  int calls = 0;
  WEFT_CHECK(true) << Touch(&calls);
  EXPECT_EQ(calls, 0);
}

TEST(CheckTest, ConditionIsEvaluatedExactlyOnce) {
  int calls = 0;
  WEFT_CHECK(Touch(&calls) == 1) << "first call";
  EXPECT_EQ(calls, 1);
}

TEST(CheckTest, BindsToNoElseOfTheCaller) {
  bool reached_else = false;
  if (false)
    WEFT_CHECK(true) << "not reached";
  else
    reached_else = true;
  EXPECT_TRUE(reached_else);
}

TEST(CheckDeathTest, FailedCheckNamesFileConditionAndMessage) {
  const int capacity = -3;
  EXPECT_DEATH(WEFT_CHECK(capacity > 0) << "capacity must be positive, found " << capacity,
               "check_test.cc:[0-9]+: check failed: capacity > 0: capacity must be positive, "
               "found -3");
}

TEST(CheckDeathTest, FatalAlwaysStops) {
  EXPECT_DEATH(WEFT_FATAL() << "this state cannot be",
               "check_test.cc:[0-9]+: this state cannot be");
}

TEST(CheckDeathTest, DcheckStopsInDebugOnly) {
  EXPECT_DEBUG_DEATH(WEFT_DCHECK(1 + 1 == 3) << "arithmetic", "check failed: .*arithmetic");
}

#ifdef NDEBUG
TEST(CheckTest, DcheckDoesNotEvaluateItsConditionWithNdebug) {
  int calls = 0;
  WEFT_DCHECK(Touch(&calls) == 2) << "not evaluated";
  EXPECT_EQ(calls, 0);
}
#endif

[[maybe_unused]] int FatalNeedsNoReturnBehindIt(bool ok) {
  if (ok) return 1;
  WEFT_FATAL() << "the compiler knows that this does not return";
}

}  // namespace
}  // namespace weft
