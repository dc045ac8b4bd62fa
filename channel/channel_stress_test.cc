// Goal: with real threads nothing is lost, doubled, reordered or left asleep, also while operations
// are cancelled.
// Method: numbered values between threads that block on their futures; then receivers that give up
// at random moments.
#include <atomic>
#include <cstddef>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "channel/channel.h"
#include "channel/outcome.h"
#include "future/block_on.h"
#include "future/cancel.h"
#include "future/context.h"
#include "future/poll.h"
#include "future/poll_fn.h"
#include "future/task.h"
#include "gtest/gtest.h"

namespace weft {
namespace {

struct Value {
  int producer;
  int sequence;
};

Task<> Produce(Sender<Value> sender, int producer, int count) {
  for (int i = 0; i < count; ++i) {
    const SendResult<Value> result = co_await sender.Send(Value{producer, i});
    EXPECT_TRUE(result.ok());
  }
}

Task<> Consume(Receiver<Value> receiver, std::vector<Value>* received) {
  while (std::optional<Value> value = co_await receiver.Receive()) received->push_back(*value);
}

// Checks that each value arrived once and each consumer saw each producer's values in order.
void CheckBooks(const std::vector<std::vector<Value>>& received, int producers, int count) {
  std::vector<std::vector<int>> seen(producers, std::vector<int>(count, 0));
  for (const std::vector<Value>& list : received) {
    std::vector<int> last(producers, -1);
    for (const Value& value : list) {
      EXPECT_GT(value.sequence, last[value.producer]);
      last[value.producer] = value.sequence;
      ++seen[value.producer][value.sequence];
    }
  }
  for (const std::vector<int>& counts : seen) {
    for (int times : counts) EXPECT_EQ(times, 1);
  }
}

TEST(ChannelStressTest, EveryValueArrivesOnceAndInOrder) {
  struct Shape {
    std::size_t capacity;  // 0: unbounded
    int producers;
    int consumers;
    int count;
  };
  for (const Shape& shape :
       {Shape{1, 1, 1, 1500}, Shape{1, 3, 3, 400}, Shape{64, 4, 4, 1500}, Shape{0, 3, 2, 3000}}) {
    std::optional<ChannelEnds<Value>> ends =
        shape.capacity == 0 ? MakeUnboundedChannel<Value>() : MakeChannel<Value>(shape.capacity);
    std::vector<std::vector<Value>> received(shape.consumers);
    std::vector<std::thread> threads;
    for (int p = 0; p < shape.producers; ++p) {
      threads.emplace_back(
          [sender = ends->sender, p, count = shape.count] { BlockOn(Produce(sender, p, count)); });
    }
    for (int c = 0; c < shape.consumers; ++c) {
      threads.emplace_back(
          [receiver = ends->receiver, list = &received[c]] { BlockOn(Consume(receiver, list)); });
    }
    ends.reset();  // From here on the last producer closes the channel.
    for (std::thread& thread : threads) thread.join();
    CheckBooks(received, shape.producers, shape.count);
  }
}

// Receives one value, but asks it to stop at the second poll if it is not there by then: a
// cancellation that races with the sender.
class ImpatientReceive {
 public:
  using Output = std::optional<std::optional<Value>>;  // Outer: whether the receive finished.

  explicit ImpatientReceive(const Receiver<Value>& receiver) : receive_(receiver.Receive()) {}

  Poll<Output> poll(Context& cx) {
    Context inner = polls_++ == 0 ? cx : cx.WithStop();
    Poll<std::optional<Value>> poll = receive_.poll(inner);
    if (poll.IsPending()) {
      cx.waker().WakeByRef();
      return kPending;
    }
    if (poll.IsStopped()) return Output();
    return Output(std::move(poll).value());
  }

 private:
  decltype(std::declval<Receiver<Value>>().Receive()) receive_;
  int polls_ = 0;
};

TEST(ChannelStressTest, CancelledReceivesLoseNothing) {
  constexpr int kProducers = 2;
  constexpr int kCount = 1500;
  std::optional<ChannelEnds<Value>> ends = MakeChannel<Value>(2);
  std::vector<std::vector<Value>> received(3);
  std::vector<std::thread> threads;
  for (int p = 0; p < kProducers; ++p) {
    threads.emplace_back([sender = ends->sender, p] { BlockOn(Produce(sender, p, kCount)); });
  }
  for (int c = 0; c < 2; ++c) {
    threads.emplace_back([receiver = ends->receiver, list = &received[c]] {
      for (;;) {
        std::optional<std::optional<Value>> end = BlockOn(ImpatientReceive(receiver));
        if (!end.has_value()) {
          std::this_thread::yield();
          continue;
        }
        if (!end->has_value()) return;
        list->push_back(**end);
      }
    });
  }
  threads.emplace_back(
      [receiver = ends->receiver, list = &received[2]] { BlockOn(Consume(receiver, list)); });
  ends.reset();
  for (std::thread& thread : threads) thread.join();
  CheckBooks(received, kProducers, kCount);
}

TEST(ChannelStressTest, CloseWakesEveryThreadThatWaits) {
  for (int round = 0; round < 100; ++round) {
    auto [sender, receiver] = MakeChannel<Value>(1);
    std::vector<std::thread> threads;
    std::atomic<int> ended{0};
    for (int t = 0; t < 3; ++t) {
      threads.emplace_back([&ended, copy = receiver] {
        while (BlockOn(copy.Receive()).has_value()) {
        }
        ended.fetch_add(1);
      });
    }
    EXPECT_TRUE(BlockOn(sender.Send(Value{0, 0})).ok());
    round % 2 == 0 ? sender.Close() : receiver.Close();
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(ended.load(), 3);
  }
}

}  // namespace
}  // namespace weft
