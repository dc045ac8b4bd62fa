// Shapes: uncontended (unpark, then park with the token) and pingpong (two threads hand a token
// back and forth). Rival: a mutex with a condition variable and a flag.
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "benchmark/benchmark.h"
#include "parker/parker.h"

namespace weft {
namespace {

class CondVarParker {
 public:
  void Unpark() {
    {
      std::lock_guard<std::mutex> lock(mutex_);
      token_ = true;
    }
    condition_.notify_one();
  }
  void Park() {
    std::unique_lock<std::mutex> lock(mutex_);
    condition_.wait(lock, [this] { return token_; });
    token_ = false;
  }

 private:
  std::mutex mutex_;
  std::condition_variable condition_;
  bool token_ = false;
};

class Ours {
 public:
  void Unpark() { unparker_.Unpark(); }
  void Park() { parker_.Park(); }

 private:
  Parker parker_;
  Unparker unparker_ = parker_.unparker();
};

template <typename P>
void Token(benchmark::State& state) {
  P parker;
  for (auto _ : state) {
    parker.Unpark();
    parker.Park();
  }
}

template <typename P>
void PingPong(benchmark::State& state) {
  P here;
  P there;
  std::atomic<bool> done{false};
  std::thread other([&] {
    for (;;) {
      there.Park();
      if (done.load()) return;
      here.Unpark();
    }
  });
  for (auto _ : state) {
    there.Unpark();
    here.Park();
  }
  done.store(true);
  there.Unpark();
  other.join();
}

void BM_Parker_Token(benchmark::State& state) { Token<Ours>(state); }
void BM_CondVar_Token(benchmark::State& state) { Token<CondVarParker>(state); }
void BM_Parker_PingPong(benchmark::State& state) { PingPong<Ours>(state); }
void BM_CondVar_PingPong(benchmark::State& state) { PingPong<CondVarParker>(state); }

BENCHMARK(BM_Parker_Token);
BENCHMARK(BM_CondVar_Token);
BENCHMARK(BM_Parker_PingPong)->UseRealTime();
BENCHMARK(BM_CondVar_PingPong)->UseRealTime();

}  // namespace
}  // namespace weft
