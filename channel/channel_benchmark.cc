// Shapes: uncontended (send + receive on one thread, polled by hand), pingpong (two threads, two
// channels of capacity 1), spsc (one thread sends, one receives). Rival: a mutex, two condition
// variables and a std::deque.
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>
#include <thread>

#include "benchmark/benchmark.h"
#include "channel/channel.h"
#include "future/block_on.h"
#include "future/cancel.h"
#include "future/context.h"
#include "future/task.h"
#include "future/waker.h"

namespace weft {
namespace {

constexpr std::size_t kCapacity = 1024;

class CondVarQueue {
 public:
  explicit CondVarQueue(std::size_t capacity) : capacity_(capacity) {}
  void Send(uint64_t value) {
    std::unique_lock<std::mutex> lock(mutex_);
    has_room_.wait(lock, [this] { return values_.size() < capacity_; });
    values_.push_back(value);
    has_value_.notify_one();
  }
  uint64_t Receive() {
    std::unique_lock<std::mutex> lock(mutex_);
    has_value_.wait(lock, [this] { return !values_.empty(); });
    const uint64_t value = values_.front();
    values_.pop_front();
    has_room_.notify_one();
    return value;
  }

 private:
  const std::size_t capacity_;
  std::mutex mutex_;
  std::condition_variable has_room_;
  std::condition_variable has_value_;
  std::deque<uint64_t> values_;
};

void BM_Channel_SendReceive(benchmark::State& state) {
  auto [sender, receiver] = MakeChannel<uint64_t>(kCapacity);
  const Waker waker;
  const CancelToken token;
  Context cx(waker, token);
  for (auto _ : state) {
    auto send = sender.Send(1);
    benchmark::DoNotOptimize(send.poll(cx));
    auto receive = receiver.Receive();
    benchmark::DoNotOptimize(receive.poll(cx));
  }
}

void BM_CondVarQueue_SendReceive(benchmark::State& state) {
  CondVarQueue queue(kCapacity);
  for (auto _ : state) {
    queue.Send(1);
    benchmark::DoNotOptimize(queue.Receive());
  }
}

Task<> Echo(Receiver<uint64_t> in, Sender<uint64_t> out) {
  while (std::optional<uint64_t> value = co_await in.Receive()) (void)co_await out.Send(*value);
}

void BM_Channel_PingPong(benchmark::State& state) {
  auto [ping_sender, ping_receiver] = MakeChannel<uint64_t>(1);
  auto [pong_sender, pong_receiver] = MakeChannel<uint64_t>(1);
  std::thread other([in = ping_receiver, out = pong_sender] { BlockOn(Echo(in, out)); });
  for (auto _ : state) {
    (void)BlockOn(ping_sender.Send(1));
    benchmark::DoNotOptimize(BlockOn(pong_receiver.Receive()));
  }
  ping_sender.Close();
  other.join();
}

void BM_CondVarQueue_PingPong(benchmark::State& state) {
  CondVarQueue ping(1);
  CondVarQueue pong(1);
  std::thread other([&] {
    while (const uint64_t value = ping.Receive()) pong.Send(value);
  });
  for (auto _ : state) {
    ping.Send(1);
    benchmark::DoNotOptimize(pong.Receive());
  }
  ping.Send(0);
  other.join();
}

Task<> SendMany(Sender<uint64_t> sender, int64_t count) {
  for (int64_t i = 0; i < count; ++i) (void)co_await sender.Send(1);
}

Task<uint64_t> ReceiveMany(Receiver<uint64_t> receiver) {
  uint64_t sum = 0;
  while (std::optional<uint64_t> value = co_await receiver.Receive()) sum += *value;
  co_return sum;
}

void BM_Channel_Spsc(benchmark::State& state) {
  for (auto _ : state) {
    auto [sender, receiver] = MakeChannel<uint64_t>(kCapacity);
    std::thread producer([out = sender, count = state.range(0)] {
      BlockOn(SendMany(out, count));
      out.Close();
    });
    benchmark::DoNotOptimize(BlockOn(ReceiveMany(receiver)));
    producer.join();
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}

void BM_CondVarQueue_Spsc(benchmark::State& state) {
  for (auto _ : state) {
    CondVarQueue queue(kCapacity);
    std::thread producer([&queue, count = state.range(0)] {
      for (int64_t i = 0; i < count; ++i) queue.Send(1);
    });
    uint64_t sum = 0;
    for (int64_t i = 0; i < state.range(0); ++i) sum += queue.Receive();
    benchmark::DoNotOptimize(sum);
    producer.join();
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}

BENCHMARK(BM_Channel_SendReceive);
BENCHMARK(BM_CondVarQueue_SendReceive);
BENCHMARK(BM_Channel_PingPong)->UseRealTime();
BENCHMARK(BM_CondVarQueue_PingPong)->UseRealTime();
BENCHMARK(BM_Channel_Spsc)->Arg(20000)->UseRealTime();
BENCHMARK(BM_CondVarQueue_Spsc)->Arg(20000)->UseRealTime();

}  // namespace
}  // namespace weft
