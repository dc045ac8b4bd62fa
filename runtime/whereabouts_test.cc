// Question: does a displaced worker wake off the processors of the others, and may it then run
// where it might before?
// Method: a thread that sleeps on its Parker is displaced before it is woken, and tells which
// processors it may use and on which it runs.
#include "runtime/internal/whereabouts.h"

#include <sched.h>

#include <atomic>
#include <functional>
#include <semaphore>
#include <thread>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "parker/parker.h"
#include "runtime/internal/processor_mask.h"
#include "runtime/parallelism.h"

namespace weft::runtime_internal {
namespace {

using testing::Contains;
using testing::Not;

std::vector<int> ProcessorsHere() { return *AllowedProcessors(); }

// What a worker saw of one sleep.
struct Seen {
  std::vector<int> awake;  // where it might run before Return()
  int processor = -1;      // where it ran then
  std::vector<int> after;  // where it might run after Return()
};

// A thread that sleeps once; while it does, `meanwhile` is called.
Seen SleepOnce(const std::function<void(Whereabouts&)>& meanwhile) {
  Seen seen;
  Whereabouts whereabouts;
  Parker parker;
  std::binary_semaphore is_about_to_sleep(0);
  std::thread worker([&] {
    whereabouts.Start();
    whereabouts.NoteSleep();
    is_about_to_sleep.release();
    parker.Park();
    seen.awake = ProcessorsHere();
    seen.processor = sched_getcpu();
    whereabouts.Return();
    seen.after = ProcessorsHere();
  });
  is_about_to_sleep.acquire();
  meanwhile(whereabouts);
  parker.unparker().Unpark();
  worker.join();
  return seen;
}

TEST(WhereaboutsTest, SaysWhereItIsBusy) {
  Whereabouts whereabouts;
  EXPECT_EQ(whereabouts.busy_on(), Whereabouts::kNowhere);
  whereabouts.Start();
  EXPECT_THAT(ProcessorsHere(), Contains(whereabouts.busy_on()));
  whereabouts.NoteSleep();
  EXPECT_EQ(whereabouts.busy_on(), Whereabouts::kNowhere);
  whereabouts.Return();
  EXPECT_THAT(ProcessorsHere(), Contains(whereabouts.busy_on()));
}

TEST(WhereaboutsTest, DisplacedItWakesElsewhereAndComesHome) {
  const std::vector<int> allowed = ProcessorsHere();
  if (allowed.size() < 2) GTEST_SKIP() << "needs two processors";
  const std::vector<int> taken = {allowed.front()};
  const Seen seen = SleepOnce([&](Whereabouts& whereabouts) { whereabouts.Displace(taken); });
  EXPECT_THAT(seen.awake, Not(Contains(taken.front())));
  EXPECT_EQ(seen.awake.size(), allowed.size() - 1);
  EXPECT_NE(seen.processor, taken.front());
  EXPECT_EQ(seen.after, allowed);
}

TEST(WhereaboutsTest, StaysWhereNothingIsLeft) {
  const std::vector<int> allowed = ProcessorsHere();
  const Seen seen = SleepOnce([&](Whereabouts& whereabouts) { whereabouts.Displace(allowed); });
  EXPECT_EQ(seen.awake, allowed);
  EXPECT_EQ(seen.after, allowed);
}

TEST(WhereaboutsTest, DisplacedTwiceItComesHomeAllTheSame) {
  const std::vector<int> allowed = ProcessorsHere();
  if (allowed.size() < 2) GTEST_SKIP() << "needs two processors";
  const Seen seen = SleepOnce([&](Whereabouts& whereabouts) {
    whereabouts.Displace(std::vector<int>{allowed.front()});
    whereabouts.Displace(std::vector<int>{allowed.back()});
  });
  EXPECT_THAT(seen.awake, Not(Contains(allowed.front())));
  EXPECT_EQ(seen.after, allowed);
}

// Awake by itself, it has returned before its waker would change the mask. Else it would keep that
// mask, and the next waker find one that it must leave alone.
TEST(WhereaboutsTest, Regression_AwakeItIsNotDisplaced) {
  const std::vector<int> allowed = ProcessorsHere();
  if (allowed.size() < 2) GTEST_SKIP() << "needs two processors";
  std::vector<int> awake, asleep, displaced;
  std::thread([&] {
    Whereabouts whereabouts;
    whereabouts.Start();
    whereabouts.NoteSleep();
    whereabouts.Return();
    whereabouts.Displace(std::vector<int>{allowed.front()});
    awake = ProcessorsHere();
    whereabouts.NoteSleep();
    asleep = ProcessorsHere();
    whereabouts.Displace(std::vector<int>{allowed.back()});
    displaced = ProcessorsHere();
    whereabouts.Return();
  }).join();
  EXPECT_EQ(awake, allowed);
  EXPECT_EQ(asleep, allowed);
  EXPECT_THAT(displaced, Not(Contains(allowed.back())));
}

// The waker comes while the worker wakes by itself, again and again.
TEST(WhereaboutsTest, Regression_AfterReturnItIsAlwaysHome) {
  const std::vector<int> allowed = ProcessorsHere();
  if (allowed.size() < 2) GTEST_SKIP() << "needs two processors";
  Whereabouts whereabouts;
  std::atomic<bool> is_over{false};
  std::binary_semaphore has_started(0);
  int strays = 0;
  std::thread worker([&] {
    whereabouts.Start();
    has_started.release();
    for (int i = 0; i < 1'000; ++i) {
      whereabouts.NoteSleep();
      whereabouts.Return();
      if (ProcessorsHere() != allowed) ++strays;
    }
    is_over = true;
  });
  has_started.acquire();
  while (!is_over) {
    whereabouts.Displace(std::vector<int>{allowed.front()});
    std::this_thread::yield();
  }
  worker.join();
  EXPECT_EQ(strays, 0);
}

TEST(WhereaboutsTest, WhatOthersHaveChangedIsLeftAlone) {
  const std::vector<int> allowed = ProcessorsHere();
  if (allowed.size() < 2) GTEST_SKIP() << "needs two processors";
  const std::vector<int> last = {allowed.back()};
  Whereabouts whereabouts;
  std::vector<int> seen;
  std::thread([&] {
    whereabouts.Start();
    ASSERT_TRUE(ProcessorMask::Of(last)->ApplyTo(0).ok());
    whereabouts.NoteSleep();
    whereabouts.Displace(std::vector<int>{allowed.front()});
    whereabouts.Return();
    seen = ProcessorsHere();
  }).join();
  EXPECT_EQ(seen, last);
}

}  // namespace
}  // namespace weft::runtime_internal
