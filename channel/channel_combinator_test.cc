// Goal: the conservation law under combinators, which stop the losers: a receive that loses takes
// nothing, a send that loses has sent or has kept its value.
// Method: both sides of a tie by hand; then every suspension point of a task, with the stop coming
// by its token and by the context.
#include <memory>
#include <optional>
#include <utility>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "channel/channel.h"
#include "channel/oneshot.h"
#include "channel/outcome.h"
#include "future/buffered.h"
#include "future/cancel_harness.h"
#include "future/finally.h"
#include "future/from_futures.h"
#include "future/lazy.h"
#include "future/manual_executor.h"
#include "future/poll.h"
#include "future/poll_fn.h"
#include "future/select.h"
#include "future/spawn.h"
#include "future/stream.h"
#include "future/stream_ops.h"
#include "future/task.h"
#include "future/timeout.h"
#include "gtest/gtest.h"

namespace weft {
namespace {

using Item = std::unique_ptr<int>;

TEST(ChannelCombinatorTest, SelectOverTwoChannelsWithValuesTakesOne) {
  ManualExecutor executor;
  auto [left_sender, left] = MakeChannel<int>(1);
  auto [right_sender, right] = MakeChannel<int>(1);
  EXPECT_TRUE(left_sender.TrySend(1).ok());
  EXPECT_TRUE(right_sender.TrySend(2).ok());
  auto first = executor.BlockOn(Select(left.Receive(), right.Receive()));
  ASSERT_EQ(first->index(), 0u);
  EXPECT_EQ(std::get<0>(*first), 1);
  EXPECT_EQ(right.TryReceive().value, 2);
}

TEST(ChannelCombinatorTest, LosingReceiveGivesBackTheValueItWasPromised) {
  for (const bool left_first : {true, false}) {
    ManualExecutor executor;
    auto [left_sender, left] = MakeChannel<int>(1);
    auto [right_sender, right] = MakeChannel<int>(1);
    auto handle = Spawn(executor, Select(left.Receive(), right.Receive()));
    executor.RunUntilStalled();
    // Both receives wait; both are promised a value before the task runs again.
    EXPECT_TRUE((left_first ? left_sender : right_sender).TrySend(1).ok());
    EXPECT_TRUE((left_first ? right_sender : left_sender).TrySend(2).ok());
    auto first = executor.BlockOn(std::move(handle));
    ASSERT_TRUE(first.ok());
    EXPECT_EQ(left.size() + right.size(), 1u);
    EXPECT_EQ(first->index() == 0 ? left.size() : right.size(), 0u);
  }
}

TEST(ChannelCombinatorTest, ReceiveThatTimesOutTakesNothing) {
  ManualExecutor executor;
  auto [sender, receiver] = MakeChannel<int>(1);
  absl::StatusOr<std::optional<int>> late =
      executor.BlockOn(Timeout(absl::Seconds(1), receiver.Receive()));
  EXPECT_EQ(late.status().code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_TRUE(sender.TrySend(3).ok());
  EXPECT_EQ(**executor.BlockOn(Timeout(absl::Seconds(1), receiver.Receive())), 3);
}

TEST(ChannelCombinatorTest, SendThatTimesOutKeepsItsValue) {
  ManualExecutor executor;
  auto [sender, receiver] = MakeChannel<Item>(1);
  EXPECT_TRUE(sender.TrySend(std::make_unique<int>(0)).ok());
  auto item = std::make_unique<int>(1);
  auto late = executor.BlockOn(Timeout(absl::Seconds(1), sender.SendFrom(item)));
  EXPECT_EQ(late.status().code(), absl::StatusCode::kDeadlineExceeded);
  ASSERT_NE(item, nullptr);
  EXPECT_EQ(receiver.size(), 1u);
}

Task<> Produce(Sender<Item> sender, std::vector<Item>* items) {
  for (Item& item : *items) {
    if (co_await sender.SendFrom(item) != SendOutcome::kOk) co_return;
  }
}

Task<> Consume(Receiver<Item> receiver, std::vector<int>* received) {
  while (std::optional<Item> item = co_await receiver.Receive()) received->push_back(**item);
}

std::vector<Item> MakeItems() {
  std::vector<Item> items;
  for (int i = 0; i < 3; ++i) items.push_back(std::make_unique<int>(i));
  return items;
}

// Says where each item is: received, inside, or with its owner, in this order.
std::vector<int> WhereItemsAre(const std::vector<int>& received, Receiver<Item>& receiver,
                               const std::vector<Item>& owned) {
  std::vector<int> all = received;
  while (std::optional<Item> item = receiver.TryReceive().value) all.push_back(**item);
  for (const Item& item : owned) {
    if (item != nullptr) all.push_back(*item);
  }
  return all;
}

TEST(ChannelCombinatorTest, ReceiverStoppedAnywhereLosesNothing) {
  const int points = CancelEverywhere([](CancelProbe& probe) {
    auto [sender, receiver] = MakeChannel<Item>(1);
    std::vector<Item> owned = MakeItems();
    std::vector<int> received;
    Spawn(probe.executor(), Produce(sender, &owned)).Detach();
    if (probe
            .Run([](Sender<Item> closer, Receiver<Item> source, std::vector<int>* list) -> Task<> {
              for (int i = 0; i < 3; ++i) {
                std::optional<Item> item = co_await source.Receive();
                list->push_back(**item);
              }
              closer.Close();
            }(sender, receiver, &received))
            .IsStopped()) {
      sender.Close();
    }
    probe.executor().RunUntilStalled();
    EXPECT_EQ(WhereItemsAre(received, receiver, owned), (std::vector<int>{0, 1, 2}));
  });
  EXPECT_GE(points, 1);
}

TEST(ChannelCombinatorTest, AStreamOfReceivesStoppedAnywhereLosesNothing) {
  const int points = CancelEverywhere([](CancelProbe& probe) {
    auto [sender, receiver] = MakeChannel<Item>(1);
    std::vector<Item> owned = MakeItems();
    std::vector<int> received;
    Spawn(probe.executor(), Produce(sender, &owned)).Detach();
    auto items = FromFutures([source = receiver] { return source.Receive(); });
    const auto end = probe.Run(
        ForEach(TakeItems(std::move(items), 3), [&](Item item) { received.push_back(*item); }));
    if (end.IsStopped()) sender.Close();
    probe.executor().RunUntilStalled();
    EXPECT_EQ(WhereItemsAre(received, receiver, owned), (std::vector<int>{0, 1, 2}));
  });
  EXPECT_GE(points, 1);
}

TEST(ChannelCombinatorTest, AStreamIsSentItemByItem) {
  ManualExecutor executor;
  auto [sender, receiver] = MakeChannel<int>(1);
  auto send = ForEachConcurrent(FromRange(std::vector<int>{1, 2, 3}), 1,
                                [target = sender](int item) { return target.Send(item); });
  Spawn(executor, Finally(std::move(send), Lazy([target = sender] {
                            target.Close();
                            return Ready<>();
                          })))
      .Detach();
  auto items = FromFutures([source = receiver] { return source.Receive(); });
  EXPECT_EQ(*executor.BlockOn(Collect(std::move(items))), (std::vector<int>{1, 2, 3}));
}

TEST(ChannelCombinatorTest, SenderStoppedAnywhereLosesNothing) {
  const int points = CancelEverywhere([](CancelProbe& probe) {
    auto [sender, receiver] = MakeChannel<Item>(1);
    std::vector<Item> owned = MakeItems();
    std::vector<int> received;
    Spawn(probe.executor(), Consume(receiver, &received)).Detach();
    (void)probe.Run(Produce(sender, &owned));
    probe.executor().RunUntilStalled();
    sender.Close();
    probe.executor().RunUntilStalled();
    EXPECT_EQ(WhereItemsAre(received, receiver, owned), (std::vector<int>{0, 1, 2}));
  });
  EXPECT_GE(points, 1);
}

TEST(ChannelCombinatorTest, OneshotReceiverStoppedAnywhereLosesNothing) {
  CancelEverywhere([](CancelProbe& probe) {
    auto [sender, receiver] = MakeOneshot<int>();
    Spawn(probe.executor(),
          [](OneshotSender<int> target) -> Task<> {
            EXPECT_TRUE(std::move(target).Send(7).ok());
            co_return;
          }(std::move(sender)))
        .Detach();
    Poll<std::optional<int>> received = probe.Run(receiver.Receive());
    probe.executor().RunUntilStalled();
    const std::optional<int> value =
        received.IsReady() ? received.value() : receiver.TryReceive().value;
    EXPECT_EQ(value, 7);
  });
}

}  // namespace
}  // namespace weft
