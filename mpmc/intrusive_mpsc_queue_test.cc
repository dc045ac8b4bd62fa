// Goal: each bullet of IntrusiveMpscQueue's contract on one thread, and the push that is stopped
// between its two steps.
#include "mpmc/intrusive_mpsc_queue.h"

#include <cstddef>
#include <thread>
#include <type_traits>
#include <vector>

#include "gtest/gtest.h"

namespace weft {
namespace {

struct Message : MpscNode {
  explicit Message(int v) : value(v) {}
  int value;
};

static_assert(!std::is_copy_constructible_v<IntrusiveMpscQueue<Message>>);
static_assert(sizeof(MpscNode) == sizeof(void*));

TEST(IntrusiveMpscQueueTest, PopsInTheOrderOfThePushes) {
  IntrusiveMpscQueue<Message> queue;
  std::vector<Message*> messages;
  for (int i = 0; i < 10; ++i) queue.Push(messages.emplace_back(new Message(i)));
  for (int i = 0; i < 10; ++i) {
    const MpscPop<Message> popped = queue.TryPop();
    ASSERT_EQ(popped.outcome, PopOutcome::kOk);
    EXPECT_EQ(popped.node->value, i);
    delete popped.node;  // The queue has no use for it any more.
  }
  EXPECT_EQ(queue.TryPop().outcome, PopOutcome::kEmpty);
  EXPECT_EQ(queue.TryPop().node, nullptr);
}

TEST(IntrusiveMpscQueueTest, NodeMayBePushedAgainOnceItWasPopped) {
  IntrusiveMpscQueue<Message> queue;
  Message one(1);
  Message two(2);
  for (int round = 0; round < 10; ++round) {
    queue.Push(&one);
    EXPECT_EQ(queue.TryPop().node, &one);
    EXPECT_EQ(queue.TryPop().outcome, PopOutcome::kEmpty);
    queue.Push(&two);
    queue.Push(&one);
    EXPECT_EQ(queue.TryPop().node, &two);
    queue.Push(&two);
    EXPECT_EQ(queue.TryPop().node, &one);
    EXPECT_EQ(queue.TryPop().node, &two);
    EXPECT_EQ(queue.TryPop().outcome, PopOutcome::kEmpty);
  }
}

TEST(IntrusiveMpscQueueTest, ConsumerMayBeHandedOver) {
  IntrusiveMpscQueue<Message> queue;
  Message message(1);
  EXPECT_EQ(queue.TryPop().outcome, PopOutcome::kEmpty);
  queue.Push(&message);
  queue.ReleaseConsumer();
  std::thread([&] { EXPECT_EQ(queue.TryPop().node, &message); }).join();
}

#ifndef NDEBUG
TEST(IntrusiveMpscQueueDeathTest, SecondConsumerIsNamed) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH(
      {
        IntrusiveMpscQueue<Message> queue;
        (void)queue.TryPop();
        std::thread([&] { (void)queue.TryPop(); }).join();
      },
      "IntrusiveMpscQueue::TryPop.. on a second thread: expected the consumer");
}
#endif

}  // namespace
}  // namespace weft
