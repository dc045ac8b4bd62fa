// One owner and many threads that arm, move, cancel and retire timers, at full speed.
//
// Identities: each arming ends in one fire or one successful cancel, never both, never neither; no
// timer fires before its deadline; what was written before an arming is read by the owner as plain
// memory (ThreadSanitizer watches); each retired timer comes back once; no wake-up is lost, or the
// watchdog barks.
#include <atomic>
#include <cstdint>
#include <memory>
#include <random>
#include <vector>

#include "absl/time/time.h"
#include "base/instant.h"
#include "base/mutex.h"
#include "gtest/gtest.h"
#include "timer/shared_timer_wheel.h"
#include "tools/stress/seed.h"
#include "tools/stress/start_barrier.h"
#include "tools/stress/watchdog.h"

namespace weft {
namespace {

Instant At(int64_t ms) { return Instant() + absl::Milliseconds(ms); }

// A timer of one thread, which uses it again only when it knows what became of the last arming.
struct OwnTimer : SharedTimer {
  Instant deadline;               // Plain: handed over by arming, and by `fires`.
  std::atomic<int64_t> fires{0};  // Written by the owner.
  int64_t ended = 0;              // Armings that ended, as its thread sees it.
  int64_t cancelled = 0;          // Of these, by a cancel.
  bool is_armed = false;
};

// Allocated, armed and retired; the owner frees it.
struct RetiredTimer : SharedTimer {
  bool was_cancelled = false;        // By Retire(); written by its thread before...
  std::atomic<bool> is_told{false};  // ...this.
  bool has_fired = false;            // The owner's.
};

// What timers are, told by the address range in which they lie.
struct Worker {
  std::vector<OwnTimer> own = std::vector<OwnTimer>(64);
  int64_t retired = 0;
};

class Stress {
 public:
  Stress(const char* name, int threads, int64_t steps)
      : seed_(stress::SeedFromEnvironment()),
        workers_(static_cast<size_t>(threads - 1)),
        contended_(8),
        steps_(steps),
        running_(threads - 1),
        watchdog_({.test = name, .seed = seed_, .workers = threads}) {
    for (auto& worker : workers_) worker = std::make_unique<Worker>();
  }

  void Run() {
    const int threads = static_cast<int>(workers_.size()) + 1;
    stress::RunTogether(threads, [this](int i) {
      if (i == 0) {
        Own();
      } else {
        Use(i);
        running_.fetch_sub(1);
      }
      watchdog_.Finish(i);
    });
    Check();
  }

 private:
  void Own() {
    std::mt19937_64 random(stress::SeedOfWorker(seed_, 0));
    uint64_t turn = 0;
    while (true) {
      const bool is_last = running_.load() == 0;
      now_ += static_cast<int64_t>(random() % 4);
      const int64_t budget = random() % 2 == 0 ? SharedTimerWheel::kUnlimited : 50;
      const AdvanceResult result = wheel_.Advance(At(now_), budget);
      while (SharedTimer* const timer = wheel_.PopExpired()) Fire(timer);
      while (SharedTimer* const timer = wheel_.PopRetired()) Free(timer);
      if (++turn % 64 == 0) watchdog_.Report(0, "advanced", turn);
      if (is_last && result == AdvanceResult::kCaughtUp && wheel_.NextDeadline() > At(now_)) break;
      if (random() % 4 == 0) std::this_thread::yield();
    }
  }

  void Fire(SharedTimer* timer) {
    for (SharedTimer& contended : contended_) {
      if (timer == &contended) {
        ++contended_fires_;
        return;
      }
    }
    for (auto& worker : workers_) {
      if (timer >= worker->own.data() && timer < worker->own.data() + worker->own.size()) {
        auto* const own = static_cast<OwnTimer*>(timer);
        EXPECT_LE(own->deadline, At(now_)) << "early";
        own->fires.store(own->fires.load(std::memory_order_relaxed) + 1, std::memory_order_release);
        return;
      }
    }
    auto* const retired = static_cast<RetiredTimer*>(timer);
    EXPECT_FALSE(retired->has_fired);
    retired->has_fired = true;
  }

