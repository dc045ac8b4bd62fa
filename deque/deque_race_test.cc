// Question: when two threads go for the same item, does exactly one get it, whoever comes first?
// Method: the core runs over atomics that call a hook just before a compare-and-swap. The hook
// plays the other thread, so that each race happens on one thread, in a fixed order, every time.
#include <atomic>
#include <cstdint>
#include <functional>
#include <utility>

#include "deque/internal/chase_lev.h"
#include "gtest/gtest.h"

namespace weft::deque_internal {
namespace {

// What happens just before the next compare-and-swap; runs once.
std::function<void()>& BeforeCas() {
  static std::function<void()> hook;
  return hook;
}

struct ScriptedAtomics {
  template <typename T>
  class Atomic : public std::atomic<T> {
   public:
    using std::atomic<T>::atomic;
    bool compare_exchange_strong(T& expected, T desired, std::memory_order success,
                                 std::memory_order failure) {
      if (const auto hook = std::exchange(BeforeCas(), nullptr)) hook();
      return std::atomic<T>::compare_exchange_strong(expected, desired, success, failure);
    }
  };
};

using ScriptedDeque = ChaseLev<std::uint64_t, ScriptedAtomics>;

TEST(DequeRaceTest, ThiefThatLosesToAnotherThiefSaysSo) {
  ScriptedDeque deque(2);
  deque.Push(1);
  deque.Push(2);
  std::uint64_t other = 0;
  BeforeCas() = [&] { EXPECT_EQ(deque.Steal(&other), Taken::kItem); };
  std::uint64_t mine = 0;
  EXPECT_EQ(deque.Steal(&mine), Taken::kLost);
  EXPECT_EQ(other, 1u);
  EXPECT_EQ(mine, 0u);  // untouched
  EXPECT_EQ(deque.Steal(&mine), Taken::kItem);
  EXPECT_EQ(mine, 2u);
}

TEST(DequeRaceTest, LastItemHasOneTakerWhoeverComesFirst) {
  ScriptedDeque deque(2);
  deque.Push(7);
  std::uint64_t stolen = 0;
  BeforeCas() = [&] { EXPECT_EQ(deque.Steal(&stolen), Taken::kEmpty); };
  std::uint64_t popped = 0;
  // The owner has lowered bottom already, so a thief that starts now finds nothing.
  EXPECT_EQ(deque.Pop(&popped), Taken::kItem);
  EXPECT_EQ(popped, 7u);

  deque.Push(8);
  BeforeCas() = [&] { EXPECT_EQ(deque.Pop(&popped), Taken::kItem); };
  // The thief started before the owner and loses the CAS.
  EXPECT_EQ(deque.Steal(&stolen), Taken::kLost);
  EXPECT_EQ(popped, 8u);
}

// The thief has read everything; the owner pops and pushes another item at the same index. The
// index was the last one, so the pop moved top, and the thief cannot take the new item under the
// old name.
TEST(DequeRaceTest, StaleThiefDoesNotTakeTheItemThatReplacedItsOwn) {
  ScriptedDeque deque(2);
  deque.Push(1);
  BeforeCas() = [&] {
    std::uint64_t popped = 0;
    EXPECT_EQ(deque.Pop(&popped), Taken::kItem);
    deque.Push(2);
  };
  std::uint64_t stolen = 0;
  EXPECT_EQ(deque.Steal(&stolen), Taken::kLost);
  EXPECT_EQ(deque.Steal(&stolen), Taken::kItem);
  EXPECT_EQ(stolen, 2u);
}

// The thief reads a slot of the old buffer, and the owner grows before the CAS.
TEST(DequeRaceTest, GrowthBetweenReadAndCasLosesNothing) {
  ScriptedDeque deque(2);
  deque.Push(1);
  deque.Push(2);
  BeforeCas() = [&] { deque.Push(3); };
  std::uint64_t stolen = 0;
  EXPECT_EQ(deque.Steal(&stolen), Taken::kItem);
  EXPECT_EQ(stolen, 1u);
  EXPECT_EQ(deque.Capacity(), 4u);
  EXPECT_EQ(deque.Steal(&stolen), Taken::kItem);
  EXPECT_EQ(stolen, 2u);
  EXPECT_EQ(deque.Steal(&stolen), Taken::kItem);
  EXPECT_EQ(stolen, 3u);
}

// The ring wraps over the thief's slot before its CAS: what it read is dropped.
TEST(DequeRaceTest, SlotOverwrittenBeforeTheCasIsNotReturned) {
  ScriptedDeque deque(2);
  deque.Push(1);
  deque.Push(2);
  BeforeCas() = [&] {
    std::uint64_t word = 0;
    EXPECT_EQ(deque.Steal(&word), Taken::kItem);
    deque.Push(3);  // into the slot of item 1
  };
  std::uint64_t stolen = 0;
  EXPECT_EQ(deque.Steal(&stolen), Taken::kLost);
  EXPECT_EQ(deque.Capacity(), 2u);
  EXPECT_EQ(deque.Steal(&stolen), Taken::kItem);
  EXPECT_EQ(stolen, 2u);
}

}  // namespace
}  // namespace weft::deque_internal
