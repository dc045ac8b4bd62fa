// The contract of Waker: each handle owns one reference, waking keeps or gives it up as its name
// says, and a moved-from or default-made waker does nothing.

#include "future/waker.h"

#include <utility>

#include "gtest/gtest.h"

namespace weft {
namespace {

struct Counts {
  int references = 1;
  int wakes = 0;
};

constexpr Waker::VTable kCounting = {
    .add_ref = [](void* counts) { ++static_cast<Counts*>(counts)->references; },
    .drop = [](void* counts) { --static_cast<Counts*>(counts)->references; },
    .wake = [](void* counts) { ++static_cast<Counts*>(counts)->wakes; },
};

TEST(WakerTest, EachHandleOwnsOneReference) {
  Counts counts;
  {
    Waker waker(&kCounting, &counts);
    Waker clone = waker.Clone();
    EXPECT_EQ(counts.references, 2);
    Waker moved = std::move(clone);
    EXPECT_EQ(counts.references, 2);
    waker = std::move(moved);
    EXPECT_EQ(counts.references, 1);
  }
  EXPECT_EQ(counts.references, 0);
  EXPECT_EQ(counts.wakes, 0);
}

TEST(WakerTest, WakeGivesTheReferenceUpAndWakeByRefKeepsIt) {
  Counts counts;
  Waker waker(&kCounting, &counts);
  waker.WakeByRef();
  EXPECT_EQ(counts.references, 1);
  std::move(waker).Wake();
  EXPECT_EQ(counts.references, 0);
  EXPECT_EQ(counts.wakes, 2);
}

TEST(WakerTest, ADefaultMadeWakerDoesNothing) {
  Waker noop;
  EXPECT_TRUE(noop.IsNoop());
  noop.WakeByRef();
  Waker clone = noop.Clone();
  EXPECT_TRUE(clone.WillWake(noop));
  std::move(clone).Wake();
}

TEST(WakerTest, WillWakeComparesWhatIsWoken) {
  Counts one;
  Counts two;
  Waker a(&kCounting, &one);
  Waker b(&kCounting, &two);
  Waker clone = a.Clone();
  EXPECT_TRUE(a.WillWake(clone));
  EXPECT_FALSE(a.WillWake(b));
  EXPECT_FALSE(a.WillWake(Waker()));
}

TEST(WakerTest, ResetDropsTheReferenceOnce) {
  Counts counts;
  Waker waker(&kCounting, &counts);
  waker.Reset();
  waker.Reset();
  EXPECT_EQ(counts.references, 0);
  EXPECT_TRUE(waker.IsNoop());
}

}  // namespace
}  // namespace weft
