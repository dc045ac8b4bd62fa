// What passes by a RunNext, what is refused, and what is counted.
#include "future/run_next.h"

#include <cstdint>

#include "future/executor.h"
#include "future/run_next_test_executor.h"
#include "gtest/gtest.h"

namespace weft {
namespace {

class Task final : public Runnable {
 public:
  void Run() noexcept override {}
};

class RunNextTest : public testing::Test {
 protected:
  RunNextTest() {
    next_.Open(executor_, wants_);
    next_.runs_left() = 3;
  }

  void SetUp() override {
    if (!next_.IsOpen()) GTEST_SKIP() << "this kernel has no asymmetric barriers";
  }

  RunNextTestExecutor executor_;
  RunNext::Wants wants_{0};
  RunNext next_;
  Task task_, other_;
};

TEST_F(RunNextTest, ATaskPassesByItsOwnThread) {
  EXPECT_TRUE(next_.TryStart(executor_, &task_));
  EXPECT_FALSE(next_.IsEmpty());
  EXPECT_FALSE(next_.TryTake(&other_));
  EXPECT_TRUE(next_.TryTake(&task_));
  EXPECT_TRUE(next_.IsEmpty());
  next_.CountEnd();
  EXPECT_EQ(next_.tally().spawned(), 1u);
  EXPECT_EQ(next_.tally().ended(), 1u);
  EXPECT_EQ(next_.taken(), 1u);
  EXPECT_EQ(executor_.kept + executor_.ends, 0);
}

TEST_F(RunNextTest, HoldsOneTaskOfItsOwnExecutor) {
  RunNextTestExecutor foreign;
  EXPECT_FALSE(next_.TryStart(foreign, &task_));
  EXPECT_TRUE(next_.TryStart(executor_, &task_));
  EXPECT_FALSE(next_.TryStart(executor_, &other_));
  EXPECT_EQ(next_.tally().spawned(), 1u);
  EXPECT_EQ(&next_.TokenOf(executor_), &executor_.token());
  EXPECT_EQ(&next_.TokenOf(foreign), &foreign.token());
}

TEST_F(RunNextTest, TellsWhoWantsToBeTold) {
  wants_ = 1;
  EXPECT_TRUE(next_.TryStart(executor_, &task_));
  EXPECT_EQ(executor_.kept, 1);
  EXPECT_TRUE(next_.TryTake(&task_));
  next_.WatchEnds();
  next_.CountEnd();
  EXPECT_EQ(executor_.ends, 1);
}

TEST_F(RunNextTest, WantsAreTheLowerHalfAsASignedNumber) {
  EXPECT_FALSE(RunNext::IsWanted(0));
  EXPECT_TRUE(RunNext::IsWanted(7));
  EXPECT_FALSE(RunNext::IsWanted(uint64_t{1} << 32));
  EXPECT_FALSE(RunNext::IsWanted((uint64_t{1} << 31) + 7));
}

TEST_F(RunNextTest, OnlySoManyRunsPass) {
  for (int i = 0; i < 2; ++i) {
    EXPECT_TRUE(next_.TryStart(executor_, &task_));
    EXPECT_TRUE(next_.TryTake(&task_));
  }
  EXPECT_TRUE(next_.TryStart(executor_, &task_));
  EXPECT_FALSE(next_.TryTake(&task_));
  next_.runs_left() = 2;
  EXPECT_TRUE(next_.TryTake(&task_));
}

TEST_F(RunNextTest, ATaskThatGivesWayGoesOnWhereNothingElseIs) {
  EXPECT_TRUE(next_.TryGoOn(&executor_));
  EXPECT_TRUE(next_.TryGoOn(&executor_));
  EXPECT_EQ(next_.went_on(), 2u);
  EXPECT_FALSE(next_.TryGoOn(&executor_)) << "the executor was not asked whether it may";
  executor_.goes_on = 1;
  EXPECT_TRUE(next_.TryGoOn(&executor_));
  EXPECT_EQ(next_.went_on(), 2u) << "counted twice: the executor has";
}

TEST_F(RunNextTest, ATaskThatGivesWayGivesWayToTheOneThatIsHere) {
  RunNextTestExecutor foreign;
  EXPECT_FALSE(next_.TryGoOn(&foreign));
  EXPECT_TRUE(next_.TryStart(executor_, &task_));
  EXPECT_FALSE(next_.TryGoOn(&executor_));
}

TEST_F(RunNextTest, AReasonShutsTheWaysOut) {
  next_.Set(RunNext::kOthersWait);
  EXPECT_FALSE(next_.IsEasy());
  EXPECT_TRUE(next_.IsEasyBut(RunNext::kOthersWait));
  EXPECT_TRUE(next_.TryStart(executor_, &task_));
  EXPECT_FALSE(next_.TryTake(&task_));
  next_.Set(RunNext::kClasses);
  next_.Clear(RunNext::kOthersWait);
  EXPECT_FALSE(next_.TryTake(&task_));
  next_.Clear(RunNext::kClasses);
  EXPECT_TRUE(next_.TryTake(&task_));
}

TEST_F(RunNextTest, WhereAllIsSpecialNothingComesIn) {
  next_.Set(RunNext::kSpecial);
  EXPECT_FALSE(next_.TryStart(executor_, &task_));
  EXPECT_TRUE(next_.IsEmpty());
  EXPECT_EQ(next_.tally().spawned(), 0u);
}

TEST_F(RunNextTest, WhereTheNextSpawnIsSharedTheOthersGoOn) {
  EXPECT_TRUE(next_.TryStart(executor_, &task_));
  next_.Set(RunNext::kShares);
  EXPECT_TRUE(next_.IsEasy());
  EXPECT_TRUE(next_.IsEasyBut(RunNext::kOthersWait));
  EXPECT_TRUE(next_.TryTake(&task_));
  EXPECT_TRUE(next_.TryGoOn(&executor_));
  EXPECT_FALSE(next_.TryStart(executor_, &task_));
  next_.Clear(RunNext::kShares);
  EXPECT_TRUE(next_.TryStart(executor_, &task_));
}

TEST_F(RunNextTest, ATaskThatIsRaidedIsGone) {
  EXPECT_TRUE(next_.TryStart(executor_, &task_));
  ASSERT_TRUE(next_.lock().TryLock());
  EXPECT_EQ(next_.Peek(), &task_);
  EXPECT_FALSE(next_.TryTake(&task_)) << "taken while a raider holds the lock";
  next_.Put(nullptr);
  next_.lock().Unlock();
  EXPECT_FALSE(next_.TryTake(&task_));
  EXPECT_TRUE(next_.TryStart(executor_, &other_));
}

TEST_F(RunNextTest, NoRunPassesOnALowStack) {
  EXPECT_TRUE(next_.TryStart(executor_, &task_));
  next_.LimitStack(reinterpret_cast<const char*>(UINTPTR_MAX));
  EXPECT_FALSE(next_.TryTake(&task_));
}

TEST_F(RunNextTest, BelongsToAThread) {
  RunNext& before = future_internal::ThisRunNext();
  EXPECT_FALSE(before.IsOpen());
  {
    const RunNextOfThread own(next_);
    EXPECT_EQ(&future_internal::ThisRunNext(), &next_);
  }
  EXPECT_EQ(&future_internal::ThisRunNext(), &before);
  EXPECT_FALSE(before.TryStart(executor_, &task_));
  EXPECT_FALSE(before.TryTake(&task_));
}

TEST_F(RunNextTest, NothingPassesOnceItIsClosed) {
  EXPECT_TRUE(next_.TryStart(executor_, &task_));
  next_.Close();
  EXPECT_FALSE(next_.TryTake(&task_));
  EXPECT_FALSE(next_.TryStart(executor_, &other_));
  EXPECT_FALSE(next_.TryGoOn(&executor_));
}

}  // namespace
}  // namespace weft
