// Goal: each bullet of the channel's contract, driven step by step on one thread by the manual
// executor. What a wait looks like from outside is the number of live tasks.
#include "channel/channel.h"

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>

#include "absl/status/statusor.h"
#include "channel/outcome.h"
#include "future/cancel.h"
#include "future/context.h"
#include "future/future.h"
#include "future/manual_executor.h"
#include "future/spawn.h"
#include "future/task.h"
#include "future/waker.h"
#include "gtest/gtest.h"

namespace weft {
namespace {

using IntSend = decltype(std::declval<Sender<int>>().Send(1));
using IntSendFrom = decltype(std::declval<Sender<int>>().SendFrom(std::declval<int&>()));
using IntReceive = decltype(std::declval<Receiver<int>>().Receive());
static_assert(Future<IntSend> && Future<IntSendFrom> && Future<IntReceive>);
static_assert(!std::is_copy_constructible_v<IntReceive> && !std::is_move_assignable_v<IntReceive>);
static_assert(std::is_copy_constructible_v<Sender<int>>);

class ChannelTest : public testing::Test {
 protected:
  // Runs until nothing is ready; returns how many tasks wait.
  std::size_t Waiting() {
    executor_.RunUntilStalled();
    return executor_.live_tasks();
  }

  // The value that a finished receive got; nothing when it ended with "closed".
  std::optional<int> ValueOf(JoinHandle<std::optional<int>> handle) {
    return *executor_.BlockOn(std::move(handle));
  }

  // What a finished send answered.
  SendOutcome OutcomeOf(JoinHandle<SendResult<int>> handle) {
    return executor_.BlockOn(std::move(handle))->outcome();
  }

