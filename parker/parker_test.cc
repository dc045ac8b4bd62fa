// Goal: the token semantics, one bullet of the contract a test. Threads appear only where a bullet
// is about them; nothing here depends on how fast they run.
#include "parker/parker.h"

#include <atomic>
#include <csignal>
#include <cstdint>
#include <stop_token>
#include <thread>
#include <type_traits>
#include <utility>

#include "absl/time/time.h"
#include "base/instant.h"
#include "gtest/gtest.h"

namespace weft {
namespace {

static_assert(!std::is_copy_constructible_v<Parker>);
static_assert(!std::is_move_constructible_v<Parker>);
static_assert(std::is_copy_constructible_v<Unparker>);
static_assert(std::is_nothrow_move_constructible_v<Unparker>);
static_assert(sizeof(Unparker) == sizeof(void*));

// Returns when the owner of `stats` has gone to sleep for the `sleeps`-th time.
void WaitForSleep(const ParkStats& stats, uint64_t sleeps) {
  while (stats.Read().sleeps < sleeps) std::this_thread::yield();
}

TEST(ParkerTest, TokenBeforeParkIsKept) {
  Parker parker;
  parker.unparker().Unpark();
  parker.Park();  // Would hang without the token.
  EXPECT_FALSE(parker.TryPark());
}

TEST(ParkerTest, TokensDoNotAddUp) {
  Parker parker;
  const Unparker unparker = parker.unparker();
  for (int i = 0; i < 3; ++i) unparker.Unpark();
  EXPECT_TRUE(parker.TryPark());
  EXPECT_FALSE(parker.TryPark());
}

TEST(ParkerTest, EachTokenIsSpentOnce) {
  Parker parker;
  const Unparker unparker = parker.unparker();
  for (int i = 0; i < 100; ++i) {
    unparker.Unpark();
    EXPECT_TRUE(parker.TryPark());
    EXPECT_FALSE(parker.TryPark());
  }
}

TEST(ParkerTest, ParkUntilAPastDeadlineReturnsWithoutAToken) {
  Parker parker;
  EXPECT_EQ(parker.ParkUntil(Instant::InfinitePast()), ParkResult::kDeadline);
  EXPECT_EQ(parker.ParkUntil(Instant::FromNanos(1)), ParkResult::kDeadline);
  EXPECT_EQ(parker.ParkUntil(MonotonicNow()), ParkResult::kDeadline);
}

TEST(ParkerTest, TokenWinsOverAPastDeadline) {
  Parker parker;
  parker.unparker().Unpark();
  EXPECT_EQ(parker.ParkUntil(Instant::InfinitePast()), ParkResult::kToken);
  EXPECT_EQ(parker.ParkUntil(Instant::InfinitePast()), ParkResult::kDeadline);
}

TEST(ParkerTest, ParkUntilNeverReturnsBeforeItsDeadline) {
  Parker parker;
  const Instant deadline = MonotonicNow() + absl::Milliseconds(5);
  EXPECT_EQ(parker.ParkUntil(deadline), ParkResult::kDeadline);
  EXPECT_GE(MonotonicNow(), deadline);
}

TEST(ParkerTest, TokenAfterADeadlineIsKeptForTheNextPark) {
  Parker parker;
  EXPECT_EQ(parker.ParkUntil(MonotonicNow() + absl::Microseconds(10)), ParkResult::kDeadline);
  parker.unparker().Unpark();
  EXPECT_EQ(parker.ParkUntil(MonotonicNow()), ParkResult::kToken);
}

TEST(ParkerTest, ParkSleepsUntilAnotherThreadUnparks) {
  Parker parker;
  int payload = 0;  // Not atomic: the token orders the accesses.
  std::thread other([&payload, unparker = parker.unparker()] {
    payload = 42;
    unparker.Unpark();
  });
  parker.Park();
  EXPECT_EQ(payload, 42);
  other.join();
}

TEST(ParkerTest, StopRequestedBeforeEndsTheParkAtOnce) {
  Parker parker;
  std::stop_source stop;
  stop.request_stop();
  EXPECT_EQ(parker.Park(stop.get_token()), ParkResult::kStop);
  EXPECT_EQ(parker.ParkUntil(Instant::InfinitePast(), stop.get_token()), ParkResult::kStop);
}

TEST(ParkerTest, TokenWinsOverAStopRequest) {
  Parker parker;
  std::stop_source stop;
  stop.request_stop();
  parker.unparker().Unpark();
  EXPECT_EQ(parker.Park(stop.get_token()), ParkResult::kToken);
  EXPECT_EQ(parker.Park(stop.get_token()), ParkResult::kStop);
}

TEST(ParkerTest, StopRequestEndsASleepAndLeavesNoToken) {
  ParkStats stats;
  Parker parker({.stats = &stats});
  std::stop_source stop;
  int payload = 0;  // Not atomic: the stop request orders the accesses.
  std::thread other([&] {
    WaitForSleep(stats, 1);
    payload = 42;
    stop.request_stop();
  });
  EXPECT_EQ(parker.Park(stop.get_token()), ParkResult::kStop);
  EXPECT_EQ(payload, 42);
  other.join();
  EXPECT_FALSE(parker.TryPark());
  EXPECT_EQ(parker.ParkUntil(MonotonicNow()), ParkResult::kDeadline);
  parker.unparker().Unpark();
  EXPECT_EQ(parker.ParkUntil(Instant::InfinitePast()), ParkResult::kToken);
}

TEST(ParkerTest, StopTokenWithoutSourceNeverStops) {
  Parker parker;
  EXPECT_EQ(parker.ParkUntil(MonotonicNow(), std::stop_token()), ParkResult::kDeadline);
  parker.unparker().Unpark();
  EXPECT_EQ(parker.Park(std::stop_token()), ParkResult::kToken);
}

TEST(ParkerTest, UnparkerMayOutliveItsParker) {
  Unparker unparker = Parker().unparker();
  unparker.Unpark();
  Unparker copy = unparker;
  copy.Unpark();
}

TEST(ParkerTest, HandleTravelsThroughAVoidPointer) {
  Parker parker;
  void* const raw = parker.unparker().IntoRaw();
  Unparker::FromRaw(raw).Unpark();
  EXPECT_TRUE(parker.TryPark());
}

TEST(ParkerTest, RawHandlesAreClonedWokenAndDroppedWithoutBeingTakenApart) {
  Parker parker;
  void* const raw = parker.unparker().IntoRaw();
  Unparker::CloneRaw(raw);
  Unparker::UnparkRaw(raw);
  EXPECT_TRUE(parker.TryPark());
  Unparker::DropRaw(raw);
  Unparker::UnparkRaw(raw);
  EXPECT_TRUE(parker.TryPark());
  Unparker::DropRaw(raw);
}

TEST(ParkerTest, HandlesKnowWhetherTheyUnparkTheSame) {
  Parker parker;
  Parker other;
  const Unparker unparker = parker.unparker();
  EXPECT_TRUE(unparker.WillUnparkSameAs(parker.unparker()));
  EXPECT_TRUE(unparker.WillUnparkSameAs(Unparker(unparker)));
  EXPECT_FALSE(unparker.WillUnparkSameAs(other.unparker()));
}

TEST(ParkerTest, CopiesAndMovesAllHandTokensToTheSameParker) {
  Parker parker;
  Unparker first = parker.unparker();
  Unparker second = first;
  Unparker third = std::move(first);
  first = third;
  for (const Unparker* unparker : {&first, &second, &third}) {
    unparker->Unpark();
    EXPECT_TRUE(parker.TryPark());
  }
}

TEST(ParkerTest, SpinningParkerKeepsTheContract) {
  ParkStats stats;
  Parker parker({.max_spin_pauses = 1000, .stats = &stats});
  EXPECT_EQ(parker.ParkUntil(MonotonicNow()), ParkResult::kDeadline);
  EXPECT_EQ(stats.Read().spin_pauses, 1000u);
  EXPECT_EQ(stats.Read().spin_hits, 0u);
  std::thread other([unparker = parker.unparker()] { unparker.Unpark(); });
  parker.Park();
  other.join();
  EXPECT_FALSE(parker.TryPark());
}

std::atomic<int> handled{0};

// With SA_RESTART the kernel would put the thread back to sleep by itself; either way the handler
// runs while the thread is parked, and the park does not end.
TEST(ParkerTest, SignalsAreHandledDuringAParkAndDoNotEndIt) {
  struct sigaction action{};
  struct sigaction before{};
  action.sa_handler = [](int) { handled.fetch_add(1); };
  action.sa_flags = SA_RESTART;
  ASSERT_EQ(sigaction(SIGUSR1, &action, &before), 0);
  constexpr int kSignals = 3;
  ParkStats stats;
  Parker parker({.stats = &stats});
  const pthread_t parked = pthread_self();
  std::atomic<bool> is_unparked{false};
  std::thread other([&, unparker = parker.unparker()] {
    WaitForSleep(stats, 1);
    for (int i = 1; i <= kSignals; ++i) {
      pthread_kill(parked, SIGUSR1);
      while (handled.load() < i) std::this_thread::yield();
    }
    is_unparked.store(true);
    unparker.Unpark();
  });
  parker.Park();
  EXPECT_TRUE(is_unparked.load());
  other.join();
  sigaction(SIGUSR1, &before, nullptr);
}

// A parker that has spent `first` unparks already.
class OldParker : public Parker {
 public:
  explicit OldParker(uint64_t first) : Parker(ParkerOptions{}, first) {}
};

// Taskflow's notifier (issues 518, 560) lost wakes when its narrow epoch came round. Here the word
// has 62 bits of tokens, of which the kernel sees 30.
TEST(ParkerTest, Regression_Taskflow518_CounterWrapsWithoutLosingTokens) {
  for (const uint64_t wrap : {uint64_t{1} << 30, uint64_t{1} << 31, uint64_t{1} << 62}) {
    OldParker parker(wrap - 3);
    const Unparker unparker = parker.unparker();
    for (int i = 0; i < 6; ++i) {
      EXPECT_EQ(parker.ParkUntil(MonotonicNow()), ParkResult::kDeadline);
      unparker.Unpark();
      EXPECT_TRUE(parker.TryPark());
      EXPECT_FALSE(parker.TryPark());
    }
    OldParker here(wrap - 3);
    OldParker there(wrap - 3);
    std::thread other([&there, unpark_here = here.unparker()] {
      for (int i = 0; i < 6; ++i) {
        there.Park();
        unpark_here.Unpark();
      }
    });
    for (int i = 0; i < 6; ++i) {
      there.unparker().Unpark();
      here.Park();
    }
    other.join();
  }
}

}  // namespace
}  // namespace weft
