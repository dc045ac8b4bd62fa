// Goal: each bullet of UnboundedQueue's contract on one thread, segment boundaries above all.
#include "mpmc/unbounded_queue.h"

#include <array>
#include <cstddef>
#include <memory>
#include <numeric>
#include <type_traits>
#include <utility>
#include <vector>

#include "gtest/gtest.h"

namespace weft {
namespace {

static_assert(!std::is_copy_constructible_v<UnboundedQueue<int>>);
static_assert(!std::is_move_constructible_v<UnboundedQueue<int>>);
static_assert(UnboundedQueue<int>::kSegmentBytes == 32 * 1024);

// So large that a handful of values crosses several segments.
struct Big {
  explicit Big(int v) : value(v) {}
  int value;
  char padding[8188] = {};
};
static_assert(UnboundedQueue<Big>::kSegmentSlots == 4);

TEST(UnboundedQueueTest, PopsInTheOrderOfThePushesAcrossSegments) {
  UnboundedQueue<Big> queue;
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(queue.Push(Big(i)).ok());
  EXPECT_EQ(queue.SizeHint(), 100u);
  for (int i = 0; i < 100; ++i) ASSERT_EQ(queue.TryPop()->value, i);
  EXPECT_EQ(queue.TryPop().outcome(), PopOutcome::kEmpty);
}

TEST(UnboundedQueueTest, IsEmptyExactlyWhenNothingIsInside) {
  UnboundedQueue<int> queue;
  EXPECT_TRUE(queue.IsEmpty());
  (void)queue.Push(1);
  EXPECT_FALSE(queue.IsEmpty());
  queue.TryPop();
  EXPECT_TRUE(queue.IsEmpty());
}

TEST(UnboundedQueueTest, IsExactAtEveryFillAroundASegmentsEnd) {
  for (int fill = 0; fill <= 13; ++fill) {
    UnboundedQueue<Big> queue;
    for (int i = 0; i < fill; ++i) (void)queue.Push(Big(i));
    for (int i = 0; i < fill; ++i) {
      ASSERT_EQ(queue.SizeHint(), static_cast<std::size_t>(fill - i));
      ASSERT_FALSE(queue.IsEmpty());
      ASSERT_EQ(queue.TryPop()->value, i);
    }
    ASSERT_TRUE(queue.IsEmpty());
    ASSERT_EQ(queue.SizeHint(), 0u);
    ASSERT_EQ(queue.TryPop().outcome(), PopOutcome::kEmpty);
    (void)queue.Push(Big(77));
    ASSERT_EQ(queue.TryPop()->value, 77);
  }
}

TEST(UnboundedQueueTest, MovesMoveOnlyValuesAndKeepsNothing) {
  UnboundedQueue<std::unique_ptr<int>> queue;
  (void)queue.Push(std::make_unique<int>(5));
  PopResult<std::unique_ptr<int>> value = queue.TryPop();
  ASSERT_TRUE(value.ok());
  EXPECT_EQ(**value, 5);
}

TEST(UnboundedQueueTest, DestructorDestroysWhatIsLeft) {
  auto value = std::make_shared<int>(7);
  {
    UnboundedQueue<std::shared_ptr<int>> queue;
    for (int i = 0; i < 3000; ++i) (void)queue.Push(value);
    for (int i = 0; i < 300; ++i) queue.TryPop();
    EXPECT_EQ(value.use_count(), 2701);
  }
  EXPECT_EQ(value.use_count(), 1);
}

TEST(UnboundedQueueTest, KeepsOverAlignedValuesAligned) {
  struct alignas(256) Aligned {
    int value = 0;
  };
  UnboundedQueue<Aligned> queue;
  static_assert(UnboundedQueue<Aligned>::kSegmentBytes <= 32 * 1024);
  for (int i = 0; i < 200; ++i) (void)queue.Push(Aligned{i});
  for (int i = 0; i < 200; ++i) ASSERT_EQ(queue.TryPop()->value, i);
}

TEST(UnboundedQueueTest, PollPopTakesWhatIsThereAndSaysBusyOtherwise) {
  UnboundedQueue<int> queue;
  EXPECT_EQ(queue.PollPop().outcome(), PopOutcome::kBusy);
  (void)queue.Push(3);
  EXPECT_EQ(queue.PollPop(), 3);
  queue.Close();
  EXPECT_EQ(queue.PollPop().outcome(), PopOutcome::kBusy);
}

TEST(UnboundedQueueTest, ClosedQueueHandsBackPushesAndDrains) {
  UnboundedQueue<std::unique_ptr<int>> queue;
  (void)queue.Push(std::make_unique<int>(1));
  EXPECT_FALSE(queue.IsClosed());
  EXPECT_TRUE(queue.Close());
  EXPECT_FALSE(queue.Close());
  EXPECT_TRUE(queue.IsClosed());
  PushResult<std::unique_ptr<int>> refused = queue.Push(std::make_unique<int>(2));
  ASSERT_EQ(refused.outcome(), PushOutcome::kClosed);
  EXPECT_EQ(*std::move(refused).TakeRejected(), 2);
  EXPECT_EQ(queue.SizeHint(), 1u);
  EXPECT_EQ(**queue.TryPop(), 1);
  EXPECT_EQ(queue.TryPop().outcome(), PopOutcome::kClosed);
  EXPECT_EQ(queue.SpinPop().outcome(), PopOutcome::kClosed);
  EXPECT_TRUE(queue.IsEmpty());
}

// Refused pushes move the word that the end is read from; the end must stay.
TEST(UnboundedQueueTest, ManyRefusedPushesDoNotMoveTheEnd) {
  for (int fill : {0, 1, 3, 4, 5}) {
    UnboundedQueue<Big> queue;
    for (int i = 0; i < fill; ++i) (void)queue.Push(Big(i));
    queue.Close();
    for (int i = 0; i < 20; ++i) ASSERT_FALSE(queue.Push(Big(0)).ok());
    ASSERT_EQ(queue.SizeHint(), static_cast<std::size_t>(fill));
    for (int i = 0; i < fill; ++i) ASSERT_EQ(queue.TryPop()->value, i);
    ASSERT_EQ(queue.TryPop().outcome(), PopOutcome::kClosed);
  }
}

TEST(UnboundedQueueTest, BulkOperationsKeepTheOrderAcrossSegments) {
  UnboundedQueue<int> queue;
  std::vector<int> values(5000);
  std::iota(values.begin(), values.end(), 0);
  const BulkPushResult pushed = queue.PushBulk(values);
  EXPECT_EQ(pushed.outcome, PushOutcome::kOk);
  EXPECT_EQ(pushed.count, 5000u);
  std::vector<int> out(5001);
  const BulkPopResult popped = queue.TryPopBulk(out);
  EXPECT_EQ(popped.outcome, PopOutcome::kOk);
  ASSERT_EQ(popped.count, 5000u);
  out.resize(5000);
  EXPECT_EQ(out, values);
  EXPECT_EQ(queue.TryPopBulk(out).outcome, PopOutcome::kEmpty);
}

TEST(UnboundedQueueTest, BulkOperationsOfNothingAreOkAndClosedOnesSayClosed) {
  UnboundedQueue<int> queue;
  EXPECT_EQ(queue.PushBulk({}).outcome, PushOutcome::kOk);
  EXPECT_EQ(queue.TryPopBulk({}).outcome, PopOutcome::kOk);
  std::array<int, 3> values{1, 2, 3};
  EXPECT_EQ(queue.PushBulk(values).count, 3u);
  queue.Close();
  EXPECT_EQ(queue.PushBulk(values).outcome, PushOutcome::kClosed);
  std::array<int, 2> out{};
  EXPECT_EQ(queue.TryPopBulk(out).count, 2u);
  EXPECT_EQ(out, (std::array<int, 2>{1, 2}));
  EXPECT_EQ(queue.TryPopBulk(out).count, 1u);
  EXPECT_EQ(out[0], 3);
  EXPECT_EQ(queue.TryPopBulk(out).outcome, PopOutcome::kClosed);
}

// crossbeam-rs/crossbeam#1146: a block of large values was built on the stack and overflowed it.
TEST(UnboundedQueueTest, Regression_SegmentsOfLargeValuesAreNotBuiltOnTheStack) {
  struct Huge {
    char bytes[512 * 1024];
  };
  auto queue = std::make_unique<UnboundedQueue<std::unique_ptr<Huge>>>();
  EXPECT_LE(sizeof(UnboundedQueue<Huge>), 512u);
  UnboundedQueue<Huge> large;  // 4 slots of half a megabyte, on no stack.
  EXPECT_GE(UnboundedQueue<Huge>::kSegmentBytes, sizeof(Huge) * 4);
  EXPECT_TRUE(large.IsEmpty());
}

}  // namespace
}  // namespace weft
