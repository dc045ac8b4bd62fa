// Goal: the contract of the event count that rides on its word, one bullet a test.
#include "parker/riding_event_count.h"

#include <atomic>
#include <cstdint>
#include <thread>

#include "base/instant.h"
#include "gtest/gtest.h"

namespace weft {
namespace {

constexpr std::memory_order kRelaxed = std::memory_order_relaxed;

TEST(RidingEventCountTest, WordKeepsItsValueWhoeverWaits) {
  RidingEventCount items(5);
  EXPECT_EQ(items.FetchAdd(2, kRelaxed).value, 5u);
  {
    RidingEventCount::Key key = items.PrepareWait();
    EXPECT_EQ(key.seen().value, 7u);
    EXPECT_EQ(items.FetchSub(3, kRelaxed).value, 7u);
    EXPECT_EQ(items.FetchOr(8, kRelaxed).value, 4u);
    EventWord word = items.Load(kRelaxed);
    EXPECT_EQ(word.value, 12u);
    while (!items.CompareExchangeWeak(&word, 20, kRelaxed, kRelaxed)) EXPECT_EQ(word.value, 12u);
    word.value = 1;
    EXPECT_FALSE(items.CompareExchangeWeak(&word, 30, kRelaxed, kRelaxed));
    EXPECT_EQ(word.value, 20u);
  }
  EXPECT_EQ(items.Load(kRelaxed).value, 20u);
}

TEST(RidingEventCountTest, ChangeTellsWhetherSomebodyWaits) {
  RidingEventCount items;
  EXPECT_FALSE(items.FetchAdd(1, kRelaxed).has_waiters);
  RidingEventCount::Key key = items.PrepareWait();
  EXPECT_TRUE(items.FetchAdd(1, kRelaxed).has_waiters);
  EXPECT_TRUE(items.FetchSub(1, kRelaxed).has_waiters);
  EXPECT_TRUE(items.FetchOr(0, kRelaxed).has_waiters);
  items.CancelWait(key);
  EXPECT_FALSE(items.FetchAdd(1, kRelaxed).has_waiters);
}

TEST(RidingEventCountTest, NotifyGoesByWhatTheChangeReturned) {
  RidingEventCount items;
  const EventWord before = items.FetchAdd(1, kRelaxed);
  RidingEventCount::Key key = items.PrepareWait();
  EXPECT_EQ(items.NotifyOne(before), 0u);  // The waiter came later and has seen the change.
  EXPECT_EQ(items.NotifyOne(items.FetchAdd(1, kRelaxed)), 1u);
  EXPECT_EQ(items.NotifyOne(items.FetchAdd(1, kRelaxed)), 0u);
  items.CommitWait(key);
}

TEST(RidingEventCountTest, NotifiesManyAndAll) {
  RidingEventCount items;
  RidingEventCount::Key first = items.PrepareWait();
  RidingEventCount::Key second = items.PrepareWait();
  RidingEventCount::Key third = items.PrepareWait();
  EXPECT_EQ(items.NotifyN(items.FetchAdd(2, kRelaxed), 2), 2u);
  EXPECT_EQ(items.NotifyAll(items.FetchAdd(1, kRelaxed)), 1u);
  items.CommitWait(first);
  items.CommitWait(second);
  items.CommitWait(third);
}

TEST(RidingEventCountTest, NewestFirstIfAsked) {
  RidingEventCount items(0, WakeOrder::kNewestFirst);
  RidingEventCount::Key first = items.PrepareWait();
  RidingEventCount::Key second = items.PrepareWait();
  items.NotifyOne(items.FetchAdd(1, kRelaxed));
  EXPECT_EQ(items.CommitWaitUntil(first, Instant::InfinitePast()), WaitResult::kDeadline);
  EXPECT_EQ(items.CommitWaitUntil(second, Instant::InfinitePast()), WaitResult::kNotified);
}

// The value is the caller's to wrap; the bit below it stays out of it.
TEST(RidingEventCountTest, ValueWrapsWithoutTouchingTheBit) {
  constexpr uint64_t kMax = (uint64_t{1} << 63) - 1;
  RidingEventCount items(kMax);
  EXPECT_FALSE(items.FetchAdd(1, kRelaxed).has_waiters);
  EXPECT_EQ(items.Load(kRelaxed).value, 0u);
  RidingEventCount::Key key = items.PrepareWait();
  EXPECT_TRUE(items.FetchSub(1, kRelaxed).has_waiters);
  EXPECT_EQ(items.Load(kRelaxed).value, kMax);
  EXPECT_TRUE(items.FetchAdd(1, kRelaxed).has_waiters);
}

TEST(RidingEventCountTest, AwaitReturnsTheValueThatItWaitedFor) {
  RidingEventCount items;
  int payload = 0;  // Not atomic: the change orders the accesses.
  std::thread other([&] {
    payload = 42;
    items.NotifyAll(items.FetchAdd(3, std::memory_order_release));
  });
  EXPECT_EQ(items.Await([](uint64_t value) { return value >= 3; }), 3u);
  EXPECT_EQ(payload, 42);
  other.join();
}

}  // namespace
}  // namespace weft
