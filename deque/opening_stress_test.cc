// Question: does the hardware keep what the split ring and the nested stack build on the asymmetric
// barrier: that an item which the owner pops without a fence is not stolen as well?
// Method: thieves without patience open the deque behind the barrier at every attempt, while the
// owner pushes and pops a few items at a time. Each item carries an identity and is marked once.
// Limits: without the barrier it fails only when a store is late by the right nanoseconds. That
// each half is needed is shown by deque_model_test.cc, that the barrier works, by
// base/asymmetric_barrier_test.cc.
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <random>
#include <thread>
#include <vector>

#include "base/atomics.h"
#include "deque/internal/nested_split.h"
#include "deque/internal/ring_options.h"
#include "deque/internal/ring_word.h"
#include "deque/internal/split_ring.h"
#include "gtest/gtest.h"
#include "tools/stress/seed.h"
#include "tools/stress/start_barrier.h"
#include "tools/stress/watchdog.h"

namespace weft::deque_internal {
namespace {

constexpr int kRounds = 20'000;
constexpr int kMostItems = 4;

class OpeningStressTest : public testing::Test {
 protected:
  void SetUp() override {
    if (!AsymmetricBarriersAreAvailable()) {
      GTEST_SKIP() << "the kernel offers no private expedited membarrier";
    }
  }

  void Mark(std::uint64_t id) { marks_[id].fetch_add(1, std::memory_order_relaxed); }

  // Runs the owner beside two thieves; then each identity below `count_` has one mark.
  template <typename Own, typename Steal>
  void Run(const char* test, Own own, Steal steal) {
    SCOPED_TRACE(stress::SeedMessage(seed_));
    stress::Watchdog watchdog({.test = test, .seed = seed_, .workers = 3});
    std::atomic<bool> is_over{false};
    stress::RunTogether(3, [&](int worker) {
      if (worker == 0) {
        std::mt19937_64 random(seed_);
        for (int round = 0; round < kRounds; ++round) {
          own(1 + static_cast<int>(random() % kMostItems));
          watchdog.Report(0, "round", static_cast<std::uint64_t>(round));
          if (round % 256 == 0) std::this_thread::yield();
        }
        is_over.store(true, std::memory_order_release);
      } else {
        while (!is_over.load(std::memory_order_acquire)) steal();
      }
      watchdog.Finish(worker);
    });
    int errors = 0;
    for (std::uint64_t id = 0; id < count_; ++id) errors += marks_[id].load() != 1;
    EXPECT_EQ(errors, 0) << "of " << count_;
  }

  const std::uint64_t seed_ = stress::SeedFromEnvironment();
  std::uint64_t count_ = 0;  // identities given out, by the owner
  std::vector<std::atomic<std::uint8_t>> marks_ =
      std::vector<std::atomic<std::uint8_t>>(std::size_t{kRounds} * kMostItems);
};

TEST_F(OpeningStressTest, RingsItemIsPoppedOrStolen) {
  RingOptions options;
  options.patience = 0;
  SplitRing<std::uint64_t, StdAtomics> ring(options);
  Run(
      "RingsItemIsPoppedOrStolen",
      [&](int items) {
        for (int i = 0; i < items; ++i) ring.Push(count_++);
        std::uint64_t id = 0;
        while (ring.Pop(&id) == Taken::kItem) Mark(id);
      },
      [&] {
        std::uint64_t id = 0;
        if (ring.Steal(&id) == Taken::kItem) Mark(id);
      });
}

struct StressJob {
  std::uint64_t id = 0;
  std::atomic<int> is_done{0};
};

TEST_F(OpeningStressTest, NestedJobIsPoppedOrStolen) {
  NestedOptions options;
  options.patience = 0;
  NestedSplit<StressJob*, StdAtomics> stack(options);
  Run(
      "NestedJobIsPoppedOrStolen",
      [&](int items) {
        StressJob jobs[kMostItems];
        for (int t = 0; t < items; ++t) {
          jobs[t].id = count_++;
          EXPECT_NE(stack.Push(t, &jobs[t]), Offered::kFull);
        }
        for (int t = items - 1; t >= 0; --t) {
          if (stack.Pop(t)) {
            Mark(jobs[t].id);
            continue;
          }
          while (jobs[t].is_done.load(std::memory_order_acquire) == 0) std::this_thread::yield();
          stack.Restore(t);
        }
      },
      [&] {
        StressJob* job = nullptr;
        if (stack.Steal(&job) != Taken::kItem) return;
        Mark(job->id);
        job->is_done.store(1, std::memory_order_release);
      });
}

}  // namespace
}  // namespace weft::deque_internal
