// Goal: each bullet of BoundedQueue's contract, on one thread.
#include "mpmc/bounded_queue.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <stdexcept>
#include <type_traits>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "mpmc/bulk_result.h"
#include "mpmc/pop_result.h"
#include "mpmc/push_result.h"
#include "tools/stress/allocations.h"

namespace weft {
namespace {

static_assert(!std::is_copy_constructible_v<BoundedQueue<int>>);
static_assert(!std::is_move_constructible_v<BoundedQueue<int>>);

TEST(BoundedQueueTest, PopsInTheOrderOfThePushes) {
  BoundedQueue<int> queue(3);
  ASSERT_TRUE(queue.TryPush(1).ok());
  ASSERT_TRUE(queue.TryPush(2).ok());
  EXPECT_EQ(queue.TryPop(), 1);
  ASSERT_TRUE(queue.TryPush(3).ok());
  EXPECT_EQ(queue.TryPop(), 2);
  EXPECT_EQ(queue.TryPop(), 3);
  EXPECT_EQ(queue.TryPop(), std::nullopt);
}

TEST(BoundedQueueTest, FullQueueHandsTheValueBack) {
  BoundedQueue<std::unique_ptr<int>> queue(1);
  ASSERT_TRUE(queue.TryPush(std::make_unique<int>(1)).ok());
  auto result = queue.TryPush(std::make_unique<int>(2));
  ASSERT_EQ(result.outcome(), PushOutcome::kFull);
  EXPECT_EQ(*std::move(result).TakeRejected(), 2);
  EXPECT_EQ(**queue.TryPop(), 1);
}

TEST(BoundedQueueTest, HoldsExactlyItsCapacityInEveryLap) {
  for (std::size_t capacity = 1; capacity <= 9; ++capacity) {
    BoundedQueue<std::size_t> queue(capacity);
    EXPECT_EQ(queue.capacity(), capacity);
    for (int lap = 0; lap < 5; ++lap) {
      for (std::size_t i = 0; i < capacity; ++i) {
        EXPECT_EQ(queue.SizeHint(), i);
        ASSERT_TRUE(queue.TryPush(i).ok()) << "capacity " << capacity << " lap " << lap;
      }
      ASSERT_FALSE(queue.TryPush(99).ok()) << "capacity " << capacity << " lap " << lap;
      for (std::size_t i = 0; i < capacity; ++i) ASSERT_EQ(queue.TryPop(), i);
      ASSERT_EQ(queue.TryPop(), std::nullopt);
      EXPECT_TRUE(queue.IsEmptyHint());
    }
  }
}

TEST(BoundedQueueTest, DestructorDestroysWhatIsLeft) {
  auto value = std::make_shared<int>(7);
  {
    BoundedQueue<std::shared_ptr<int>> queue(4);
    for (int i = 0; i < 3; ++i) ASSERT_TRUE(queue.TryPush(value).ok());
    ASSERT_TRUE(queue.TryPop().has_value());
    EXPECT_EQ(value.use_count(), 3);
  }
  EXPECT_EQ(value.use_count(), 1);
}

TEST(BoundedQueueTest, PopLeavesNothingOfTheValueBehind) {
  auto value = std::make_shared<int>(7);
  BoundedQueue<std::shared_ptr<int>> queue(4);
  ASSERT_TRUE(queue.TryPush(value).ok());
  queue.TryPop();
  EXPECT_EQ(value.use_count(), 1);
}

struct alignas(128) OverAligned {
  explicit OverAligned(int v) : value(v) {}
  OverAligned(OverAligned&& other) noexcept : value(other.value) {}
  int value;
};

TEST(BoundedQueueTest, KeepsTheAlignmentOfItsValues) {
  BoundedQueue<OverAligned> queue(3);
  for (int i = 0; i < 10; ++i) {
    ASSERT_TRUE(queue.TryPush(OverAligned(i)).ok());
    EXPECT_EQ(queue.TryPop()->value, i);
  }
}

// ---- Closing, weak answers, overwriting, bulk
// ----------------------------------------------------

TEST(BoundedQueueTest, ClosedQueueRefusesPushesAndDrains) {
  BoundedQueue<int> queue(2);
  ASSERT_TRUE(queue.TryPush(1).ok());
  EXPECT_FALSE(queue.IsClosed());
  EXPECT_TRUE(queue.Close());
  EXPECT_FALSE(queue.Close()) << "only the first call closes";
  EXPECT_TRUE(queue.IsClosed());
  auto result = queue.TryPush(2);
  EXPECT_EQ(result.outcome(), PushOutcome::kClosed);
  EXPECT_EQ(std::move(result).TakeRejected(), 2);
  EXPECT_EQ(queue.PollPush(3).outcome(), PushOutcome::kClosed);
  EXPECT_EQ(queue.SpinPush(3).outcome(), PushOutcome::kClosed);
  EXPECT_EQ(queue.TryReserve().outcome(), PushOutcome::kClosed);
  EXPECT_EQ(queue.SpinPop(), 1);
  EXPECT_EQ(queue.TryPop().outcome(), PopOutcome::kClosed);
  EXPECT_EQ(queue.SpinPop().outcome(), PopOutcome::kClosed);
}

TEST(BoundedQueueTest, ClosedAndFullQueueSaysClosed) {
  BoundedQueue<int> queue(1);
  ASSERT_TRUE(queue.TryPush(1).ok());
  queue.Close();
  EXPECT_EQ(queue.TryPush(2).outcome(), PushOutcome::kClosed);
}

TEST(BoundedQueueTest, WeakFormsSayBusyForFullAndEmpty) {
  BoundedQueue<int> queue(1);
  EXPECT_EQ(queue.PollPop().outcome(), PopOutcome::kBusy);
  EXPECT_TRUE(queue.PollPush(1).ok());
  EXPECT_EQ(queue.PollPush(2).outcome(), PushOutcome::kBusy);
  EXPECT_EQ(queue.PollPop(), 1);
}

TEST(BoundedQueueTest, OverwritingPushReturnsTheOldestOnlyWhenFull) {
  BoundedQueue<int> queue(2);
  EXPECT_FALSE(queue.PushOverwriting(1).displaced.has_value());
  EXPECT_FALSE(queue.PushOverwriting(2).displaced.has_value());
  EXPECT_EQ(queue.PushOverwriting(3).displaced, 1);
  EXPECT_EQ(queue.PushOverwriting(4).displaced, 2);
  EXPECT_EQ(queue.TryPop(), 3);
  EXPECT_EQ(queue.TryPop(), 4);
  queue.Close();
  EXPECT_EQ(queue.PushOverwriting(5).rejected, 5);
}

// The flag of a closed queue once made the hole look like a value, and the push went in.
TEST(BoundedQueueTest, Regression_OverwritingAClosedQueueWhoseOldestIsAHoleIsRefused) {
  BoundedQueue<int> queue(1);
  static_cast<void>(queue.TryReserve());
  queue.Close();
  EXPECT_EQ(queue.PushOverwriting(1).outcome, PushOutcome::kClosed);
  EXPECT_EQ(queue.TryPop().outcome(), PopOutcome::kClosed);
}

TEST(BoundedQueueTest, BulkMovesAPrefixAndLeavesTheRest) {
  BoundedQueue<std::unique_ptr<int>> queue(3);
  std::vector<std::unique_ptr<int>> values;
  for (int i = 0; i < 5; ++i) values.push_back(std::make_unique<int>(i));
  EXPECT_EQ(queue.TryPushBulk(values).count, 3u);
  EXPECT_EQ(values[2], nullptr);
  EXPECT_EQ(*values[3], 3);
  const BulkPushResult full = queue.TryPushBulk(std::span(values).subspan(3));
  EXPECT_EQ(full.outcome, PushOutcome::kFull);
  EXPECT_EQ(full.count, 0u);
  std::vector<std::unique_ptr<int>> popped(2);
  EXPECT_EQ(queue.TryPopBulk(popped).count, 2u);
  EXPECT_EQ(*popped[1], 1);
  EXPECT_EQ(queue.TryPopBulk(popped).count, 1u);
  EXPECT_EQ(queue.TryPopBulk(popped).outcome, PopOutcome::kEmpty);
  EXPECT_EQ(queue.TryPopBulk({}).outcome, PopOutcome::kOk);
}

// ---- Values whose constructors throw
// -------------------------------------------------------------

struct Moody {
  explicit Moody(int n) : number(n) {
    if (n < 0) throw std::runtime_error("negative");
  }
  Moody(Moody&& other) noexcept(false) : number(other.number) {}
  int number;
};

// Whether the calls that move values compile.
template <typename Queue, typename T>
concept Moves =
    requires(Queue& queue, T value) { queue.TryPush(std::move(value)); } ||
    requires(Queue& queue, T value) { queue.PollPush(std::move(value)); } ||
    requires(Queue& queue, T value) { queue.SpinPush(std::move(value)); } ||
    requires(Queue& queue, T value) { queue.PushOverwriting(std::move(value)); } ||
    requires(Queue& queue, std::span<T> values) { queue.TryPushBulk(values); } ||
    requires(Queue& queue, std::span<T> values) { queue.TryPopBulk(values); } ||
    requires(Queue& queue) { queue.TryPop(); } || requires(Queue& queue) { queue.PollPop(); } ||
    requires(Queue& queue) { queue.SpinPop(); };
static_assert(!Moves<BoundedQueue<Moody>, Moody>, "a move that may throw must be refused");
static_assert(Moves<BoundedQueue<int>, int>);

template <typename Queue>
concept Overwrites = requires(Queue& queue) { queue.PushOverwriting(1); };
static_assert(Overwrites<BoundedQueue<int>>);
static_assert(!Overwrites<BoundedMpscQueue<int>>, "producers would be consumers");

TEST(BoundedQueueTest, ThrowingConstructorLeavesTheQueueIntact) {
  BoundedQueue<Moody> queue(2);
  queue.TryReserve().Commit(1);
  EXPECT_THROW(queue.TryReserve().Commit(-1), std::runtime_error);
  EXPECT_EQ(queue.TryReserve().outcome(), PushOutcome::kFull) << "the hole still has its slot";
  int seen = 0;
  const auto see = [&](Moody&& value) { seen = value.number; };
  EXPECT_EQ(queue.TryConsume(see), PopOutcome::kOk);
  EXPECT_EQ(seen, 1);
  EXPECT_EQ(queue.TryConsume(see), PopOutcome::kEmpty) << "the hole is no value";
  for (int i = 2; i <= 3; ++i) queue.TryReserve().Commit(i);
  EXPECT_EQ(queue.TryConsume(see), PopOutcome::kOk);
  EXPECT_EQ(seen, 2);
}

TEST(BoundedQueueTest, ReservationMayTryAgainAfterAnException) {
  BoundedQueue<Moody> queue(1);
  auto slot = queue.TryReserve();
  EXPECT_THROW(slot.Commit(-1), std::runtime_error);
  slot.Commit(5);
  EXPECT_EQ(queue.TryConsume([](Moody&& value) { EXPECT_EQ(value.number, 5); }), PopOutcome::kOk);
}

TEST(BoundedQueueTest, ThrowingUseDestroysTheValueAndFreesTheSlot) {
  auto value = std::make_shared<int>(7);
  BoundedQueue<std::shared_ptr<int>> queue(1);
  ASSERT_TRUE(queue.TryPush(value).ok());
  EXPECT_THROW(queue.TryConsume([](std::shared_ptr<int>&&) { throw std::runtime_error("no"); }),
               std::runtime_error);
  EXPECT_EQ(value.use_count(), 1);
  EXPECT_TRUE(queue.TryPush(value).ok());
}

// ---- Costs
// ---------------------------------------------------------------------------------------

TEST(BoundedQueueTest, AllocatesNothingAfterConstruction) {
  BoundedQueue<std::array<int, 10>> queue(3);
  std::array<std::array<int, 10>, 2> values{};
  const int64_t before = stress::AllocationCount();
  for (int i = 0; i < 10; ++i) {
    EXPECT_TRUE(queue.TryPush(values[0]).ok());
    EXPECT_TRUE(queue.PushOverwriting(values[0]).ok());
    EXPECT_EQ(queue.TryPushBulk(values).count, 1u);
    EXPECT_EQ(queue.PollPush(values[0]).outcome(), PushOutcome::kBusy);
    EXPECT_EQ(queue.TryPopBulk(values).count, 2u);
    EXPECT_EQ(queue.TryConsume([](auto&&) {}), PopOutcome::kOk);
    queue.TryReserve().Commit();
    EXPECT_TRUE(queue.SpinPop().ok());
  }
  EXPECT_EQ(stress::AllocationCount(), before);
}

TEST(BoundedQueueTest, CountsItsPushesAndPops) {
  BoundedQueue<int> queue(3);
  for (int i = 0; i < 10; ++i) {
    EXPECT_TRUE(queue.TryPush(i).ok());
    EXPECT_TRUE(queue.TryPop().ok());
  }
  EXPECT_TRUE(queue.TryPush(1).ok());
  EXPECT_EQ(queue.PushCount(), 11u);
  EXPECT_EQ(queue.PopCount(), 10u);
}

TEST(BoundedQueueDeathTest, CommittingNoSlotIsRefusedWithItsReason) {
  BoundedQueue<int> queue(1);
  auto slot = queue.TryReserve();
  slot.Commit(1);
  EXPECT_DEATH(slot.Commit(2), "Reservation::Commit\\(\\): expected a claimed slot, found none");
  EXPECT_DEATH(queue.TryReserve().Commit(2), "expected a claimed slot, found none");
}

TEST(PopResultDeathTest, ReadingNoValueIsRefusedWithItsReason) {
  BoundedQueue<int> queue(1);
  EXPECT_DEATH(static_cast<void>(*queue.TryPop()), "expected a pop that took a value");
}

TEST(BoundedQueueDeathTest, CapacityZeroIsRefusedWithItsReason) {
  EXPECT_DEATH(BoundedQueue<int>(0), "BoundedQueue\\(capacity\\): expected 1 to .* found 0");
}

TEST(PushResultDeathTest, TakingFromAnAcceptedPushIsRefusedWithItsReason) {
  EXPECT_DEATH(PushResult<int>::Ok().TakeRejected(), "expected a rejected push, found an accepted");
}

}  // namespace
}  // namespace weft
