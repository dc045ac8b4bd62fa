// Goal: the axioms of the barrier hold on this machine. Method: Dekker's pattern between a light
// and a heavy side, at real speed; each round at least one side must see the other's write.
// Fails when either barrier is left out (the light one where the compiler then reorders).
#include "base/asymmetric_barrier.h"

#include <atomic>
#include <thread>

#include "gtest/gtest.h"

namespace weft {
namespace {

constexpr int kRounds = 20'000;

// Spins, so that the two sides meet; gives the processor away in case there is only one.
void WaitFor(const std::atomic<int>& word, int value) {
  for (int i = 0; word.load(std::memory_order_acquire) < value; ++i) {
    if (i > 1000) std::this_thread::yield();
  }
}

TEST(AsymmetricBarrierTest, AnswersTheSameEveryTime) {
  EXPECT_EQ(AsymmetricBarriersAreAvailable(), AsymmetricBarriersAreAvailable());
}

TEST(AsymmetricBarrierTest, OneOfTwoSidesSeesTheOther) {
  if (!AsymmetricBarriersAreAvailable()) {
    GTEST_SKIP() << "the kernel offers no private expedited membarrier";
  }
  std::atomic<int> light{0};
  std::atomic<int> heavy{0};
  std::atomic<int> light_saw{0};
  std::atomic<int> round{0};
  std::atomic<int> finished{0};
  std::thread other([&] {
    for (int i = 1; i <= kRounds; ++i) {
      WaitFor(round, i);
      light.store(i, std::memory_order_relaxed);
      LightBarrier();
      light_saw.store(heavy.load(std::memory_order_relaxed), std::memory_order_relaxed);
      finished.store(i, std::memory_order_release);
    }
  });
  for (int i = 1; i <= kRounds; ++i) {
    round.store(i, std::memory_order_release);
    heavy.store(i, std::memory_order_relaxed);
    HeavyBarrier();
    const int heavy_saw = light.load(std::memory_order_relaxed);
    WaitFor(finished, i);
    ASSERT_TRUE(heavy_saw == i || light_saw.load(std::memory_order_relaxed) == i) << "round " << i;
  }
  other.join();
}

}  // namespace
}  // namespace weft
