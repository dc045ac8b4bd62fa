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

}  // namespace
}  // namespace weft::runtime_internal
