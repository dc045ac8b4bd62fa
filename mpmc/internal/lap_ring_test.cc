// Goal: "empty" and "full" stay exact while another thread has claimed a slot and is stopped before
// it has finished with it: the case that a stress test meets too rarely.
// Method: a value whose move stops its thread in the middle of a push or pop, and atomics that let
// it go on after the thread under test has looked at the ring a few times.
#include "mpmc/internal/lap_ring.h"

#include <atomic>
#include <cstdint>
#include <optional>
#include <thread>
#include <utility>

#include "gtest/gtest.h"
#include "mpmc/push_result.h"

namespace weft::mpmc_internal {
namespace {

// Set by the thread under test: loads until it lets the stopped thread go on.
thread_local int loads_until_release = 0;
std::atomic<bool> is_stopped{false};
std::atomic<bool> may_go_on{false};

// std::atomic that counts the loads of the thread under test.
struct CountingAtomics {
  template <typename T>
  class Atomic {
   public:
    Atomic(T value) : atomic_(value) {}

    T load(std::memory_order order) const {
      if (loads_until_release > 0 && --loads_until_release == 0) may_go_on.store(true);
      return atomic_.load(order);
    }
    void store(T value, std::memory_order order) { atomic_.store(value, order); }
    bool compare_exchange_weak(T& expected, T desired, std::memory_order success,
                               std::memory_order failure) {
      return atomic_.compare_exchange_weak(expected, desired, success, failure);
    }

   private:
    std::atomic<T> atomic_;
  };
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
  Ring ring(4);
  std::thread pusher([&] { EXPECT_TRUE(ring.TryPush(Stopping(1, /*stops_at_move=*/1)).ok()); });
  WaitUntilStopped();
  ASSERT_TRUE(ring.TryPush(Stopping(2)).ok());
  loads_until_release = 10;
  const std::optional<Stopping> first = ring.TryPop();  // "Empty" would be wrong: 2 is inside.
  may_go_on.store(true);
  pusher.join();
  ASSERT_TRUE(first.has_value());
  EXPECT_EQ(first->number(), 1);
  EXPECT_EQ(ring.TryPop()->number(), 2);
}

TEST_F(LapRingTest, PushWaitsForAnUnfinishedPopInFrontOfAFinishedOne) {
  Ring ring(2);
  ASSERT_TRUE(ring.TryPush(Stopping(1, /*stops_at_move=*/2)).ok());
  ASSERT_TRUE(ring.TryPush(Stopping(2)).ok());
  std::thread popper([&] { EXPECT_EQ(ring.TryPop()->number(), 1); });
  WaitUntilStopped();
  EXPECT_EQ(ring.TryPop()->number(), 2);
  loads_until_release = 10;
  const bool accepted = ring.TryPush(Stopping(3)).ok();  // "Full" would be wrong: 2 has left.
  may_go_on.store(true);
  popper.join();
  ASSERT_TRUE(accepted);
  EXPECT_EQ(ring.TryPop()->number(), 3);
}

}  // namespace
}  // namespace weft::mpmc_internal
