// Goal: "empty" and "full" stay exact while another thread has claimed a slot and is stopped before
// it has finished with it: the case that a stress test meets too rarely.
// Method: a value whose move stops its thread in the middle of a push or pop, and atomics that let
// it go on after the thread under test has looked at the ring a few times.
#include "mpmc/internal/lap_ring.h"

#include <atomic>
#include <cstdint>
#include <thread>
#include <utility>

#include "base/atomics.h"
#include "gtest/gtest.h"
#include "mpmc/pop_result.h"

namespace weft::mpmc_internal {
namespace {

// Set by the thread under test: loads until it lets the stopped thread go on.
thread_local int loads_until_release = 0;
std::atomic<bool> is_stopped{false};
std::atomic<bool> may_go_on{false};

// StdAtomics, but the loads of the thread under test are counted.
struct CountingAtomics : StdAtomics {
  template <typename T>
  class Atomic : public std::atomic<T> {
   public:
    using std::atomic<T>::atomic;

    T load(std::memory_order order) const {
      if (loads_until_release > 0 && --loads_until_release == 0) may_go_on.store(true);
      return std::atomic<T>::load(order);
    }
  };

  static void SpinPause() { Yield(); }
};

// A number whose n-th move waits until may_go_on. A value is moved once into the ring, then out of
// it.
class Stopping {
 public:
  explicit Stopping(int number, int stops_at_move = 0) : number_(number), moves_(stops_at_move) {}
  Stopping(Stopping&& other) noexcept : number_(other.number_), moves_(other.moves_ - 1) {
    if (moves_ != 0) return;
    is_stopped.store(true);
    while (!may_go_on.load()) std::this_thread::yield();
  }
  Stopping& operator=(Stopping&&) = delete;

  int number() const { return number_; }

 private:
  int number_;
  int moves_;  // Until the one that stops; negative: passed, or none does.
};

using Ring = LapRing<Stopping, CountingAtomics>;

class LapRingTest : public testing::Test {
 protected:
  LapRingTest() {
    is_stopped.store(false);
    may_go_on.store(false);
  }

  static void WaitUntilStopped() {
    while (!is_stopped.load()) std::this_thread::yield();
  }
};

TEST_F(LapRingTest, PopWaitsForAnUnfinishedPushInFrontOfAFinishedOne) {
  Ring ring(4, "Ring");
  std::thread pusher(
      [&] { EXPECT_TRUE(ring.Push<Answer::kExact>(Stopping(1, /*stops_at_move=*/1)).ok()); });
  WaitUntilStopped();
  ASSERT_TRUE(ring.Push<Answer::kExact>(Stopping(2)).ok());
  loads_until_release = 10;
  const PopResult<Stopping> first =
      ring.Pop<Answer::kExact>();  // "Empty" would be wrong: 2 is inside.
  may_go_on.store(true);
  pusher.join();
  ASSERT_TRUE(first.has_value());
  EXPECT_EQ(first->number(), 1);
  EXPECT_EQ(ring.Pop<Answer::kExact>()->number(), 2);
}

TEST_F(LapRingTest, PushWaitsForAnUnfinishedPopInFrontOfAFinishedOne) {
  Ring ring(2, "Ring");
  ASSERT_TRUE(ring.Push<Answer::kExact>(Stopping(1, /*stops_at_move=*/2)).ok());
  ASSERT_TRUE(ring.Push<Answer::kExact>(Stopping(2)).ok());
  std::thread popper([&] { EXPECT_EQ(ring.Pop<Answer::kExact>()->number(), 1); });
  WaitUntilStopped();
  EXPECT_EQ(ring.Pop<Answer::kExact>()->number(), 2);
  loads_until_release = 10;
  const bool accepted =
      ring.Push<Answer::kExact>(Stopping(3)).ok();  // "Full" would be wrong: 2 has left.
  may_go_on.store(true);
  popper.join();
  ASSERT_TRUE(accepted);
  EXPECT_EQ(ring.Pop<Answer::kExact>()->number(), 3);
}

}  // namespace
}  // namespace weft::mpmc_internal
