// Question: which tasks of a worker may others steal, and which would they have to raid?
// Method: one thread, as the owner and as the thief.
#include "runtime/internal/own_tasks.h"

#include "future/executor.h"
#include "gtest/gtest.h"

namespace weft::runtime_internal {
namespace {

class Task final : public Runnable {
 public:
  void Run() noexcept override {}
};

class OwnTasksTest : public testing::Test {
 protected:
  Runnable* Take() {
    return tasks_.Take([] { return OwnTasks::kBatch; }).task;
  }

  OwnTasks tasks_;
  Task first_, second_;
};

TEST_F(OwnTasksTest, ASpawnIsKeptAndTheNextOneIsForAll) {
  EXPECT_EQ(tasks_.PushSpawned(&first_), Queued::kKept);
  EXPECT_TRUE(tasks_.HasPrivate());
  EXPECT_FALSE(tasks_.HasPublic());
  EXPECT_EQ(tasks_.PushSpawned(&second_), Queued::kForAll);
  EXPECT_EQ(tasks_.StealOne(), &second_);
  EXPECT_EQ(Take(), &first_);
  EXPECT_EQ(Take(), nullptr);
}

TEST_F(OwnTasksTest, WhatWasKeptIsForAllOnceItIsPublished) {
  (void)tasks_.PushSpawned(&first_);
  tasks_.PublishSlot();
  EXPECT_FALSE(tasks_.HasPrivate());
  EXPECT_EQ(tasks_.StealOne(), &first_);
  tasks_.PublishSlot();  // nothing is there
  EXPECT_TRUE(tasks_.IsEmptyHint());
}

TEST_F(OwnTasksTest, WhatWasPublishedIsTakenBackByItsOwner) {
  (void)tasks_.PushSpawned(&first_);
  tasks_.PublishSlot();
  EXPECT_EQ(Take(), &first_);
}

TEST_F(OwnTasksTest, OneSpawnIsShared) {
  tasks_.ShareNextSpawn();
  EXPECT_EQ(tasks_.PushSpawned(&first_), Queued::kForAll);
  EXPECT_EQ(tasks_.PushSpawned(&second_), Queued::kKept);
  EXPECT_EQ(tasks_.StealOne(), &first_);
  EXPECT_EQ(tasks_.StealOne(), nullptr);
  EXPECT_EQ(Take(), &second_);
}

// It is warm, and its waker may return at once.
TEST_F(OwnTasksTest, AWakeIsNotShared) {
  tasks_.ShareNextSpawn();
  EXPECT_EQ(tasks_.PushWoken(&first_), Queued::kForSelf);
  EXPECT_EQ(tasks_.StealOne(), nullptr);
  EXPECT_EQ(tasks_.PushSpawned(&second_), Queued::kForAll);
  EXPECT_EQ(Take(), &first_);
  EXPECT_EQ(Take(), &second_);
}

// For yields: tasks_ has `second_`, then `third_`, in its batch.
class OwnTasksYieldTest : public OwnTasksTest {
 protected:
  OwnTasksYieldTest() {
    tasks_.PushAll(rest_);
    EXPECT_EQ(Take(), &first_);
  }

  Runnable* Exchange(Runnable* task, bool nobody_searches) {
    return tasks_.ExchangeYielded(task, [nobody_searches] { return nobody_searches; });
  }

  Task third_;
  Runnable* rest_[3] = {&first_, &second_, &third_};
};

TEST_F(OwnTasksYieldTest, TakesTurnsInTheBatch) {
  EXPECT_EQ(Exchange(&first_, true), &second_);
  EXPECT_EQ(Exchange(&second_, true), &third_);
  EXPECT_FALSE(tasks_.HasPublic());
  EXPECT_EQ(Exchange(&third_, true), &first_);
  EXPECT_EQ(Take(), &second_);
  EXPECT_EQ(Take(), &third_);
  EXPECT_EQ(Take(), nullptr);
}

TEST_F(OwnTasksYieldTest, WhoeverSearchesFindsTheOneThatGaveWay) {
  EXPECT_EQ(Exchange(&first_, false), &second_);
  EXPECT_EQ(tasks_.StealOne(), &first_);
}

TEST_F(OwnTasksYieldTest, TheOneThatGaveWayIsBehindTheQueue) {
  (void)tasks_.PushYielded(&first_);
  EXPECT_TRUE(tasks_.HasPublic());
  Task last;
  EXPECT_EQ(Exchange(&last, true), &second_);
  for (Runnable* next : {&third_, &first_, &last}) EXPECT_EQ(Take(), next);
}

TEST_F(OwnTasksYieldTest, WhatWasWokenGoesFirst) {
  Task woken;
  (void)tasks_.PushWoken(&woken);
  EXPECT_EQ(Exchange(&first_, true), nullptr);
  EXPECT_EQ(Take(), &woken);
  EXPECT_EQ(Exchange(&first_, true), &second_);
}

TEST_F(OwnTasksYieldTest, WhereNothingWaitsNothingIsDone) {
  EXPECT_EQ(Take(), &second_);
  EXPECT_EQ(Take(), &third_);
  EXPECT_EQ(Exchange(&first_, true), nullptr);
  EXPECT_TRUE(tasks_.IsEmptyHint());
  EXPECT_EQ(tasks_.PushYielded(&first_), Queued::kForSelf);
  EXPECT_FALSE(tasks_.HasPublic());
}

}  // namespace
}  // namespace weft::runtime_internal
