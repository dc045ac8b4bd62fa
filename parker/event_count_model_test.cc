// Goal: no notification is lost in any behaviour that the C++ memory model allows, and each order
// and each barrier of the event counts is needed. Method: the bodies that ship, over tools/model,
// in scenarios of two or three threads that are explored exhaustively; each mutant must fail one of
// them. A lost wake-up shows as a deadlock.
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "base/instant.h"
#include "gtest/gtest.h"
#include "parker/event_count.h"
#include "parker/internal/announcement.h"
#include "parker/internal/model_futex.h"
#include "parker/parker.h"
#include "parker/riding_event_count.h"
#include "tools/model/atomic.h"
#include "tools/model/model.h"
#include "tools/model/plain.h"
#include "tools/model/testing.h"

namespace weft {
namespace {

using parker_internal::AsymmetricPair;
using parker_internal::BasicEventCount;
using parker_internal::FencePair;
using parker_internal::ModelAtomics;
using parker_internal::ModelAtomicsWithoutAsymmetricBarriers;

// Any deadline that may pass.
constexpr Instant kSoon = Instant::FromNanos(1);

using Fenced = BasicEventCount<ModelAtomics, FencePair>;
using Asymmetric = BasicEventCount<ModelAtomics, AsymmetricPair>;
using Fallback = BasicEventCount<ModelAtomicsWithoutAsymmetricBarriers, AsymmetricPair>;
using Riding = parker_internal::BasicRidingEventCount<ModelAtomics>;

template <typename Atomics, template <typename> typename Pair>
auto AtomicsOf(const BasicEventCount<Atomics, Pair>&) -> Atomics;

template <typename Events>
using ParkerOf = parker_internal::BasicParker<decltype(AtomicsOf(std::declval<Events>()))>;

// Dekker's pattern with nothing but a relaxed store and a relaxed load of the user's (oneTBB 2136,
// tokio 525 and 1788, zio 610: a barrier missing on one side, or a read-modify-write for one).
template <typename Events>
void RelaxedFlagIsNotMissed() {
  Events events;
  ParkerOf<Events> parker;
  model::Atomic<int> flag{0};
  model::Thread notifier([&] {
    flag.store(1, std::memory_order_relaxed);
    events.NotifyOne();
  });
  {
    auto key = events.PrepareWait(parker);
    if (flag.load(std::memory_order_relaxed) == 0) events.CommitWait(key);
  }
  notifier.Join();
}

// The loop that the event count offers: it ends, with what was done before the condition held.
void AwaitSeesTheCondition() {
  Fenced events;
  ParkerOf<Fenced> parker;
  model::Atomic<int> flag{0};
  model::Thread notifier([&] {
    flag.store(1, std::memory_order_relaxed);
    events.NotifyOne();
  });
  events.Await(parker, [&] { return flag.load(std::memory_order_relaxed) == 1; });
  notifier.Join();
}

// What the notifier did is visible after the wait, by the notification alone.
void NotificationPublishes() {
  Fenced events;
  ParkerOf<Fenced> parker;
  model::Plain<int> data{0};
  model::Atomic<int> flag{0};
  model::Thread notifier([&] {
    data.Write(42);
    flag.store(1, std::memory_order_relaxed);
    events.NotifyOne();
  });
  {
    auto key = events.PrepareWait(parker);
    if (flag.load(std::memory_order_relaxed) == 0) {
      events.CommitWait(key);
      model::Assert(data.Read() == 42, "the notification came without what was before it");
    }
  }
  notifier.Join();
}

// A waiter that gives up and a notifier agree on who was first.
void DeadlineAndNotificationAgree() {
  Fenced events;
  ParkerOf<Fenced> parker;
  model::Atomic<int> notified{0};
  model::Plain<int> data{0};
  auto key = events.PrepareWait(parker);
  model::Thread notifier([&] {
    data.Write(42);
    notified.store(static_cast<int>(events.NotifyOne()), std::memory_order_relaxed);
  });
  const bool is_notified = events.CommitWaitUntil(key, kSoon) == WaitResult::kNotified;
  if (is_notified) model::Assert(data.Read() == 42, "lost");
  notifier.Join();
  model::Assert((notified.load(std::memory_order_relaxed) == 1) == is_notified,
                "waiter and notifier disagree");
}

// The newer of two waits is cancelled while a notification for one is on its way to it; the older
// one, which sleeps, must get it then.
void CancelPassesItsNotificationOn() {
  Fenced events(WakeOrder::kNewestFirst);
  ParkerOf<Fenced> parkers[2];
  auto sleeper = events.PrepareWait(parkers[0]);
  auto looker = events.PrepareWait(parkers[1]);
  model::Thread notifier([&] { model::Assert(events.NotifyOne() == 1, "expected a waiter"); });
  events.CancelWait(looker);
  events.CommitWait(sleeper);
  notifier.Join();
  model::Assert(events.NotifyOne() == 0, "nobody waits");
}

// One waiter is there, another one comes just now.
void NotifyAllReachesBoth() {
  Fenced events(WakeOrder::kNewestFirst);
  ParkerOf<Fenced> parkers[2];
  model::Atomic<int> flag{0};
  auto first = events.PrepareWait(parkers[0]);
  model::Thread notifier([&] {
    flag.store(1, std::memory_order_relaxed);
    events.NotifyAll();
  });
  {
    auto second = events.PrepareWait(parkers[1]);
    if (flag.load(std::memory_order_relaxed) == 0) events.CommitWait(second);
  }
  events.CommitWait(first);
  notifier.Join();
}

// Waiters of two threads come at the same time.
void WaitersMeetAtTheLock() {
  Fenced events;
  ParkerOf<Fenced> parkers[2];
  model::Thread other([&] {
    auto key = events.PrepareWait(parkers[0]);
    events.CancelWait(key);
  });
  auto key = events.PrepareWait(parkers[1]);
  events.CancelWait(key);
  other.Join();
  model::Assert(events.NotifyOne() == 0, "nobody waits");
}

// Two notifiers for one each, two waiters: nobody is notified twice, nobody is forgotten.
void NotifyOneReachesOneEach() {
  Fenced events;
  ParkerOf<Fenced> parkers[2];
  auto first = events.PrepareWait(parkers[0]);
  auto second = events.PrepareWait(parkers[1]);
  model::Thread one([&] { model::Assert(events.NotifyOne() == 1, "expected a waiter"); });
  model::Thread two([&] { model::Assert(events.NotifyOne() == 1, "expected a waiter"); });
  events.CommitWait(first);
  events.CommitWait(second);
  one.Join();
  two.Join();
  model::Assert(events.NotifyOne() == 0, "nobody waits");
}

// Three threads: two that sleep, and one that wakes both with one call.
void NotifyNWakesTwoSleepers() {
  Fenced events(WakeOrder::kNewestFirst);
  ParkerOf<Fenced> parkers[2];
  auto first = events.PrepareWait(parkers[0]);
  auto second = events.PrepareWait(parkers[1]);
  model::Thread other([&] { events.CommitWait(first); });
  model::Thread notifier([&] { model::Assert(events.NotifyN(3) == 2, "expected two waiters"); });
  events.CommitWait(second);
  other.Join();
  notifier.Join();
}

// The look is at the word itself, with no order but what the event count brings.
void RidingWordIsNotMissed() {
  Riding items;
  parker_internal::BasicParker<ModelAtomics> parker;
  model::Plain<int> data{0};
  model::Thread notifier([&] {
    data.Write(42);
    items.NotifyOne(items.FetchAdd(1, std::memory_order_release));
  });
  {
    auto key = items.PrepareWait(parker);
    if (key.seen().value == 0) items.CommitWait(key);
  }
  model::Assert(data.Read() == 42, "the change came without what was before it");
  notifier.Join();
}

void RidingAwaitSeesTheChange() {
  Riding items;
  parker_internal::BasicParker<ModelAtomics> parker;
  model::Plain<int> data{0};
  model::Thread notifier([&] {
    data.Write(42);
    items.NotifyOne(items.FetchAdd(1, std::memory_order_release));
  });
  items.Await(parker, [](uint64_t value) { return value == 1; });
  model::Assert(data.Read() == 42, "the change came without what was before it");
  notifier.Join();
}

// One waiter is there, so the bit is set; another one comes; the bit is withdrawn with the last.
void RidingWordServesTwo() {
  Riding items;
  parker_internal::BasicParker<ModelAtomics> parkers[2];
  auto first = items.PrepareWait(parkers[0]);
  model::Thread notifier([&] { items.NotifyAll(items.FetchAdd(1, std::memory_order_relaxed)); });
  {
    auto second = items.PrepareWait(parkers[1]);
    if (second.seen().value == 0) items.CommitWait(second);
  }
  items.CommitWait(first);
  notifier.Join();
  model::Assert(!items.Load(std::memory_order_relaxed).has_waiters, "the bit was left behind");
}

const std::vector<model::Scenario> kScenarios = {
    {"RelaxedFlag.Fenced", RelaxedFlagIsNotMissed<Fenced>, {}},
    {"RelaxedFlag.Asymmetric", RelaxedFlagIsNotMissed<Asymmetric>, {}},
    {"RelaxedFlag.Fallback", RelaxedFlagIsNotMissed<Fallback>, {}},
    {"AwaitSeesTheCondition", AwaitSeesTheCondition, {}},
    {"NotificationPublishes", NotificationPublishes, {}},
    {"DeadlineAndNotificationAgree", DeadlineAndNotificationAgree, {}},
    {"NotifyOneReachesOneEach", NotifyOneReachesOneEach, {}},
    {"NotifyNWakesTwoSleepers", NotifyNWakesTwoSleepers, {}},
    {"RidingWordIsNotMissed", RidingWordIsNotMissed, {}},
    {"RidingAwaitSeesTheChange", RidingAwaitSeesTheChange, {}},
    {"RidingWordServesTwo", RidingWordServesTwo, {}},
    {"NotifyAllReachesBoth", NotifyAllReachesBoth, {}},
    {"WaitersMeetAtTheLock", WaitersMeetAtTheLock, {}},
    {"CancelPassesItsNotificationOn", CancelPassesItsNotificationOn, {}},
};

TEST(EventCountModelTest, HoldsInEveryBehaviour) { model::ExpectHolds(kScenarios); }

TEST(EventCountModelTest, HoldsWhereTheKernelWakesForNoReason) {
  model::ExpectHoldsWithSpuriousWakes(kScenarios);
}

TEST(EventCountMutantTest, EveryMutantIsCaught) {
  model::ExpectMutantsCaught({"parker/event_count.h", "parker/riding_event_count.h",
                              "announcement.h", "waiter_list.h", "word_lock.h"},
                             kScenarios);
}

}  // namespace
}  // namespace weft
