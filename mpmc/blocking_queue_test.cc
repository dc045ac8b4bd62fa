// Goal: each bullet of BlockingQueue's contract that one or two threads show.
#include "mpmc/blocking_queue.h"

#include <memory>
#include <optional>
#include <stop_token>
#include <thread>
#include <utility>

#include "absl/time/time.h"
#include "base/instant.h"
#include "gtest/gtest.h"
#include "mpmc/bounded_queue.h"
#include "mpmc/byte_bounded_queue.h"
#include "mpmc/pop_result.h"
#include "mpmc/push_result.h"
#include "mpmc/spsc_queue.h"
#include "mpmc/unbounded_queue.h"
#include "parker/event_count.h"

namespace weft {
namespace {

constexpr Instant kPast = Instant::InfinitePast();

Instant Soon() { return MonotonicNow() + absl::Milliseconds(1); }

template <typename Queue>
class BlockingQueueTest : public testing::Test {};
using Kinds =
    testing::Types<BlockingQueue<BoundedQueue<std::unique_ptr<int>>>,
                   BlockingQueue<BoundedMpscQueue<std::unique_ptr<int>>>,
                   BlockingQueue<BoundedQueue<std::unique_ptr<int>>, AsymmetricEventCount>>;
TYPED_TEST_SUITE(BlockingQueueTest, Kinds);

TYPED_TEST(BlockingQueueTest, PopWaitsForAPush) {
  TypeParam queue(1);
  std::thread producer([&] { EXPECT_TRUE(queue.TryPush(std::make_unique<int>(1)).ok()); });
  EXPECT_EQ(**queue.Pop(), 1);
  producer.join();
}

TYPED_TEST(BlockingQueueTest, PushWaitsForRoom) {
  TypeParam queue(1);
  ASSERT_TRUE(queue.Push(std::make_unique<int>(1)).ok());
  std::thread producer([&] { EXPECT_TRUE(queue.Push(std::make_unique<int>(2)).ok()); });
  EXPECT_EQ(**queue.Pop(), 1);
  EXPECT_EQ(**queue.Pop(), 2);
  producer.join();
}

TYPED_TEST(BlockingQueueTest, DeadlineHandsTheValueBack) {
  TypeParam queue(1);
  ASSERT_TRUE(queue.Push(std::make_unique<int>(1)).ok());
  auto result = queue.PushUntil(std::make_unique<int>(2), Soon());
  EXPECT_EQ(result.outcome(), PushOutcome::kDeadline);
  EXPECT_EQ(*std::move(result).TakeRejected(), 2);
}

TYPED_TEST(BlockingQueueTest, DeadlineEndsAPop) {
  TypeParam queue(1);
  EXPECT_EQ(queue.PopUntil(Soon()).outcome(), PopOutcome::kDeadline);
  EXPECT_EQ(queue.PopUntil(kPast).outcome(), PopOutcome::kDeadline);
}

TYPED_TEST(BlockingQueueTest, ValueWinsOverCloseStopAndDeadline) {
  TypeParam queue(1);
  std::stop_source stop;
  stop.request_stop();
  EXPECT_TRUE(queue.PushUntil(std::make_unique<int>(1), kPast, stop.get_token()).ok());
  queue.Close();
  EXPECT_EQ(**queue.PopUntil(kPast, stop.get_token()), 1);
  EXPECT_EQ(queue.PopUntil(kPast, stop.get_token()).outcome(), PopOutcome::kClosed);
}

TYPED_TEST(BlockingQueueTest, StopEndsAPop) {
  TypeParam queue(1);
  std::stop_source stop;
  std::thread stopper([&] { stop.request_stop(); });
  EXPECT_EQ(queue.Pop(stop.get_token()).outcome(), PopOutcome::kStop);
  stopper.join();
}

TYPED_TEST(BlockingQueueTest, StopHandsTheValueBack) {
  TypeParam queue(1);
  ASSERT_TRUE(queue.Push(std::make_unique<int>(1)).ok());
  std::stop_source stop;
  std::thread stopper([&] { stop.request_stop(); });
  auto result = queue.Push(std::make_unique<int>(2), stop.get_token());
  EXPECT_EQ(result.outcome(), PushOutcome::kStop);
  EXPECT_EQ(*std::move(result).TakeRejected(), 2);
  stopper.join();
}

TYPED_TEST(BlockingQueueTest, CloseEndsAPopThatWaits) {
  TypeParam queue(1);
  std::thread closer([&] { queue.Close(); });
  EXPECT_EQ(queue.Pop().outcome(), PopOutcome::kClosed);
  closer.join();
}

TYPED_TEST(BlockingQueueTest, CloseHandsTheValueOfAPushThatWaitsBack) {
  TypeParam queue(1);
  ASSERT_TRUE(queue.Push(std::make_unique<int>(1)).ok());
  std::thread closer([&] { queue.Close(); });
  auto result = queue.Push(std::make_unique<int>(2));
  EXPECT_EQ(result.outcome(), PushOutcome::kClosed);
  EXPECT_EQ(*std::move(result).TakeRejected(), 2);
  closer.join();
  EXPECT_EQ(**queue.Pop(), 1) << "a closed queue is drained";
  EXPECT_EQ(queue.Pop().outcome(), PopOutcome::kClosed);
}

TEST(BlockingSpscQueueTest, EachSideWaitsForTheOther) {
  BlockingQueue<SpscQueue<int>> queue(2);
  std::thread producer([&] {
    for (int i = 0; i < 100; ++i) EXPECT_TRUE(queue.Push(i).ok());
    queue.Close();
  });
  for (int i = 0; i < 100; ++i) EXPECT_EQ(*queue.Pop(), i);
  EXPECT_EQ(queue.Pop().outcome(), PopOutcome::kClosed);
  producer.join();
}

TEST(BlockingQueueWithoutBoundTest, PopsWaitAndPushesDoNot) {
  BlockingQueue<UnboundedQueue<int>> queue;
  std::thread producer([&] {
    for (int i = 0; i < 100; ++i) EXPECT_TRUE(queue.Push(i).ok());
  });
  for (int i = 0; i < 100; ++i) EXPECT_EQ(*queue.Pop(), i);
  producer.join();
  queue.Close();
  EXPECT_EQ(queue.Pop().outcome(), PopOutcome::kClosed);
}

TEST(BlockingQueueOfBytesTest, TooLargeIsSaidAtOnce) {
  BlockingQueue<ByteBoundedQueue<int>> queue(ByteBounds{.max_bytes = 4, .capacity = 3});
  EXPECT_EQ(queue.Push({1, 5}).outcome(), PushOutcome::kTooLarge);
}

// The large value is first in line, but what one pop leaves is room for the small one only.
TEST(BlockingQueueOfBytesTest, PopWakesThePushThatFits) {
  BlockingQueue<ByteBoundedQueue<int>> queue(ByteBounds{.max_bytes = 4, .capacity = 3});
  for (int i = 0; i < 2; ++i) ASSERT_TRUE(queue.Push({i, 2}).ok());
  std::thread large([&] { EXPECT_TRUE(queue.Push({2, 3}).ok()); });
  std::thread small([&] { EXPECT_TRUE(queue.Push({3, 2}).ok()); });
  EXPECT_EQ(queue.Pop()->value, 0);
  small.join();
  EXPECT_EQ(queue.Pop()->value, 1);
  EXPECT_EQ(queue.Pop()->value, 3);
  EXPECT_EQ(queue.Pop()->value, 2);
  large.join();
}

}  // namespace
}  // namespace weft
