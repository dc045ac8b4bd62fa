// Goal: the axioms of the barrier hold on this machine, as the model checker assumes them. Method:
// Dekker's pattern at full speed. Two threads count up, each a word of its own, and after a barrier
// note what the other one's word was. Nothing holds them together, so they meet in every phase of
// their loops. Afterwards each pair of notes is checked: of two turns, at least one has seen the
// other.
//
// Tried by hand on x86-64: fails when the heavy side is left out, when it is only a fence of its
// own processor, and when the light side's load stands before its store. The last is what a
// compiler may do without the light barrier; today's leave the two atomic accesses where they are,
// so that leaving the light barrier out alone changes no instruction. One heavy side of two may be
// a light one (A1).
#include "base/asymmetric_barrier.h"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <thread>
#include <vector>

#include "base/cache_line.h"
#include "gtest/gtest.h"

namespace weft {
namespace {

// One side of the pattern: turn i writes i and notes what it then sees of the other side.
struct alignas(kCacheLineSize) Side {
  std::atomic<uint32_t> word{0};
  alignas(kCacheLineSize) std::vector<uint32_t> saw{0};  // [turn]; turn 0 is before the first
};

template <typename Barrier>
void TakeTurn(Side* mine, const Side& other, Barrier barrier) {
  mine->word.store(static_cast<uint32_t>(mine->saw.size()), std::memory_order_relaxed);
  barrier();
  mine->saw.push_back(other.word.load(std::memory_order_relaxed));
}

// How many turns of `a` have a turn of `b` such that neither saw the other.
int CountMissed(const Side& a, const Side& b) {
  int missed = 0;
  for (size_t turn = 1; turn < a.saw.size(); ++turn) {
    // The first turn of b that this turn has not seen must have seen this turn; later ones see
    // more.
    const size_t unseen = size_t{a.saw[turn]} + 1;
    if (unseen < b.saw.size() && b.saw[unseen] < turn) ++missed;
  }
  return missed;
}

// Runs both sides at once, again and again: the first one for `turns` turns, the second one as long
// as the first one runs.
template <typename First, typename Second>
int CountMissedOfBursts(size_t turns, First first, Second second) {
  int missed = 0;
  for (int burst = 0; burst < 40; ++burst) {
    Side a;
    Side b;
    a.saw.reserve(turns + 1);
    b.saw.reserve(turns + 1);
    std::atomic<int> arrived{0};
    const auto meet = [&arrived] {
      arrived.fetch_add(1);
      while (arrived.load() < 2) std::this_thread::yield();
    };
    std::atomic<bool> done{false};
    std::thread other([&] {
      meet();
      while (!done.load(std::memory_order_relaxed) && b.saw.size() <= turns)
        TakeTurn(&b, a, second);
    });
    meet();
    while (a.saw.size() <= turns) TakeTurn(&a, b, first);
    done.store(true, std::memory_order_relaxed);
    other.join();
    missed += CountMissed(a, b);
  }
  return missed;
}

class AsymmetricBarrierTest : public testing::Test {
 protected:
  void SetUp() override {
    if (!AsymmetricBarriersAreAvailable()) {
      GTEST_SKIP() << "the kernel offers no private expedited membarrier";
    }
  }
};

TEST_F(AsymmetricBarrierTest, AnswersTheSameEveryTime) {
  EXPECT_EQ(AsymmetricBarriersAreAvailable(), AsymmetricBarriersAreAvailable());
}

// Axiom A1. A light turn takes nanoseconds, a heavy one up to microseconds.
TEST_F(AsymmetricBarrierTest, OfALightAndAHeavyTurnOneSeesTheOther) {
  EXPECT_EQ(CountMissedOfBursts(500'000, LightBarrier, HeavyBarrier), 0);
}

// Axiom A2.
TEST_F(AsymmetricBarrierTest, OfTwoHeavyTurnsOneSeesTheOther) {
  EXPECT_EQ(CountMissedOfBursts(5'000, HeavyBarrier, HeavyBarrier), 0);
}

}  // namespace
}  // namespace weft
