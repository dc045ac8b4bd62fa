// Goal: no unpark is lost and no park returns without one, with sleeping and racing threads.
// Method: a strict ping-pong of tokens hangs on the first lost wake-up; unsynchronised counters
// show under ThreadSanitizer when a token carries no ordering; deadlines race with tokens.
#include <atomic>
#include <cstdint>
#include <thread>
#include <vector>

#include "absl/time/time.h"
#include "base/instant.h"
#include "gtest/gtest.h"
#include "parker/parker.h"

namespace weft {
namespace {

TEST(ParkerStressTest, PingPongLosesNoToken) {
  constexpr int kRounds = 3000;
  Parker here;
  Parker there;
  int ball = 0;  // Not atomic: the tokens order the accesses.
  std::thread other([&] {
    for (int i = 0; i < kRounds; ++i) {
      there.Park();
      EXPECT_EQ(ball, 2 * i + 1);
      ++ball;
      here.unparker().Unpark();
    }
  });
  const Unparker unparker = there.unparker();
  for (int i = 0; i < kRounds; ++i) {
    ++ball;
    unparker.Unpark();
    here.Park();
    EXPECT_EQ(ball, 2 * i + 2);
  }
  other.join();
  EXPECT_FALSE(here.TryPark());
}

// Every producer publishes a ticket before it unparks; the owner must come to see all of them
// although tokens merge.
TEST(ParkerStressTest, MergedTokensPublishWhatEveryUnparkerDid) {
  constexpr int kThreads = 4;
  constexpr int kEach = 2000;
  Parker parker;
  std::vector<std::atomic<int>> published(kThreads);
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&published, t, unparker = parker.unparker()] {
      for (int i = 0; i < kEach; ++i) {
        published[t].fetch_add(1, std::memory_order_relaxed);
        unparker.Unpark();
      }
    });
  }
  for (;;) {
    int sum = 0;
    for (const std::atomic<int>& count : published) sum += count.load(std::memory_order_relaxed);
    if (sum == kThreads * kEach) break;
    parker.Park();  // Hangs if the last unpark's publication was not seen above and its token lost.
  }
  for (std::thread& thread : threads) thread.join();
}

TEST(ParkerStressTest, DeadlinesRacingWithTokensLoseNone) {
  constexpr int kTokens = 1000;
  Parker parker;
  std::atomic<int> taken{0};
  std::thread other([&, unparker = parker.unparker()] {
    for (int i = 0; i < kTokens; ++i) {
      unparker.Unpark();
      while (taken.load(std::memory_order_acquire) <= i) std::this_thread::yield();
    }
  });
  for (int received = 0; received < kTokens;) {
    const Instant deadline = MonotonicNow() + absl::Microseconds(received % 60);
    if (parker.ParkUntil(deadline) == ParkResult::kToken) {
      taken.store(++received, std::memory_order_release);
    }
  }
  other.join();
  EXPECT_FALSE(parker.TryPark());
}

TEST(ParkerStressTest, StateSurvivesParkersThatGoWhileOthersUnpark) {
  for (int i = 0; i < 300; ++i) {
    std::vector<std::thread> threads;
    {
      Parker parker;
      for (int t = 0; t < 2; ++t) {
        threads.emplace_back([unparker = parker.unparker()] {
          unparker.Unpark();
          unparker.Unpark();
        });
      }
      parker.Park();
    }
    for (std::thread& thread : threads) thread.join();
  }
}

}  // namespace
}  // namespace weft
