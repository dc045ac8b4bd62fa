// Goal: the contract of the event counts, one bullet a test, for the kinds that look at any
// condition. Waits of one thread stand for waits of several: a key does not care who holds it.
#include "parker/event_count.h"

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <stop_token>
#include <thread>
#include <type_traits>
#include <vector>

#include "absl/time/time.h"
#include "base/instant.h"
#include "gtest/gtest.h"
#include "parker/internal/futex.h"
#include "parker/parker.h"

namespace weft {
namespace {

static_assert(!std::is_copy_constructible_v<EventCount>);
static_assert(!std::is_move_constructible_v<EventCount::Key>);

template <typename T>
class EventCountTest : public testing::Test {};

using Kinds = testing::Types<EventCount, AsymmetricEventCount>;
TYPED_TEST_SUITE(EventCountTest, Kinds);

const Instant kPast = Instant::InfinitePast();

TYPED_TEST(EventCountTest, NotifyWithoutWaitersDoesNothing) {
  TypeParam events;
  EXPECT_EQ(events.NotifyOne(), 0u);
  EXPECT_EQ(events.NotifyN(3), 0u);
  EXPECT_EQ(events.NotifyAll(), 0u);
  auto key = events.PrepareWait();
  EXPECT_EQ(events.CommitWaitUntil(key, kPast), WaitResult::kDeadline);
}

TYPED_TEST(EventCountTest, NotificationAfterPrepareIsKeptForTheCommit) {
  TypeParam events;
  auto key = events.PrepareWait();
  EXPECT_EQ(events.NotifyOne(), 1u);
  events.CommitWait(key);  // Would hang otherwise.
}

TYPED_TEST(EventCountTest, NotificationWinsOverAPastDeadlineAndAStop) {
  TypeParam events;
  std::stop_source stop;
  stop.request_stop();
  auto key = events.PrepareWait();
  events.NotifyAll();
  EXPECT_EQ(events.CommitWaitUntil(key, kPast, stop.get_token()), WaitResult::kNotified);
}

TYPED_TEST(EventCountTest, DeadlineAndStopEndAWait) {
  TypeParam events;
  const Instant deadline = MonotonicNow() + absl::Milliseconds(2);
  auto key = events.PrepareWait();
  EXPECT_EQ(events.CommitWaitUntil(key, deadline), WaitResult::kDeadline);
  EXPECT_GE(MonotonicNow(), deadline);
  std::stop_source stop;
  auto second = events.PrepareWait();
  std::thread other([&stop] { stop.request_stop(); });
  EXPECT_EQ(events.CommitWaitUntil(second, Instant::InfiniteFuture(), stop.get_token()),
            WaitResult::kStop);
  other.join();
  EXPECT_EQ(events.NotifyAll(), 0u);
}

TYPED_TEST(EventCountTest, NotifyOneEndsTheOldestWait) {
  TypeParam events;
  auto first = events.PrepareWait();
  auto second = events.PrepareWait();
  EXPECT_EQ(events.NotifyOne(), 1u);
  EXPECT_EQ(events.CommitWaitUntil(second, kPast), WaitResult::kDeadline);
  EXPECT_EQ(events.CommitWaitUntil(first, kPast), WaitResult::kNotified);
}

TYPED_TEST(EventCountTest, NotifyOneEndsTheNewestWaitIfAsked) {
  TypeParam events(WakeOrder::kNewestFirst);
  auto first = events.PrepareWait();
  auto second = events.PrepareWait();
  EXPECT_EQ(events.NotifyOne(), 1u);
  EXPECT_EQ(events.CommitWaitUntil(first, kPast), WaitResult::kDeadline);
  EXPECT_EQ(events.CommitWaitUntil(second, kPast), WaitResult::kNotified);
}

// More than a bundle.
TYPED_TEST(EventCountTest, NotifyNEndsThatMany) {
  constexpr int kWaits = 40;
  for (const size_t count : {0, 1, 15, 16, 17, 39, 40, 41}) {
    TypeParam events;
    std::vector<std::unique_ptr<typename TypeParam::Key>> keys;
    for (int i = 0; i < kWaits; ++i) {
      keys.emplace_back(new typename TypeParam::Key(events.PrepareWait()));
    }
    EXPECT_EQ(events.NotifyN(count), std::min<size_t>(count, kWaits));
    size_t notified = 0;
    for (auto& key : keys) {
      notified += events.CommitWaitUntil(*key, kPast) == WaitResult::kNotified ? 1 : 0;
    }
    EXPECT_EQ(notified, std::min<size_t>(count, kWaits));
  }
}

TYPED_TEST(EventCountTest, NotifyAllEndsAll) {
  TypeParam events(WakeOrder::kNewestFirst);
  std::vector<std::unique_ptr<typename TypeParam::Key>> keys;
  for (int i = 0; i < 100; ++i) {
    keys.emplace_back(new typename TypeParam::Key(events.PrepareWait()));
  }
  EXPECT_EQ(events.NotifyAll(), 100u);
  for (auto& key : keys) EXPECT_EQ(events.CommitWaitUntil(*key, kPast), WaitResult::kNotified);
}

TYPED_TEST(EventCountTest, NotifiedWaitCostsTheNextNotifyNothing) {
  TypeParam events;
  auto key = events.PrepareWait();
  EXPECT_EQ(events.NotifyOne(), 1u);
  EXPECT_EQ(events.NotifyOne(), 0u);
  events.CommitWait(key);
}

TYPED_TEST(EventCountTest, CancelledWaitIsNotNotified) {
  TypeParam events;
  auto key = events.PrepareWait();
  events.CancelWait(key);
  EXPECT_EQ(events.NotifyAll(), 0u);
}

TYPED_TEST(EventCountTest, DestroyedKeyIsCancelled) {
  TypeParam events;
  {
    auto key = events.PrepareWait();
  }
  EXPECT_EQ(events.NotifyAll(), 0u);
}

TYPED_TEST(EventCountTest, CancelPassesANotificationForOneOn) {
  TypeParam events;
  auto first = events.PrepareWait();
  auto second = events.PrepareWait();
  EXPECT_EQ(events.NotifyOne(), 1u);
  events.CancelWait(first);
  EXPECT_EQ(events.CommitWaitUntil(second, kPast), WaitResult::kNotified);
}

TYPED_TEST(EventCountTest, CancelDoesNotPassANotificationForAllOn) {
  TypeParam events;
  auto first = events.PrepareWait();
  events.NotifyAll();
  auto second = events.PrepareWait();
  events.CancelWait(first);
  EXPECT_EQ(events.CommitWaitUntil(second, kPast), WaitResult::kDeadline);
}

TYPED_TEST(EventCountTest, ThreadWaitsAtSeveralAtOnce) {
  TypeParam left;
  TypeParam right;
  auto at_left = left.PrepareWait();
  auto at_right = right.PrepareWait();
  right.NotifyOne();
  left.CancelWait(at_left);
  EXPECT_EQ(right.CommitWaitUntil(at_right, kPast), WaitResult::kNotified);
}

TYPED_TEST(EventCountTest, AwaitReturnsWhenTheConditionHolds) {
  TypeParam events;
  int payload = 0;  // Not atomic: the notification orders the accesses.
  std::atomic<bool> holds{false};
  std::thread other([&] {
    payload = 42;
    holds.store(true, std::memory_order_release);
    events.NotifyAll();
  });
  events.Await([&] { return holds.load(std::memory_order_acquire); });
  EXPECT_EQ(payload, 42);
  other.join();
}

TYPED_TEST(EventCountTest, AwaitUntilTriesOnceMoreAtItsDeadline) {
  TypeParam events;
  int looks = 0;
  EXPECT_FALSE(events.AwaitUntil(kPast, [&] { return ++looks > 3; }));
  EXPECT_EQ(looks, 3);
  looks = 0;
  EXPECT_TRUE(events.AwaitUntil(kPast, [&] { return ++looks == 3; }));
}

TYPED_TEST(EventCountTest, NotifierPublishesWithTheNotificationAlone) {
  TypeParam events;
  int payload = 0;  // Not atomic.
  ParkStats stats;
  Parker parker({.stats = &stats});
  std::thread other([&] {
    while (stats.Read().sleeps == 0) std::this_thread::yield();
    payload = 42;
    events.NotifyOne();
  });
  auto key = events.PrepareWait(parker);
  events.CommitWait(key);
  EXPECT_EQ(payload, 42);
  other.join();
}

// An event count after `first` waits.
class OldEventCount : public parker_internal::BasicEventCount<parker_internal::FutexAtomics,
                                                              parker_internal::FencePair> {
 public:
  explicit OldEventCount(uint64_t first) : BasicEventCount(WakeOrder::kNewestFirst, first) {}
};

// Taskflow's notifier (issues 518, 560): its epoch of 32 bits, of which some were the number of
// waiters, came round, and waiters slept on or woke for nothing.
TEST(EventCountRegressionTest, Regression_Taskflow560_TicketsWrap) {
  for (const uint64_t wrap : {uint64_t{0}, uint64_t{1} << 32, uint64_t{1} << 63}) {
    OldEventCount events(wrap - 3);
    for (int round = 0; round < 3; ++round) {
      auto first = events.PrepareWait();
      auto second = events.PrepareWait();
      EXPECT_EQ(events.NotifyAll(), 2u);
      auto third = events.PrepareWait();
      EXPECT_EQ(events.CommitWaitUntil(first, kPast), WaitResult::kNotified);
      EXPECT_EQ(events.CommitWaitUntil(second, kPast), WaitResult::kNotified);
      EXPECT_EQ(events.CommitWaitUntil(third, kPast), WaitResult::kDeadline);
    }
  }
}

TEST(EventCountDeathTest, RefusesAKeyThatIsSpent) {
  EventCount events;
  auto key = events.PrepareWait();
  events.CancelWait(key);
  EXPECT_DEATH(events.CommitWait(key), "call PrepareWait\\(\\) for each wait");
}

TEST(EventCountDeathTest, RefusesToGoWhileSomebodyWaits) {
  EXPECT_DEATH(
      {
        auto events = std::make_unique<EventCount>();
        auto key = events->PrepareWait();
        events.reset();
      },
      "found a waiter");
}

}  // namespace
}  // namespace weft