  ManualExecutor executor_;
};

TEST_F(ChannelTest, ValuesArriveInTheOrderInWhichTheyWereSent) {
  auto [sender, receiver] = MakeChannel<int>(3);
  for (int i = 1; i <= 3; ++i) EXPECT_TRUE(executor_.BlockOn(sender.Send(i))->ok());
  EXPECT_EQ(receiver.size(), 3u);
  for (int i = 1; i <= 3; ++i) EXPECT_EQ(*executor_.BlockOn(receiver.Receive()), i);
}

TEST_F(ChannelTest, SendWaitsExactlyWhileTheChannelIsFull) {
  for (std::size_t capacity : {1, 2, 5}) {
    auto [sender, receiver] = MakeChannel<int>(capacity);
    for (std::size_t i = 0; i < capacity; ++i) EXPECT_TRUE(sender.TrySend(0).ok());
    EXPECT_EQ(sender.TrySend(7).outcome(), SendOutcome::kFull);
    JoinHandle<SendResult<int>> send = Spawn(executor_, sender.Send(7));
    EXPECT_EQ(Waiting(), 1u);
    EXPECT_EQ(receiver.TryReceive().value, 0);
    EXPECT_EQ(Waiting(), 0u);
    EXPECT_EQ(OutcomeOf(std::move(send)), SendOutcome::kOk);
    EXPECT_EQ(sender.size(), capacity);
  }
}

TEST_F(ChannelTest, ReceiveWaitsExactlyWhileTheChannelIsEmpty) {
  auto [sender, receiver] = MakeChannel<int>(1);
  EXPECT_EQ(receiver.TryReceive().outcome, ReceiveOutcome::kEmpty);
  JoinHandle<std::optional<int>> receive = Spawn(executor_, receiver.Receive());
  EXPECT_EQ(Waiting(), 1u);
  EXPECT_TRUE(sender.TrySend(4).ok());
  EXPECT_EQ(Waiting(), 0u);
  EXPECT_EQ(ValueOf(std::move(receive)), 4);
}

TEST_F(ChannelTest, UnboundedSendNeverWaits) {
  auto [sender, receiver] = MakeUnboundedChannel<int>();
  for (int i = 0; i < 1000; ++i) ASSERT_TRUE(sender.TrySend(i).ok());
  for (int i = 0; i < 1000; ++i) ASSERT_EQ(receiver.TryReceive().value, i);
}

TEST_F(ChannelTest, WaitersAreServedInTheOrderInWhichTheyCame) {
  auto [sender, receiver] = MakeChannel<int>(4);
  JoinHandle<std::optional<int>> first = Spawn(executor_, receiver.Receive());
  JoinHandle<std::optional<int>> second = Spawn(executor_, receiver.Receive());
  EXPECT_EQ(Waiting(), 2u);
  EXPECT_TRUE(sender.TrySend(1).ok());
  // The value is promised to the first waiter, which has not run yet: nobody may take it away.
  EXPECT_EQ(receiver.TryReceive().outcome, ReceiveOutcome::kEmpty);
  EXPECT_EQ(Waiting(), 1u);
  EXPECT_EQ(ValueOf(std::move(first)), 1);
  EXPECT_TRUE(sender.TrySend(2).ok());
  EXPECT_EQ(ValueOf(std::move(second)), 2);
}

TEST_F(ChannelTest, WaitingSendersKeepTheirOrder) {
  auto [sender, receiver] = MakeChannel<int>(1);
  EXPECT_TRUE(sender.TrySend(0).ok());
  JoinHandle<SendResult<int>> first = Spawn(executor_, sender.Send(1));
  JoinHandle<SendResult<int>> second = Spawn(executor_, sender.Send(2));
  EXPECT_EQ(Waiting(), 2u);
  EXPECT_EQ(receiver.TryReceive().value, 0);
  EXPECT_EQ(sender.TrySend(9).outcome(), SendOutcome::kFull) << "a newcomer overtook a waiter";
  EXPECT_EQ(receiver.TryReceive().value, 1);
  EXPECT_EQ(receiver.TryReceive().value, 2);
  EXPECT_EQ(Waiting(), 0u);
  EXPECT_EQ(OutcomeOf(std::move(first)), SendOutcome::kOk);
  EXPECT_EQ(OutcomeOf(std::move(second)), SendOutcome::kOk);
}

TEST_F(ChannelTest, CloseDrainsThenEnds) {
  for (const bool by_sender : {true, false}) {
    auto [sender, receiver] = MakeChannel<int>(4);
    EXPECT_TRUE(sender.TrySend(1).ok());
    EXPECT_TRUE(sender.TrySend(2).ok());
    by_sender ? sender.Close() : receiver.Close();
    EXPECT_TRUE(sender.IsClosed());
    EXPECT_TRUE(receiver.IsClosed());
    EXPECT_EQ(*executor_.BlockOn(receiver.Receive()), 1);
    EXPECT_EQ(receiver.TryReceive().value, 2);
    EXPECT_EQ(*executor_.BlockOn(receiver.Receive()), std::nullopt);
    EXPECT_EQ(receiver.TryReceive().outcome, ReceiveOutcome::kClosed);
  }
}

TEST_F(ChannelTest, SendOnAClosedChannelGivesTheValueBack) {
  auto [sender, receiver] = MakeChannel<std::unique_ptr<int>>(1);
  receiver.Close();
  auto tried = sender.TrySend(std::make_unique<int>(1));
  ASSERT_EQ(tried.outcome(), SendOutcome::kClosed);
  EXPECT_EQ(*std::move(tried).TakeRejected(), 1);
  absl::StatusOr<SendResult<std::unique_ptr<int>>> sent =
      executor_.BlockOn(sender.Send(std::make_unique<int>(2)));
  ASSERT_EQ(sent->outcome(), SendOutcome::kClosed);
  EXPECT_EQ(*(*std::move(sent)).TakeRejected(), 2);
  auto value = std::make_unique<int>(3);
  EXPECT_EQ(*executor_.BlockOn(sender.SendFrom(value)), SendOutcome::kClosed);
  ASSERT_NE(value, nullptr);
  EXPECT_EQ(*value, 3);
}

TEST_F(ChannelTest, CloseEndsTheWaitsOfBothSides) {
  auto [full_sender, full_receiver] = MakeChannel<int>(1);
  EXPECT_TRUE(full_sender.TrySend(0).ok());
  JoinHandle<SendResult<int>> send = Spawn(executor_, full_sender.Send(1));
  auto [sender, receiver] = MakeChannel<int>(1);
  JoinHandle<std::optional<int>> receive = Spawn(executor_, receiver.Receive());
  EXPECT_EQ(Waiting(), 2u);
  full_receiver.Close();
  sender.Close();
  EXPECT_EQ(Waiting(), 0u);
  EXPECT_EQ(OutcomeOf(std::move(send)), SendOutcome::kClosed);
  EXPECT_EQ(ValueOf(std::move(receive)), std::nullopt);
  EXPECT_EQ(full_receiver.TryReceive().value, 0);
}

TEST_F(ChannelTest, LastSenderGoneClosesForReceivers) {
  std::optional<ChannelEnds<int>> ends = MakeChannel<int>(2);
  Receiver<int> receiver = ends->receiver;
  std::optional<Sender<int>> copy = ends->sender;
  ends.reset();
  EXPECT_TRUE(copy->TrySend(1).ok());
  JoinHandle<std::optional<int>> one = Spawn(executor_, receiver.Receive());
  JoinHandle<std::optional<int>> two = Spawn(executor_, receiver.Receive());
  EXPECT_EQ(Waiting(), 1u);
  copy.reset();
  EXPECT_EQ(Waiting(), 0u);
  EXPECT_EQ(ValueOf(std::move(one)), 1);
  EXPECT_EQ(ValueOf(std::move(two)), std::nullopt);
}

TEST_F(ChannelTest, LastReceiverGoneClosesForSendersAndDestroysTheValues) {
  std::optional<ChannelEnds<std::shared_ptr<int>>> ends = MakeChannel<std::shared_ptr<int>>(1);
  Sender<std::shared_ptr<int>> sender = ends->sender;
  auto value = std::make_shared<int>(1);
  EXPECT_TRUE(sender.TrySend(value).ok());
  auto waiting = Spawn(executor_, sender.Send(std::make_shared<int>(2)));
  EXPECT_EQ(Waiting(), 1u);
  EXPECT_EQ(value.use_count(), 2);
  ends.reset();
  EXPECT_EQ(value.use_count(), 1);
  EXPECT_EQ(executor_.BlockOn(std::move(waiting))->outcome(), SendOutcome::kClosed);
}

// A receiver that asks a closed channel whose last values are promised to others may still be
// needed: one of the others may be cancelled.
TEST_F(ChannelTest, ClosedChannelIsNotDrainedWhileAPromisedValueIsInside) {
  auto [sender, receiver] = MakeChannel<int>(1);
  const Waker waker;
  const CancelToken token;
  Context cx(waker, token);
  Context stop = cx.WithStop();
  auto first = receiver.Receive();
  auto second = receiver.Receive();
  auto third = receiver.Receive();
  ASSERT_TRUE(first.poll(cx).IsPending());
  ASSERT_TRUE(sender.TrySend(5).ok());
  sender.Close();
  EXPECT_TRUE(second.poll(cx).IsPending());
  EXPECT_TRUE(third.poll(cx).IsPending());
  EXPECT_EQ(receiver.TryReceive().outcome, ReceiveOutcome::kEmpty);
  EXPECT_TRUE(first.poll(stop).IsStopped());
  EXPECT_EQ(second.poll(cx).value(), 5);
  EXPECT_EQ(third.poll(cx).value(), std::nullopt);
}

TEST_F(ChannelTest, CancelledReceiveGivesItsPromiseToTheNextWaiter) {
  auto [sender, receiver] = MakeChannel<int>(1);
  JoinHandle<std::optional<int>> first = Spawn(executor_, receiver.Receive());
  JoinHandle<std::optional<int>> second = Spawn(executor_, receiver.Receive());
  EXPECT_EQ(Waiting(), 2u);
  EXPECT_TRUE(sender.TrySend(5).ok());
  first.Cancel();
  EXPECT_EQ(Waiting(), 0u);
  EXPECT_EQ(ValueOf(std::move(second)), 5);
}

TEST_F(ChannelTest, CancelledReceiveDoesNotLoseTheValueItWasPromised) {
  auto [sender, receiver] = MakeChannel<int>(1);
  JoinHandle<std::optional<int>> receive = Spawn(executor_, receiver.Receive());
  EXPECT_EQ(Waiting(), 1u);
  EXPECT_TRUE(sender.TrySend(5).ok());
  receive.Cancel();
  EXPECT_EQ(Waiting(), 0u);
  EXPECT_FALSE(executor_.BlockOn(std::move(receive)).ok());
  EXPECT_EQ(receiver.TryReceive().value, 5);
}

TEST_F(ChannelTest, CancelledSendLeavesTheValueWithItsOwner) {
  auto [sender, receiver] = MakeChannel<std::unique_ptr<int>>(1);
  EXPECT_TRUE(sender.TrySend(std::make_unique<int>(0)).ok());
  auto value = std::make_unique<int>(1);
  JoinHandle<SendOutcome> send = Spawn(executor_, sender.SendFrom(value));
  EXPECT_EQ(Waiting(), 1u);
  send.Cancel();
  EXPECT_EQ(Waiting(), 0u);
  EXPECT_FALSE(executor_.BlockOn(std::move(send)).ok());
  ASSERT_NE(value, nullptr);
  EXPECT_EQ(**receiver.TryReceive().value, 0);
  EXPECT_EQ(receiver.TryReceive().outcome, ReceiveOutcome::kEmpty);
}

TEST_F(ChannelTest, DroppedFuturesLeaveTheChannelInOrder) {
  auto [sender, receiver] = MakeChannel<int>(1);
  const Waker waker;
  const CancelToken token;
  Context cx(waker, token);
  {
    auto waiting = receiver.Receive();
    auto promised = receiver.Receive();
    ASSERT_TRUE(promised.poll(cx).IsPending());
    ASSERT_TRUE(waiting.poll(cx).IsPending());
    ASSERT_TRUE(sender.TrySend(1).ok());
  }
  EXPECT_EQ(receiver.TryReceive().value, 1);
  ASSERT_TRUE(sender.TrySend(2).ok());
  {
    auto waiting = sender.Send(3);
    ASSERT_TRUE(waiting.poll(cx).IsPending());
  }
  EXPECT_EQ(receiver.TryReceive().value, 2);
  EXPECT_EQ(receiver.TryReceive().outcome, ReceiveOutcome::kEmpty);
}

// A waker that uses the channel from inside its wake: hangs if anything is woken under the lock.
TEST_F(ChannelTest, NothingIsWokenUnderTheLock) {
  struct Probe {
    Receiver<int>* receiver;
    int wakes = 0;
  };
  static constexpr Waker::VTable kVTable = {[](void*) {}, [](void*) {},
                                            [](void* data) {
                                              auto* const probe = static_cast<Probe*>(data);
                                              ++probe->wakes;
                                              probe->receiver->size();
                                            }};
  auto [sender, receiver] = MakeChannel<int>(1);
  Probe probe{&receiver};
  const Waker waker(&kVTable, &probe);
  const CancelToken token;
  Context cx(waker, token);
  auto receive = receiver.Receive();
  ASSERT_TRUE(receive.poll(cx).IsPending());
  ASSERT_TRUE(receive.poll(cx).IsPending()) << "a poll without a wake changes nothing";
  EXPECT_TRUE(sender.TrySend(1).ok());
  EXPECT_EQ(probe.wakes, 1);
  EXPECT_EQ(receive.poll(cx).value(), 1);
  auto other = receiver.Receive();
  ASSERT_TRUE(other.poll(cx).IsPending());
  receiver.Close();
  EXPECT_EQ(probe.wakes, 2);
  EXPECT_EQ(other.poll(cx).value(), std::nullopt);
}

Task<int> SumUntilClosed(Receiver<int> receiver) {
  int sum = 0;
  while (std::optional<int> value = co_await receiver.Receive()) sum += *value;
  co_return sum;
}

Task<> SendUpTo(Sender<int> sender, int last) {
  for (int i = 1; i <= last; ++i) {
    if (!(co_await sender.Send(i)).ok()) co_return;
  }
}

TEST_F(ChannelTest, CoroutinesTalkThroughACapacityOfOne) {
  std::optional<ChannelEnds<int>> ends = MakeChannel<int>(1);
  JoinHandle<int> sum = Spawn(executor_, SumUntilClosed(ends->receiver));
  Spawn(executor_, SendUpTo(ends->sender, 100)).Detach();
  Spawn(executor_, SendUpTo(ends->sender, 100)).Detach();
  ends.reset();
  EXPECT_EQ(*executor_.BlockOn(std::move(sum)), 10100);
}

TEST(ChannelDeathTest, CapacityZeroIsRefusedWithItsReason) {
  EXPECT_DEATH(MakeChannel<int>(0), "MakeChannel\\(capacity\\): expected room for at least one");
}

TEST(ChannelDeathTest, ReceiverThatGoesBeforeItsFutureIsReported) {
  EXPECT_DEATH(
      {
        const Waker waker;
        const CancelToken token;
        Context cx(waker, token);
        std::optional<ChannelEnds<int>> ends = MakeChannel<int>(1);
        auto receive = ends->receiver.Receive();
        (void)receive.poll(cx);
        ends.reset();
      },
      "a Receiver must outlive its Receive\\(\\) futures");
}

}  // namespace
}  // namespace weft
