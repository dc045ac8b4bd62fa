// Threads that wait, for a write or on a futex; and what the checker says of those that wait in
// vain.

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tools/model/model.h"
#include "tools/model/testing.h"

namespace weft::model {
namespace {

using ::testing::HasSubstr;

// ---- Waiting ----

TEST(ModelWaiting, ASpinLockExcludes) {
  const Result result = Explore({}, [] {
    Atomic<int> lock{0};
    Plain<int> count{0};
    const auto add = [&] {
      while (lock.exchange(1, std::memory_order_acquire) != 0) Atomics::SpinPause();
      count.Write(count.Read() + 1);
      lock.store(0, std::memory_order_release);
    };
    Thread a(add), b(add);
    add();
    a.Join();
    b.Join();
    Assert(count.Read() == 3, "count");
  });
  EXPECT_TRUE(result.ok()) << result;
  EXPECT_EQ(result.executions, 6u);  // One for each order of the three.
}

TEST(ModelWaiting, AWaitInVainIsAFailure) {
  EXPECT_THAT(FailureOf([] {
                Atomic<int> flag{0};
                while (flag.load(std::memory_order_relaxed) == 0) Atomics::Yield();
              }),
              HasSubstr("nobody can go on: thread 0 waits for a write that never comes "
                        "(waiting_test.cc:"));
}

TEST(ModelWaiting, AMissedValueIsAFailure) {
  EXPECT_THAT(FailureOf([] {
                Atomic<int> flag{0};
                Thread other([&] {
                  flag.store(1, std::memory_order_relaxed);
                  flag.store(2, std::memory_order_relaxed);
                });
                while (flag.load(std::memory_order_relaxed) != 1) Atomics::SpinPause();
                other.Join();
              }),
              HasSubstr("waits for a write that never comes"));
}

// One side announces that it waits and looks for work, the other brings work and looks for waiters.
void SleepUnlessThereIsWork(std::memory_order order) {
  Atomic<int> waits{0};
  Atomic<int> work{0};
  Atomic<int> signal{0};
  Thread other([&] {
    work.store(1, order);
    if (waits.load(order) == 1) signal.store(1, std::memory_order_relaxed);
  });
  waits.store(1, order);
  if (work.load(order) == 0) {
    while (signal.load(std::memory_order_relaxed) == 0) Atomics::Yield();
  }
  other.Join();
}

TEST(ModelWaiting, AnOldValueThatWasReadBeforeTheLoopHidesNoHang) {
  EXPECT_THAT(FailureOf([] { SleepUnlessThereIsWork(std::memory_order_relaxed); }),
              HasSubstr("waits for a write that never comes"));
  ExpectHolds([] { SleepUnlessThereIsWork(std::memory_order_seq_cst); });
}

TEST(ModelWaiting, AValueThatTheWaiterItselfReplacedHidesNoHang) {
  EXPECT_THAT(FailureOf([] {
                Atomic<int> tickets{0};
                Atomic<int> served{0};
                Thread other([&] { tickets.fetch_add(1, std::memory_order_relaxed); });
                const int mine = tickets.fetch_add(1, std::memory_order_relaxed);
                while (served.load(std::memory_order_relaxed) < mine) Atomics::SpinPause();
                other.Join();
              }),
              HasSubstr("waits for a write that never comes"));
}

TEST(ModelWaiting, TwoThatWaitForEachOtherAreADeadlock) {
  const std::string failure = FailureOf([] {
    Atomic<int> a{0}, b{0};
    Thread other([&] {
      while (a.load(std::memory_order_relaxed) == 0) Atomics::SpinPause();
      b.store(1, std::memory_order_relaxed);
    });
    while (b.load(std::memory_order_relaxed) == 0) Atomics::SpinPause();
    a.store(1, std::memory_order_relaxed);
    other.Join();
  });
  EXPECT_THAT(failure, HasSubstr("thread 0 waits"));
  EXPECT_THAT(failure, HasSubstr("thread 1 waits"));
}

TEST(ModelWaiting, SpinnersOnALockThatIsNeverFreedAreADeadlock) {
  EXPECT_THAT(FailureOf([] {
                Atomic<int> lock{0};
                const auto take = [&] {
                  while (lock.exchange(1, std::memory_order_acquire) != 0) Atomics::SpinPause();
                };
                Thread a(take), b(take);
                a.Join();
                b.Join();
              }),
              HasSubstr("waits for a write that never comes"));
}

TEST(ModelWaiting, AJoinOfAStuckThreadSaysSo) {
  EXPECT_THAT(FailureOf([] {
                Atomic<int> flag{0};
                Thread other([&] {
                  while (flag.load(std::memory_order_relaxed) == 0) Atomics::SpinPause();
                });
                other.Join();
              }),
              HasSubstr("thread 0 joins thread 1"));
}

TEST(ModelWaiting, ALoopOfFewTurnsGoesOnBehindThem) {
  const Result result = Explore({}, [] {
    Atomic<int> flag{0};
    int turns = 0;
    while (flag.load(std::memory_order_relaxed) == 0 && turns < 1) {
      ++turns;
      Atomics::SpinPause();
    }
  });
  EXPECT_TRUE(result.ok()) << result;
}

TEST(ModelWaiting, ALoopWithoutPauseRunsAway) {
  Options options;
  options.max_events = 50;
  EXPECT_THAT(FailureOf(
                  [] {
                    Atomic<int> flag{0};
                    while (flag.load(std::memory_order_relaxed) == 0) {
                    }
                  },
                  options),
              HasSubstr("more than 50 events"));
}

// ---- Futexes ----

// Sleeps until `word` is set.
void Await(const Atomic<uint64_t>& word) {
  while (word.load(std::memory_order_acquire) == 0) Atomics::FutexWait(word, 0, false);
}

TEST(ModelFutex, AWakeReachesTheSleeper) {
  ExpectHolds([] {
    Atomic<uint64_t> word{0};
    Plain<int> data{0};
    Thread waker([&] {
      data.Write(1);
      word.store(1, std::memory_order_release);
      Atomics::FutexWake(word, 1);
    });
    Await(word);
    Assert(data.Read() == 1, "data");
    waker.Join();
  });
}

TEST(ModelFutex, AMissingWakeIsFound) {
  EXPECT_THAT(FailureOf([] {
                Atomic<uint64_t> word{0};
                Thread waker([&] { word.store(1, std::memory_order_release); });
                Await(word);
                waker.Join();
              }),
              HasSubstr("thread 0 sleeps in FutexWait() and is never woken (waiting_test.cc:"));
}

TEST(ModelFutex, AWakeBeforeTheStoreIsLost) {
  EXPECT_THAT(FailureOf([] {
                Atomic<uint64_t> word{0};
                Thread waker([&] {
                  Atomics::FutexWake(word, 1);
                  word.store(1, std::memory_order_release);
                });
                Await(word);
                waker.Join();
              }),
              HasSubstr("never woken"));
}

// The waker looks whether anybody sleeps: Dekker's pattern, which needs two strong sides.
void WakeOnlySleepers(std::memory_order fence) {
  Atomic<uint64_t> word{0};
  Atomic<int> sleepers{0};
  Thread waker([&] {
    word.store(1, std::memory_order_release);
    Atomics::Fence(fence);
    if (sleepers.load(std::memory_order_relaxed) != 0) Atomics::FutexWake(word, 1);
  });
  sleepers.store(1, std::memory_order_relaxed);
  Atomics::Fence(fence);
  Await(word);
  waker.Join();
}

TEST(ModelFutex, ALookForSleepersNeedsSequentiallyConsistentFences) {
  ExpectHolds([] { WakeOnlySleepers(std::memory_order_seq_cst); });
  EXPECT_THAT(FailureOf([] { WakeOnlySleepers(std::memory_order_acq_rel); }),
              HasSubstr("never woken"));
}

TEST(ModelFutex, OneWakeIsForOneSleeper) {
  const auto scenario = [](int count) {
    Atomic<uint64_t> word{0};
    Thread a([&] { Await(word); }), b([&] { Await(word); });
    word.store(1, std::memory_order_release);
    Atomics::FutexWake(word, count);
    a.Join();
    b.Join();
  };
  ExpectHolds([&] { scenario(2); });
  EXPECT_THAT(FailureOf([&] { scenario(1); }), HasSubstr("never woken"));
}

TEST(ModelFutex, ADeadlineMayPassOrNot) {
  for (bool wanted : {false, true}) {
    EXPECT_THAT(FailureOf([&] {
                  Atomic<uint64_t> word{0};
                  Thread waker([&] {
                    word.store(1, std::memory_order_release);
                    Atomics::FutexWake(word, 1);
                  });
                  Assert(Atomics::FutexWait(word, 0, true) != wanted, "this way");
                  waker.Join();
                }),
                HasSubstr("this way"));
  }
}

TEST(ModelFutex, ASleepWithDeadlineIsNoDeadlock) {
  ExpectHolds([] {
    const Atomic<uint64_t> word{0};
    Assert(!Atomics::FutexWait(word, 0, true), "nobody wakes");
  });
}

// Takes a return from its sleep for the news.
void TrustTheWake() {
  Atomic<uint64_t> word{0};
  Plain<int> data{0};
  Thread waker([&] {
    data.Write(1);
    Atomics::Fence(std::memory_order_release);
    word.store(1, std::memory_order_relaxed);
    Atomics::FutexWake(word, 1);
  });
  (void)Atomics::FutexWait(word, 0, false);
  Atomics::Fence(std::memory_order_acquire);
  Assert(data.Read() == 1, "data");
  waker.Join();
}

TEST(ModelFutex, ASleepMayEndForNoReasonIfAskedFor) {
  Options options;
  options.spurious_wakes = 1;
  ExpectHolds(TrustTheWake);
  EXPECT_THAT(FailureOf(TrustTheWake, options), HasSubstr("data (waiting_test.cc:"));
}

TEST(ModelFutex, EachThreadIsWokenForNoReasonAsOftenAsAllowed) {
  for (int wakes : {0, 1, 3}) {
    Options options;
    options.spurious_wakes = wakes;
    const Result result = Explore(options, [] {
      const Atomic<uint64_t> word{0};
      while (Atomics::FutexWait(word, 0, true)) {
      }
    });
    EXPECT_TRUE(result.ok()) << result;
    EXPECT_EQ(result.executions, static_cast<uint64_t>(wakes) + 1);
    EXPECT_TRUE(Explore(options, [] {
                  Atomic<uint64_t> word{0};
                  Thread waker([&] {
                    word.store(1, std::memory_order_release);
                    Atomics::FutexWake(word, 1);
                  });
                  Await(word);
                  waker.Join();
                }).ok());
  }
}

TEST(ModelFutex, AWordThatDiffersIsNotSleptOn) {
  ExpectHolds([] {
    const Atomic<uint64_t> word{uint64_t{5} << 32 | 1};
    Assert(Atomics::FutexWait(word, 0, false), "differs");
  });
}

}  // namespace
}  // namespace weft::model
