// Question: do Mutex and CondVar exclude, hand over and wake, and does TSan see their edges?
#include "base/mutex.h"

#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "gtest/gtest.h"

namespace weft {
namespace {

class Counter {
 public:
  void Add() {
    MutexLock lock(&mu_);
    ++value_;
  }
  int value() {
    MutexLock lock(&mu_);
    return value_;
  }

 private:
  Mutex mu_;
  int value_ ABSL_GUARDED_BY(mu_) = 0;
};

// A plain int under the lock: under TSan this also shows that the edges are seen.
TEST(MutexTest, CriticalSectionsDoNotOverlap) {
  Counter counter;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&counter] {
      for (int j = 0; j < 5'000; ++j) counter.Add();
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(counter.value(), 20'000);
}

TEST(MutexTest, TryLockFailsWhileHeldElsewhere) {
  Mutex mu;
  mu.Lock();
  bool taken = false;
  const auto attempt = [&mu, &taken] {
    if (mu.TryLock()) {
      taken = true;
      mu.Unlock();
    }
  };
  std::thread(attempt).join();
  EXPECT_FALSE(taken);
  mu.Unlock();
  std::thread(attempt).join();
  EXPECT_TRUE(taken);
}

struct Baton {
  Mutex mu;
  CondVar changed;
  int turn ABSL_GUARDED_BY(mu) = 0;
};

// Waits for its turn and passes it on.
void Play(Baton* baton, int self, int rounds) {
  for (int i = 0; i < rounds; ++i) {
    MutexLock lock(&baton->mu);
    while (baton->turn != self) baton->changed.Wait(&baton->mu);
    baton->turn = 1 - self;
    baton->changed.NotifyOne();
  }
}

TEST(CondVarTest, NotifyOneWakesTheWaiter) {
  Baton baton;
  std::thread other([&baton] { Play(&baton, 1, 200); });
  Play(&baton, 0, 200);
  other.join();
  MutexLock lock(&baton.mu);
  EXPECT_EQ(baton.turn, 0);
}

TEST(CondVarTest, NotifyAllWakesEveryWaiter) {
  Baton baton;
  std::vector<std::thread> threads;
  for (int i = 0; i < 3; ++i) {
    threads.emplace_back([&baton] {
      MutexLock lock(&baton.mu);
      while (baton.turn == 0) baton.changed.Wait(&baton.mu);
    });
  }
  {
    MutexLock lock(&baton.mu);
    baton.turn = 1;
  }
  baton.changed.NotifyAll();
  for (std::thread& thread : threads) thread.join();
}

}  // namespace
}  // namespace weft
