// Goal: each bullet of the oneshot's contract; the value is accounted for after every way in which
// either end can go; the race of sender and receiver on real threads.
#include "channel/oneshot.h"

#include <memory>
#include <optional>
#include <thread>
#include <type_traits>
#include <utility>

#include "channel/outcome.h"
#include "future/block_on.h"
#include "future/cancel.h"
#include "future/context.h"
#include "future/future.h"
#include "future/manual_executor.h"
#include "future/spawn.h"
#include "future/waker.h"
#include "gtest/gtest.h"

namespace weft {
namespace {

using IntReceive = decltype(std::declval<OneshotReceiver<int>>().Receive());
static_assert(Future<IntReceive>);
static_assert(!std::is_copy_constructible_v<OneshotSender<int>>);
static_assert(!std::is_copy_constructible_v<OneshotReceiver<int>>);

TEST(OneshotTest, ValueSentBeforeTheReceiveIsKept) {
  auto [sender, receiver] = MakeOneshot<int>();
  EXPECT_EQ(receiver.TryReceive().outcome, ReceiveOutcome::kEmpty);
  EXPECT_TRUE(std::move(sender).Send(42).ok());
  EXPECT_EQ(BlockOn(receiver.Receive()), 42);
  EXPECT_EQ(receiver.TryReceive().outcome, ReceiveOutcome::kClosed);
  EXPECT_EQ(BlockOn(receiver.Receive()), std::nullopt);
}

TEST(OneshotTest, ReceiveWaitsForTheValue) {
  ManualExecutor executor;
  auto [sender, receiver] = MakeOneshot<int>();
  JoinHandle<std::optional<int>> handle = Spawn(executor, receiver.Receive());
  executor.RunUntilStalled();
  EXPECT_EQ(executor.live_tasks(), 1u);
  EXPECT_TRUE(std::move(sender).Send(7).ok());
  EXPECT_EQ(**executor.BlockOn(std::move(handle)), 7);
}

TEST(OneshotTest, SenderThatGoesWithoutSendingEndsTheWait) {
  ManualExecutor executor;
  std::optional<OneshotEnds<int>> ends = MakeOneshot<int>();
  OneshotReceiver<int> receiver = std::move(ends->receiver);
  JoinHandle<std::optional<int>> handle = Spawn(executor, receiver.Receive());
  executor.RunUntilStalled();
  ends.reset();
  EXPECT_EQ(*executor.BlockOn(std::move(handle)), std::nullopt);
}

TEST(OneshotTest, CloseEndsAReceiveThatWaits) {
  ManualExecutor executor;
  auto [sender, receiver] = MakeOneshot<int>();
  JoinHandle<std::optional<int>> handle = Spawn(executor, receiver.Receive());
  executor.RunUntilStalled();
  receiver.Close();
  EXPECT_EQ(*executor.BlockOn(std::move(handle)), std::nullopt);
  EXPECT_EQ(std::move(sender).Send(7).outcome(), SendOutcome::kClosed);
}

TEST(OneshotTest, SendToAReceiverThatIsGoneGivesTheValueBack) {
  std::optional<OneshotEnds<std::unique_ptr<int>>> ends = MakeOneshot<std::unique_ptr<int>>();
  OneshotSender<std::unique_ptr<int>> sender = std::move(ends->sender);
  EXPECT_FALSE(sender.IsClosed());
  ends.reset();
  EXPECT_TRUE(sender.IsClosed());
  auto result = std::move(sender).Send(std::make_unique<int>(3));
  ASSERT_EQ(result.outcome(), SendOutcome::kClosed);
  EXPECT_EQ(*std::move(result).TakeRejected(), 3);
}

TEST(OneshotTest, CloseRefusesLaterValuesAndKeepsAnEarlierOne) {
  auto early = MakeOneshot<int>();
  EXPECT_TRUE(std::move(early.sender).Send(1).ok());
  early.receiver.Close();
  EXPECT_EQ(early.receiver.TryReceive().value, 1);
  auto late = MakeOneshot<int>();
  late.receiver.Close();
  EXPECT_FALSE(std::move(late.sender).Send(1).ok());
  EXPECT_EQ(BlockOn(late.receiver.Receive()), std::nullopt);
}

TEST(OneshotTest, ReceiverThatGoesDestroysTheValue) {
  auto value = std::make_shared<int>(1);
  {
    auto [sender, receiver] = MakeOneshot<std::shared_ptr<int>>();
    EXPECT_TRUE(std::move(sender).Send(value).ok());
    EXPECT_EQ(value.use_count(), 2);
  }
  EXPECT_EQ(value.use_count(), 1);
}

TEST(OneshotTest, CancelledReceiveLeavesTheValueInside) {
  ManualExecutor executor;
  auto [sender, receiver] = MakeOneshot<int>();
  JoinHandle<std::optional<int>> handle = Spawn(executor, receiver.Receive());
  executor.RunUntilStalled();
  EXPECT_TRUE(std::move(sender).Send(9).ok());
  handle.Cancel();  // The wake is on its way, but the task has not run.
  EXPECT_FALSE(executor.BlockOn(std::move(handle)).ok());
  EXPECT_EQ(receiver.TryReceive().value, 9);
}

TEST(OneshotTest, DroppedReceiveIsNotWoken) {
  struct Counts {
    int references = 0;
    int wakes = 0;
  };
  static constexpr Waker::VTable kVTable = {
      [](void* data) { ++static_cast<Counts*>(data)->references; },
      [](void* data) { --static_cast<Counts*>(data)->references; },
      [](void* data) { ++static_cast<Counts*>(data)->wakes; }};
  Counts counts{1, 0};
  {
    const Waker waker(&kVTable, &counts);
    const CancelToken token;
    Context cx(waker, token);
    auto [sender, receiver] = MakeOneshot<int>();
    {
      auto receive = receiver.Receive();
      ASSERT_TRUE(receive.poll(cx).IsPending());
      EXPECT_EQ(counts.references, 2);
    }
    EXPECT_EQ(counts.references, 1);
    EXPECT_TRUE(std::move(sender).Send(1).ok());
    EXPECT_EQ(counts.wakes, 0);
    EXPECT_EQ(receiver.TryReceive().value, 1);
  }
  EXPECT_EQ(counts.references, 0);
}

TEST(OneshotTest, ValueCrossesThreadsOnceForEachOneshot) {
  for (int round = 0; round < 300; ++round) {
    std::optional<OneshotEnds<std::unique_ptr<int>>> ends = MakeOneshot<std::unique_ptr<int>>();
    std::thread thread([sender = std::move(ends->sender), round]() mutable {
      if (round % 3 != 0) {
        EXPECT_TRUE(std::move(sender).Send(std::make_unique<int>(round)).ok());
      } else {
        [[maybe_unused]] const OneshotSender<std::unique_ptr<int>> gone = std::move(sender);
      }
    });
    std::optional<std::unique_ptr<int>> value = BlockOn(ends->receiver.Receive());
    EXPECT_EQ(value.has_value(), round % 3 != 0);
    EXPECT_EQ(value.has_value() ? **value : round, round);
    thread.join();
  }
}

TEST(OneshotDeathTest, SendingTwiceIsRefusedWithItsReason) {
  auto [sender, receiver] = MakeOneshot<int>();
  EXPECT_TRUE(std::move(sender).Send(1).ok());
  EXPECT_DEATH((void)std::move(sender).Send(2), "expected an unused sender");
}

}  // namespace
}  // namespace weft
