// Goal: each bullet of ByteBoundedQueue's contract; equality with a deque: bounded_queue_fuzz_test.cc.
// Under threads: every item once and in order, and a budget that is never exceeded.
#include "mpmc/byte_bounded_queue.h"

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>

#include "gtest/gtest.h"
#include "mpmc/internal/queue_stress.h"
#include "mpmc/pop_result.h"
#include "mpmc/push_result.h"

namespace weft {
namespace {

using mpmc_internal::RunStress;
using mpmc_internal::StressItem;

TEST(ByteBoundedQueueTest, BothBoundsHoldExactly) {
  ByteBoundedQueue<int> queue({.max_bytes = 10, .capacity = 3});
  ASSERT_TRUE(queue.TryPush({1, 4}).ok());
  ASSERT_TRUE(queue.TryPush({2, 6}).ok());
  EXPECT_EQ(queue.TryPush({3, 1}).outcome(), PushOutcome::kFull) << "no bytes are left";
  EXPECT_TRUE(queue.TryPush({3, 0}).ok()) << "bytes are exact";
  EXPECT_EQ(queue.TryPush({4, 0}).outcome(), PushOutcome::kFull) << "no slot is left";
  EXPECT_EQ(queue.BytesHint(), 10u);
  EXPECT_EQ(queue.TryPop()->value, 1);
  EXPECT_EQ(queue.BytesHint(), 6u);
  EXPECT_TRUE(queue.TryPush({5, 4}).ok());
}

TEST(ByteBoundedQueueTest, RefusedValueIsHandedBackWithItsBytes) {
  ByteBoundedQueue<std::unique_ptr<int>> queue({.max_bytes = 1, .capacity = 1});
  auto result = queue.TryPush({std::make_unique<int>(7), 2});
  EXPECT_EQ(result.outcome(), PushOutcome::kTooLarge);
  const Weighed<std::unique_ptr<int>> back = std::move(result).TakeRejected();
  EXPECT_EQ(*back.value, 7);
  EXPECT_EQ(back.bytes, 2u);
}

TEST(ByteBoundedQueueTest, ClosedQueueDrains) {
  ByteBoundedQueue<int> queue({.max_bytes = 2, .capacity = 2});
  ASSERT_TRUE(queue.TryPush({1, 2}).ok());
  EXPECT_TRUE(queue.Close());
  EXPECT_EQ(queue.TryPush({2, 0}).outcome(), PushOutcome::kClosed);
  EXPECT_EQ(queue.TryPush({2, 1}).outcome(), PushOutcome::kClosed) << "also when it is full";
  EXPECT_EQ(queue.TryPop()->value, 1);
  EXPECT_EQ(queue.TryPop().outcome(), PopOutcome::kClosed);
  EXPECT_EQ(queue.BytesHint(), 0u);
}

TEST(ByteBoundedQueueTest, EveryItemArrivesOnceInOrderAndWithinTheBudget) {
  constexpr uint64_t kMaxBytes = 20;
  {
    ByteBoundedQueue<StressItem> queue({.max_bytes = kMaxBytes, .capacity = 4});
    std::atomic<bool> exceeded{false};
    const auto push = [&](StressItem item) {
      const auto bytes = static_cast<uint64_t>(item.sequence() % 13);
      std::optional<Weighed<StressItem>> pending({std::move(item), bytes});
      for (;;) {
        auto result = queue.TryPush(*std::move(pending));
        if (result.ok()) break;
        pending.reset();
        pending.emplace(std::move(result).TakeRejected());
        std::this_thread::yield();
      }
      if (queue.BytesHint() > kMaxBytes) exceeded = true;
    };
    const auto pop = [&]() -> std::optional<StressItem> {
      auto result = queue.TryPop();
      if (!result.ok()) return std::nullopt;
      if (queue.BytesHint() > kMaxBytes) exceeded = true;
      return std::move(result->value);
    };
    EXPECT_EQ(RunStress({3, 3, 500}, push, pop), "");
    EXPECT_FALSE(exceeded.load());
    EXPECT_EQ(queue.BytesHint(), 0u);
  }
  EXPECT_EQ(StressItem::Live(), 0);
}

TEST(ByteBoundedQueueDeathTest, BoundsOutOfRangeAreRefusedWithTheirReason) {
  EXPECT_DEATH(ByteBoundedQueue<int>({.max_bytes = 0, .capacity = 1}),
               "ByteBoundedQueue\\(max_bytes\\): expected 1 to .* found 0");
  EXPECT_DEATH(ByteBoundedQueue<int>({.max_bytes = 1, .capacity = 0}),
               "ByteBoundedQueue\\(capacity\\): expected 1 to .* found 0");
}

}  // namespace
}  // namespace weft
