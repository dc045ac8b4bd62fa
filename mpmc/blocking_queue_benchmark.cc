// Shapes: uncontended (push + pop on one thread: what looking for sleepers costs) and ping-pong of two
// threads that sleep. Rival: a mutex and two condition variables around a std::deque.
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <mutex>
#include <thread>

#include "benchmark/benchmark.h"
#include "mpmc/blocking_queue.h"
#include "mpmc/bounded_queue.h"
#include "parker/event_count.h"

namespace weft {
namespace {

constexpr std::size_t kCapacity = 1024;

class MutexDeque {
 public:
  explicit MutexDeque(std::size_t capacity) : capacity_(capacity) {}

  void Push(uint64_t value) {
    std::unique_lock<std::mutex> lock(mutex_);
    not_full_.wait(lock, [&] { return values_.size() < capacity_; });
    values_.push_back(value);
    lock.unlock();
    not_empty_.notify_one();
  }
  uint64_t Pop() {
    std::unique_lock<std::mutex> lock(mutex_);
    not_empty_.wait(lock, [&] { return !values_.empty(); });
    const uint64_t value = values_.front();
    values_.pop_front();
    lock.unlock();
    not_full_.notify_one();
    return value;
  }

 private:
  const std::size_t capacity_;
  std::mutex mutex_;
  std::condition_variable not_empty_;
  std::condition_variable not_full_;
  std::deque<uint64_t> values_;
};

template <typename Events>
class Ours {
 public:
  explicit Ours(std::size_t capacity) : queue_(capacity) {}

  void Push(uint64_t value) { benchmark::DoNotOptimize(queue_.Push(value).ok()); }
  uint64_t Pop() { return *queue_.Pop(); }

 private:
  BlockingQueue<BoundedQueue<uint64_t>, Events> queue_;
};

template <typename Queue>
void PushPop(benchmark::State& state) {
  Queue queue(kCapacity);
  for (auto _ : state) {
    queue.Push(1);
    benchmark::DoNotOptimize(queue.Pop());
  }
}

template <typename Queue>
void PingPong(benchmark::State& state) {
  Queue there(1);
  Queue back(1);
  std::thread echo([&] {
    while (const uint64_t value = there.Pop()) back.Push(value);
  });
  for (auto _ : state) {
    there.Push(1);
    benchmark::DoNotOptimize(back.Pop());
  }
  there.Push(0);
  echo.join();
}

BENCHMARK(PushPop<Ours<EventCount>>)->Name("BM_BlockingQueue_PushPop/fence");
BENCHMARK(PushPop<Ours<AsymmetricEventCount>>)->Name("BM_BlockingQueue_PushPop/asymmetric");
BENCHMARK(PushPop<MutexDeque>)->Name("BM_MutexDeque_PushPop");
BENCHMARK(PingPong<Ours<EventCount>>)->Name("BM_BlockingQueue_PingPong/fence")->UseRealTime();
BENCHMARK(PingPong<Ours<AsymmetricEventCount>>)
    ->Name("BM_BlockingQueue_PingPong/asymmetric")
    ->UseRealTime();
BENCHMARK(PingPong<MutexDeque>)->Name("BM_MutexDeque_PingPong")->UseRealTime();

}  // namespace
}  // namespace weft
