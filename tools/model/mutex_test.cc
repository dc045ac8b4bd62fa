// Parts of a body that run under a mutex: model::Mutex through the seam.

#include "tools/model/mutex.h"

#include <atomic>
#include <string>

#include "absl/base/thread_annotations.h"
#include "base/atomics.h"
#include "base/mutex.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tools/model/model.h"
#include "tools/model/testing.h"

namespace weft::model {
namespace {

using ::testing::HasSubstr;

// A body over the seam, of which one part runs under a mutex, as idle protocols have it.
template <typename A>
class Account {
 public:
  void Add(int n) {
    typename A::MutexLock lock(&mutex_);
    sum_.Write(sum_.Read() + n);
    is_empty_.store(false, std::memory_order_relaxed);
  }
  bool TryAdd(int n) {
    if (!mutex_.TryLock()) return false;
    sum_.Write(sum_.Read() + n);
    mutex_.Unlock();
    return true;
  }
  int Sum() {
    typename A::MutexLock lock(&mutex_);
    return sum_.Read();
  }
  bool IsEmpty() const { return is_empty_.load(std::memory_order_relaxed); }
  int SumWithoutTheLock() const ABSL_NO_THREAD_SAFETY_ANALYSIS { return sum_.Read(); }

 private:
  typename A::Mutex mutex_;
  typename A::template Plain<int> sum_ ABSL_GUARDED_BY(mutex_){0};
  typename A::template Atomic<bool> is_empty_{true};
};

TEST(ModelMutex, TheBodyThatIsModelledShips) {
  Account<StdAtomics> account;
  account.Add(2);
  EXPECT_TRUE(account.TryAdd(1));
  EXPECT_EQ(account.Sum(), 3);
}

TEST(ModelMutex, ExcludesInEveryOrder) {
  const Result result = Explore({}, [] {
    Account<Atomics> account;
    Thread a([&] { account.Add(1); }), b([&] { account.Add(2); });
    account.Add(4);
    a.Join();
    b.Join();
    Assert(account.Sum() == 7, "lost");
  });
  EXPECT_TRUE(result.ok()) << result;
  EXPECT_EQ(result.executions, 6u);  // One for each order of the three.
}

TEST(ModelMutex, APathThatForgetsItIsARace) {
  EXPECT_THAT(FailureOf([] {
                Account<Atomics> account;
                Thread other([&] { account.Add(1); });
                (void)account.SumWithoutTheLock();
                other.Join();
              }),
              HasSubstr("data race on plain memory"));
}

// What is published besides the mutex has its own order, or none.
TEST(ModelMutex, OrdersNothingForThoseWhoDoNotTakeIt) {
  EXPECT_THAT(FailureOf([] {
                Account<Atomics> account;
                Thread other([&] { account.Add(1); });
                if (!account.IsEmpty()) (void)account.SumWithoutTheLock();
                other.Join();
              }),
              HasSubstr("data race on plain memory"));
}

// Two threads write one word and read the other's, each under the mutex: one of them sees both.
TEST(ModelMutex, ItsSectionsStandInOneOrder) {
  ExpectHolds([] {
    Mutex mutex;
    Atomic<int> x{0}, y{0};
    int seen[2];
    const auto cross = [&mutex](Atomic<int>& mine, Atomic<int>& other) {
      MutexLock lock(&mutex);
      mine.store(1, std::memory_order_relaxed);
      return other.load(std::memory_order_relaxed);
    };
    Thread other([&] { seen[1] = cross(y, x); });
    seen[0] = cross(x, y);
    other.Join();
    Assert(seen[0] + seen[1] == 1, "store buffering under a mutex");
  });
}

TEST(ModelMutex, TryLockFailsOnlyBesideAHolder) {
  ExpectHolds([] {
    Account<Atomics> account;
    Assert(account.TryAdd(1), "nobody holds it");
    bool added[2];
    Thread other([&] { added[1] = account.TryAdd(2); });
    added[0] = account.TryAdd(4);
    other.Join();
    Assert(added[0] || added[1], "both found it held");
    Assert(account.Sum() == 1 + 4 * added[0] + 2 * added[1], "sum");
  });
}

TEST(ModelMutex, TwoTakenInOppositeOrdersAreADeadlock) {
  const std::string failure = FailureOf([] {
    Mutex a, b;
    const auto take = [](Mutex& first, Mutex& second) {
      MutexLock outer(&first);
      MutexLock inner(&second);
    };
    Thread other([&] { take(b, a); });
    take(a, b);
    other.Join();
  });
  EXPECT_THAT(failure, HasSubstr("thread 0 waits for a mutex that is never unlocked"));
  EXPECT_THAT(failure, HasSubstr("thread 1 waits for a mutex that is never unlocked"));
}

TEST(ModelMutex, IsNotRecursiveAndUnlockedByItsHolder) {
  EXPECT_THAT(FailureOf([]() ABSL_NO_THREAD_SAFETY_ANALYSIS {
                Mutex mutex;
                mutex.Lock();
                mutex.Lock();
              }),
              HasSubstr("waits for a mutex that is never unlocked (mutex_test.cc:"));
  EXPECT_THAT(FailureOf([]() ABSL_NO_THREAD_SAFETY_ANALYSIS {
                Mutex mutex;
                mutex.Lock();
                Thread other([&]() ABSL_NO_THREAD_SAFETY_ANALYSIS { mutex.Unlock(); });
                other.Join();
              }),
              HasSubstr("Unlock() of a mutex that the thread does not hold"));
}

}  // namespace
}  // namespace weft::model