  void Free(SharedTimer* timer) {
    auto* const retired = static_cast<RetiredTimer*>(timer);
    while (!retired->is_told.load(std::memory_order_acquire)) std::this_thread::yield();
    EXPECT_NE(retired->was_cancelled, retired->has_fired);
    delete retired;
    ++freed_;
  }

  void Use(int index) {
    Worker& worker = *workers_[static_cast<size_t>(index) - 1];
    std::mt19937_64 random(stress::SeedOfWorker(seed_, static_cast<uint64_t>(index)));
    for (int64_t step = 0; step < steps_; ++step) {
      switch (random() % 8) {
        case 0:
          UseContended(&random);
          break;
        case 1:
          UseRetired(&worker, &random);
          break;
        default:
          UseOwn(&worker.own[random() % worker.own.size()], &random);
      }
      if (step % 64 == 0) watchdog_.Report(index, "stepped", static_cast<uint64_t>(step));
    }
    for (OwnTimer& timer : worker.own) End(&timer);
  }

  static Instant Soon(std::mt19937_64* random) {
    return At(static_cast<int64_t>((*random)() % (uint64_t{1} << (*random)() % 16)));
  }

  void UseOwn(OwnTimer* timer, std::mt19937_64* random) {
    if (timer->is_armed) return End(timer);
    timer->deadline = Soon(random);
    timer->is_armed = true;
    // The owner of this test never sleeps.
    EXPECT_EQ(wheel_.ArmRemotely(timer, timer->deadline), ArmResult::kArmed);
  }

  // Ends an arming, and waits until the owner has told of the fire if it was one.
  static void Await(OwnTimer* timer) {
    while (timer->fires.load(std::memory_order_acquire) + timer->cancelled < timer->ended) {
      std::this_thread::yield();
    }
  }
  void End(OwnTimer* timer) {
    if (!timer->is_armed) return;
    timer->is_armed = false;
    ++timer->ended;
    if (wheel_.CancelRemotely(timer)) ++timer->cancelled;
    Await(timer);
    EXPECT_EQ(timer->fires.load() + timer->cancelled, timer->ended);
  }

  void UseContended(std::mt19937_64* random) {
    SharedTimer* const timer = &contended_[(*random)() % contended_.size()];
    if ((*random)() % 2 == 0) {
      EXPECT_EQ(wheel_.ArmRemotely(timer, Soon(random)), ArmResult::kArmed);
      contended_arms_.fetch_add(1);
    } else if (wheel_.CancelRemotely(timer)) {
      contended_cancels_.fetch_add(1);
    }
  }

  void UseRetired(Worker* worker, std::mt19937_64* random) {
    auto* const timer = new RetiredTimer;
    EXPECT_EQ(wheel_.ArmRemotely(timer, Soon(random)), ArmResult::kArmed);
    for (uint64_t i = (*random)() % 64; i > 0; --i) CpuRelax();
    timer->was_cancelled = wheel_.Retire(timer);
    timer->is_told.store(true, std::memory_order_release);
    ++worker->retired;
  }

  void Check() {
    for (SharedTimer& timer : contended_) wheel_.Cancel(&timer);
    wheel_.Advance(At(now_));
    int64_t retired = 0;
    for (const auto& worker : workers_) {
      retired += worker->retired;
      for (OwnTimer& timer : worker->own) {
        EXPECT_EQ(timer.fires.load() + timer.cancelled, timer.ended);
        EXPECT_TRUE(timer.IsReleased());
      }
    }
    EXPECT_EQ(freed_, retired);
    EXPECT_LE(contended_fires_ + contended_cancels_.load(), contended_arms_.load());
    EXPECT_EQ(wheel_.size(), 0u);
  }

