// What a ForkQueue promises to its owner and to others, on one thread. With threads:
// //runtime:coroutine_fork_test.
#include "future/fork_queue.h"

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "base/atomics.h"
#include "future/executor.h"
#include "gtest/gtest.h"

namespace weft {
namespace {

class Fork final : public Runnable {
 public:
  void Run() noexcept override {}
};

class Queue final : public ForkQueue {
 public:
  explicit Queue(const Wants::Word* wants) : ForkQueue(wants) {}
  int offers() const { return offers_; }

 private:
  void OnOffered() override { ++offers_; }

  int offers_ = 0;
};

class ForkQueueTest : public testing::Test {
 protected:
  bool Push(std::size_t from, std::size_t to) {
    return queue_.PushAll(to - from, [&](std::size_t i) { return &forks_[from + i]; });
  }

  std::array<Fork, 200> forks_;
  Queue::Wants::Word wants_{0};
  Queue queue_{&wants_};
};

TEST_F(ForkQueueTest, OwnerTakesTheNewest) {
  ASSERT_TRUE(Push(0, 2));
  ASSERT_TRUE(Push(2, 200));
  for (std::size_t i = 200; i-- > 0;) EXPECT_TRUE(queue_.Pop(&forks_[i]));
  EXPECT_FALSE(queue_.HasForks());
  EXPECT_FALSE(queue_.Pop(&forks_[0]));
}

TEST_F(ForkQueueTest, OthersTakeTheOldest) {
  ASSERT_TRUE(Push(0, 3));
  EXPECT_TRUE(queue_.HasForks());
  EXPECT_EQ(queue_.TakeOldestFork(), &forks_[0]);
  EXPECT_TRUE(queue_.Pop(&forks_[2]));
  EXPECT_EQ(queue_.TakeOldestFork(), &forks_[1]);
  EXPECT_FALSE(queue_.Pop(&forks_[1]));
  EXPECT_EQ(queue_.TakeOldestFork(), nullptr);
}

TEST_F(ForkQueueTest, SaysOnceForAllThatTheyAreOffered) {
  if (!StdAtomics::AsymmetricBarriersAreAvailable()) GTEST_SKIP() << "no asymmetric barriers";
  ASSERT_TRUE(Push(0, 1));
  wants_.store(uint64_t{1} << 31 | uint64_t{1} << 32, std::memory_order_relaxed);
  ASSERT_TRUE(Push(1, 2));
  EXPECT_EQ(queue_.offers(), 0);
  wants_.store(uint64_t{1} << 31 | 1, std::memory_order_relaxed);
  ASSERT_TRUE(Push(2, 10));
  EXPECT_EQ(queue_.offers(), 1);
}

TEST(ForkQueueWithoutWantsTest, IsAlwaysWanted) {
  Queue queue(nullptr);
  Fork fork;
  ASSERT_TRUE(queue.PushAll(1, [&](std::size_t) { return &fork; }));
  EXPECT_EQ(queue.offers(), 1);
}

}  // namespace
}  // namespace weft
