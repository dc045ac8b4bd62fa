// Goal: no unpark is lost and no park returns without a reason, with sleeping and racing threads.
// Method: a strict ping-pong of tokens hangs on the first lost wake-up (a watchdog says where);
// unsynchronised counters show under ThreadSanitizer when a token carries no ordering; deadlines
// and stop requests race with tokens; runs with more threads than processors.
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <random>
#include <stop_token>
#include <thread>
#include <vector>

#include "absl/time/time.h"
#include "base/instant.h"
#include "gtest/gtest.h"
#include "parker/parker.h"
#include "tools/stress/seed.h"
#include "tools/stress/start_barrier.h"
#include "tools/stress/watchdog.h"

namespace weft {
namespace {

// Two threads that hand a ball to and fro.
struct Pair {
  explicit Pair(const ParkerOptions& options) : players{Parker(options), Parker(options)} {}

  Parker players[2];
  int ball = 0;  // Not atomic: the tokens order the accesses.
};

void PlayPingPong(const char* name, int pairs, int rounds, int max_spin_pauses) {
  stress::Watchdog watchdog({.test = name, .workers = 2 * pairs});
  std::vector<std::unique_ptr<Pair>> all;
  for (int i = 0; i < pairs; ++i) {
    all.push_back(std::make_unique<Pair>(ParkerOptions{.max_spin_pauses = max_spin_pauses}));
  }
  stress::RunTogether(2 * pairs, [&](int worker) {
    Pair& pair = *all[static_cast<size_t>(worker / 2)];
    const int side = worker % 2;
    const Unparker opponent = pair.players[1 - side].unparker();
    for (int i = 0; i < rounds; ++i) {
      if (side == 1 || i > 0) pair.players[side].Park();
      EXPECT_EQ(pair.ball, 2 * i + side);
      ++pair.ball;
      opponent.Unpark();
      watchdog.Report(worker, "returned the ball", static_cast<uint64_t>(i));
    }
    watchdog.Finish(worker);
  });
  for (const std::unique_ptr<Pair>& pair : all) {
    EXPECT_TRUE(pair->players[0].TryPark());  // the last return
    EXPECT_FALSE(pair->players[1].TryPark());
  }
}

TEST(ParkerStressTest, PingPongLosesNoToken) { PlayPingPong("PingPong", 1, 10000, 0); }

TEST(ParkerStressTest, PingPongOfSixteenThreadsLosesNoToken) {
  PlayPingPong("PingPongOfSixteen", 8, 3000, 0);
}

TEST(ParkerStressTest, SpinningPingPongOfSixteenThreadsLosesNoToken) {
  PlayPingPong("SpinningPingPongOfSixteen", 8, 3000, 200);
}

// Every unparker publishes a ticket before it unparks; the owner must come to see all of them
// although tokens merge. Rust's std (issues 53366, 97140) had it otherwise.
TEST(ParkerStressTest, Regression_Rust53366_MergedTokensPublishWhatEveryUnparkerDid) {
  constexpr int kThreads = 15;
  constexpr int kEach = 10000;
  stress::Watchdog watchdog({.test = "MergedTokens", .workers = kThreads + 1});
  Parker parker;
  std::vector<std::atomic<int>> published(kThreads);
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t, unparker = parker.unparker()] {
      for (int i = 0; i < kEach; ++i) {
        published[static_cast<size_t>(t)].fetch_add(1, std::memory_order_relaxed);
        unparker.Unpark();
        watchdog.Report(t, "unparked", static_cast<uint64_t>(i));
      }
      watchdog.Finish(t);
    });
  }
  uint64_t parks = 0;
  for (;; ++parks) {
    int sum = 0;
    for (const std::atomic<int>& count : published) sum += count.load(std::memory_order_relaxed);
    if (sum == kThreads * kEach) break;
    parker.Park();  // Hangs if the last unpark's publication was not seen above and its token lost.
    watchdog.Report(kThreads, "parked", parks);
  }
  EXPECT_LE(parks, uint64_t{kThreads} * kEach);  // No park without a token.
  watchdog.Finish(kThreads);
  for (std::thread& thread : threads) thread.join();
}

// The unparker hands over a token only when the last one was taken, so the owner counts them all.
// Deadlines end sleeps just when wakers are on their way to them: a late waker then finds the next
// sleep, which must go on.
TEST(ParkerStressTest, DeadlinesAndStopsRacingWithTokensLoseNone) {
  constexpr int kThreads = 4;
  constexpr uint64_t kTokens = 4000;
  const uint64_t seed = stress::SeedFromEnvironment();
  SCOPED_TRACE(stress::SeedMessage(seed));
  stress::Watchdog watchdog({.test = "DeadlinesAndStops", .seed = seed, .workers = 2 * kThreads});
  std::vector<std::unique_ptr<Parker>> parkers;
  for (int i = 0; i < kThreads; ++i) parkers.push_back(std::make_unique<Parker>());
  std::vector<std::atomic<uint64_t>> taken(kThreads);
  stress::RunTogether(2 * kThreads, [&](int worker) {
    const auto pair = static_cast<size_t>(worker / 2);
    std::mt19937_64 random(stress::SeedOfWorker(seed, static_cast<uint64_t>(worker)));
    if (worker % 2 == 0) {
      const Unparker unparker = parkers[pair]->unparker();
      for (uint64_t i = 0; i < kTokens; ++i) {
        unparker.Unpark();
        while (taken[pair].load(std::memory_order_acquire) <= i) std::this_thread::yield();
        watchdog.Report(worker, "token was taken", i);
      }
    } else {
      uint64_t received = 0;
      while (received < kTokens) {
        const Instant deadline =
            MonotonicNow() + absl::Microseconds(static_cast<int64_t>(random() % 60));
        std::stop_source stop;
        std::thread stopper;
        if (random() % 16 == 0) stopper = std::thread([&stop] { stop.request_stop(); });
        const ParkResult result = parkers[pair]->ParkUntil(deadline, stop.get_token());
        if (stopper.joinable()) stopper.join();
        if (result == ParkResult::kStop) EXPECT_TRUE(stop.stop_requested());
        if (result == ParkResult::kDeadline) EXPECT_GE(MonotonicNow(), deadline);
        if (result != ParkResult::kToken) continue;
        taken[pair].store(++received, std::memory_order_release);
        watchdog.Report(worker, "took a token", received);
      }
    }
    watchdog.Finish(worker);
  });
  for (const std::unique_ptr<Parker>& parker : parkers) EXPECT_FALSE(parker->TryPark());
}

// allwpilib (issue 9423): a stop that came between the check and the sleep was not seen.
TEST(ParkerStressTest, Regression_Allwpilib9423_StopBeforeTheSleepIsSeen) {
  constexpr int kRounds = 6000;
  stress::Watchdog watchdog({.test = "StopBeforeTheSleep", .workers = 2});
  std::vector<std::stop_source> stops(kRounds);
  Parker parker;
  stress::StartBarrier barrier(2);
  stress::RunTogether(2, [&](int worker) {
    for (int i = 0; i < kRounds; ++i) {
      barrier.ArriveAndWait();
      std::stop_source& stop = stops[static_cast<size_t>(i)];
      if (worker == 0) {
        EXPECT_EQ(parker.Park(stop.get_token()), ParkResult::kStop);
      } else {
        stop.request_stop();
      }
      watchdog.Report(worker, "stopped", static_cast<uint64_t>(i));
    }
    watchdog.Finish(worker);
  });
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