  const uint64_t seed_;
  SharedTimerWheel wheel_{Instant()};
  std::vector<std::unique_ptr<Worker>> workers_;
  std::vector<SharedTimer> contended_;
  const int64_t steps_;
  std::atomic<int> running_;
  int64_t now_ = 0;
  int64_t freed_ = 0;
  int64_t contended_fires_ = 0;
  std::atomic<int64_t> contended_arms_{0};
  std::atomic<int64_t> contended_cancels_{0};
  stress::Watchdog watchdog_;
};

TEST(SharedTimerWheelStressTest, EachArmingEndsOnce) {
  Stress("EachArmingEndsOnce", 3, 200'000).Run();
}

TEST(SharedTimerWheelStressTest, EachArmingEndsOnceOversubscribed) {
  Stress("EachArmingEndsOnceOversubscribed", 16, 15'000).Run();
}

// Something to sleep on that keeps a wake-up, as a parker does.
class Token {
 public:
  void Give() {
    {
      MutexLock lock(&mutex_);
      is_given_ = true;
    }
    given_.NotifyOne();
  }
  void Take() {
    MutexLock lock(&mutex_);
    while (!is_given_) given_.Wait(&mutex_);
    is_given_ = false;
  }

 private:
  Mutex mutex_;
  CondVar given_;
  bool is_given_ ABSL_GUARDED_BY(mutex_) = false;
};

// The owner sleeps for good whenever nothing is due, and only an ArmResult wakes it. Two threads at
// once move one timer, then another, from a distant deadline to one that is due, or arm an idle
// one.
TEST(SharedTimerWheelStressTest, NoWakeUpIsLost) {
  constexpr int kThreads = 2;
  constexpr int64_t kRounds = 12'000;
  const uint64_t seed = stress::SeedFromEnvironment();
  stress::Watchdog watchdog({.test = "NoWakeUpIsLost", .seed = seed, .workers = kThreads + 1});
  SharedTimerWheel wheel{Instant()};
  std::vector<SharedTimer> timers(kThreads);
  SharedTimer contended;
  std::vector<std::atomic<int64_t>> fires(kThreads);
  std::atomic<bool> is_done{false};
  std::atomic<int> running{kThreads};
  Token token;
  const auto arm = [&](SharedTimer* timer, Instant deadline) {
    if (wheel.ArmRemotely(timer, deadline) == ArmResult::kMustWakeOwner) token.Give();
  };

  stress::RunTogether(kThreads + 1, [&](int worker) {
    if (worker == kThreads) {
      while (!is_done.load()) {
        wheel.Advance(At(1'000));
        while (SharedTimer* const timer = wheel.PopExpired()) {
          if (timer != &contended) fires[static_cast<size_t>(timer - timers.data())].fetch_add(1);
        }
        if (wheel.BeginSleep() > At(1'000)) token.Take();
        wheel.EndSleep();
      }
    } else {
      const auto index = static_cast<size_t>(worker);
      std::mt19937_64 random(stress::SeedOfWorker(seed, index));
      for (int64_t round = 1; round <= kRounds; ++round) {
        arm(&contended, At(2'000'000 - round));
        if (random() % 2 == 0) arm(&timers[index], At(1'000'000));
        for (uint64_t i = random() % 256; i > 0; --i) CpuRelax();
        arm(&timers[index], At(900 + static_cast<int64_t>(random() % 100)));
        while (fires[index].load() < round) std::this_thread::yield();
        watchdog.Report(worker, "fired", static_cast<uint64_t>(round));
      }
      if (running.fetch_sub(1) == 1) {
        is_done.store(true);
        token.Give();
      }
    }
    watchdog.Finish(worker);
  });
  for (std::atomic<int64_t>& count : fires) EXPECT_EQ(count.load(), kRounds);
  wheel.Advance(At(1'000));
  EXPECT_TRUE(wheel.Cancel(&contended));
}

}  // namespace
}  // namespace weft
