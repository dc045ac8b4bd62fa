// Question: do bulk pushes, batches of thieves and the limits of a bounded deque keep the contract?
// Method: single-threaded scenarios over every kind of deque and victim.
#include <array>
#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "deque/deque.h"
#include "gtest/gtest.h"

namespace weft {
namespace {

template <typename T, DequeOrder order>
std::vector<T> PopAll(Deque<T, order>* deque) {
  std::vector<T> items;
  while (std::optional<T> item = deque->Pop()) items.push_back(std::move(*item));
  return items;
}

template <DequeOrder order>
void Fill(Deque<int, order>* deque, int count) {
  for (int i = 1; i <= count; ++i) deque->Push(i);
}

TEST(BoundedDequeTest, RefusesWhatHasNoRoomAndHandsItBack) {
  Deque<std::unique_ptr<int>> deque(DequeOptions{.capacity = 1, .max_items = 3});
  for (int i = 0; i < 3; ++i) EXPECT_EQ(deque.TryPush(std::make_unique<int>(i)), std::nullopt);
  const std::optional<std::unique_ptr<int>> refused = deque.TryPush(std::make_unique<int>(3));
  ASSERT_TRUE(refused.has_value());
  EXPECT_EQ(**refused, 3);
  EXPECT_EQ(deque.Capacity(), 3u);  // exact, no power of two
  EXPECT_EQ(**deque.Pop(), 2);
  EXPECT_EQ(deque.TryPush(std::make_unique<int>(4)), std::nullopt);
}

TEST(BoundedDequeTest, HasRoomAgainAfterSteals) {
  Deque<int> deque(DequeOptions{.max_items = 2});
  Fill(&deque, 2);
  EXPECT_EQ(deque.TryPush(9), 9);
  EXPECT_EQ(deque.stealer().Steal().item, 1);
  EXPECT_EQ(deque.TryPush(3), std::nullopt);
  EXPECT_EQ(deque.TryPush(9), 9);
}

TEST(BoundedDequeDeathTest, PushSaysWhatToDoWhenThereIsNoRoom) {
  Deque<int> deque(DequeOptions{.max_items = 1});
  deque.Push(1);
  EXPECT_DEATH(deque.Push(2),
               "Deque::Push\\(\\): expected room for an item, found max_items = 1 of "
               "them; use TryPush\\(\\), which hands the item back");
}

TEST(BoundedDequeDeathTest, MaxItemsMustBePositive) {
  EXPECT_DEATH(Deque<int>(DequeOptions{.max_items = 0}), "Deque\\(max_items\\): expected 1 to");
}

TEST(PushAllTest, KeepsOrderAndGrowsOnce) {
  std::array<int, 100> items;
  for (int i = 0; i < 100; ++i) items[static_cast<std::size_t>(i)] = i;
  Deque<int> deque(1);
  EXPECT_TRUE(deque.TryPushAll(items));
  EXPECT_EQ(deque.Capacity(), 128u);
  EXPECT_EQ(deque.SizeHint(), 100u);
  EXPECT_EQ(deque.stealer().Steal().item, 0);
  EXPECT_EQ(deque.Pop(), 99);
}

TEST(PushAllTest, TakesAllOrNone) {
  Deque<std::string> deque(DequeOptions{.max_items = 3});
  std::array<std::string, 2> items{"a", "b"};
  EXPECT_TRUE(deque.TryPushAll(items));
  std::array<std::string, 2> more{"c", "d"};
  EXPECT_FALSE(deque.TryPushAll(more));
  EXPECT_EQ(more[0], "c");  // not moved from
  EXPECT_EQ(PopAll(&deque), (std::vector<std::string>{"b", "a"}));
}

TEST(PushAllTest, NothingIsFine) {
  Deque<int> deque;
  EXPECT_TRUE(deque.TryPushAll(std::span<int>()));
  EXPECT_EQ(deque.Pop(), std::nullopt);
}

TEST(PopUpToTest, TakesTheOldestInTheirOrderUpToTheRoom) {
  FifoDeque<int> deque(2);
  Fill(&deque, 5);
  std::array<int, 3> items = {};
  EXPECT_EQ(deque.PopUpTo(items), 3u);
  EXPECT_EQ(items, (std::array<int, 3>{1, 2, 3}));
  EXPECT_EQ(deque.PopUpTo(items), 2u);
  EXPECT_EQ(items, (std::array<int, 3>{4, 5, 3}));
  EXPECT_EQ(deque.PopUpTo(items), 0u);
  EXPECT_EQ(deque.PopUpTo(std::span<int>()), 0u);
}

TEST(StealHalfTest, TakesHalfRoundedUpAndKeepsTheOrder) {
  FifoDeque<int> victim;
  Fill(&victim, 7);
  FifoDeque<int> mine;
  EXPECT_EQ(victim.stealer().StealHalf(&mine).item, 1);
  EXPECT_EQ(PopAll(&mine), (std::vector<int>{2, 3, 4}));
  EXPECT_EQ(PopAll(&victim), (std::vector<int>{5, 6, 7}));
}

TEST(StealHalfTest, FromALifoOwnerIntoALifoOwner) {
  Deque<int> victim;
  Fill(&victim, 7);
  Deque<int> mine;
  EXPECT_EQ(victim.stealer().StealHalf(&mine).item, 1);
  EXPECT_EQ(PopAll(&mine), (std::vector<int>{4, 3, 2}));
  EXPECT_EQ(PopAll(&victim), (std::vector<int>{7, 6, 5}));
}

TEST(StealHalfTest, TakesNoMoreThanTheLimit) {
  Deque<int> victim;
  Fill(&victim, 100);
  Deque<int> mine;
  EXPECT_EQ(victim.stealer().StealHalf(&mine, 3).item, 1);
  EXPECT_EQ(mine.SizeHint(), 2u);
  EXPECT_EQ(victim.stealer().StealHalf(&mine, 1).item, 4);
  EXPECT_EQ(mine.SizeHint(), 2u);
  FifoDeque<int> rest;
  EXPECT_EQ(victim.stealer().StealHalf(&rest).item, 5);
  EXPECT_LE(rest.SizeHint(), Stealer<int>::kMaxBatch);
  EXPECT_GE(rest.SizeHint(), 40u);
}

TEST(StealHalfTest, TheLastItemLeavesTheOtherDequeAlone) {
  Deque<int> victim;
  Fill(&victim, 1);
  Deque<int> mine(DequeOptions{.max_items = 1});
  mine.Push(9);
  EXPECT_EQ(victim.stealer().StealHalf(&mine).item, 1);
  EXPECT_EQ(victim.stealer().StealHalf(&mine).outcome, StealOutcome::kEmpty);
  EXPECT_EQ(PopAll(&mine), (std::vector<int>{9}));
}

TEST(StealHalfTest, WithoutRoomTakesOnlyTheOldest) {
  Deque<int> victim;
  Fill(&victim, 10);
  Deque<int> mine(DequeOptions{.max_items = 1});
  mine.Push(9);
  EXPECT_EQ(victim.stealer().StealHalf(&mine).item, 1);
  EXPECT_EQ(PopAll(&mine), (std::vector<int>{9}));
  EXPECT_EQ(victim.SizeHint(), 9u);
}

TEST(StealHalfTest, MovesBoxedItems) {
  Deque<std::string> victim;
  for (const char* text : {"a", "b", "c", "d"}) victim.Push(text);
  Deque<std::string> mine;
  EXPECT_EQ(victim.stealer().StealHalf(&mine).item, "a");
  EXPECT_EQ(PopAll(&mine), (std::vector<std::string>{"b"}));
}

TEST(StealHalfTest, WithFencesTakesOne) {
  Deque<int> victim(DequeOptions{.barriers = DequeBarriers::kFences});
  Fill(&victim, 10);
  Deque<int> mine;
  EXPECT_EQ(victim.stealer().StealHalf(&mine).item, 1);
  EXPECT_TRUE(mine.IsEmptyHint());
}

TEST(StealHalfDeathTest, RefusesTheVictimItselfAndNoLimit) {
  Deque<int> deque;
  EXPECT_DEATH(deque.stealer().StealHalf(&deque), "expected another deque and a positive limit");
  Deque<int> mine;
  EXPECT_DEATH(deque.stealer().StealHalf(&mine, 0), "found limit 0");
}

}  // namespace
}  // namespace weft
