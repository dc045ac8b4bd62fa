// Goal: the buffer equals a deque over random operations, and keeps or gives back its memory as
// asked.
#include "channel/internal/ring_buffer.h"

#include <cstddef>
#include <deque>
#include <memory>
#include <random>
#include <utility>

#include "gtest/gtest.h"

namespace weft::channel_internal {
namespace {

TEST(RingBufferTest, EqualsADequeOverRandomOperations) {
  for (unsigned seed = 1; seed <= 60; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937 random(seed);
    RingBuffer<std::unique_ptr<int>> buffer(seed % 2 == 0 ? Retention::kKeeps
                                                          : Retention::kShrinks);
    std::deque<int> model;
    unsigned push_weight = 5;
    for (int step = 0; step < 800; ++step) {
      if (step % 80 == 0) push_weight = 1 + random() % 9;  // Swarm: tides of pushes and of pops.
      if (random() % 10 < push_weight) {
        buffer.PushBack(std::make_unique<int>(step));
        model.push_back(step);
      } else if (!model.empty()) {
        ASSERT_EQ(*buffer.PopFront(), model.front());
        model.pop_front();
      }
      ASSERT_EQ(buffer.size(), model.size());
      ASSERT_EQ(buffer.IsEmpty(), model.empty());
    }
  }
}

TEST(RingBufferTest, GivesABurstsMemoryBack) {
  RingBuffer<int> buffer(Retention::kShrinks);
  for (int i = 0; i < 10000; ++i) buffer.PushBack(std::move(i));
  EXPECT_GE(buffer.capacity(), 10000u);
  while (!buffer.IsEmpty()) {
    buffer.PopFront();
    ASSERT_LE(buffer.capacity(), 8 * buffer.size() + RingBuffer<int>::kSmallest);
  }
}

TEST(RingBufferTest, KeepsItsMemoryWhenAsked) {
  RingBuffer<int> buffer(Retention::kKeeps);
  for (int i = 0; i < 100; ++i) buffer.PushBack(std::move(i));
  const std::size_t capacity = buffer.capacity();
  while (!buffer.IsEmpty()) buffer.PopFront();
  EXPECT_EQ(buffer.capacity(), capacity);
}

TEST(RingBufferTest, MovingTakesTheValuesAndLeavesAUsableBuffer) {
  RingBuffer<std::unique_ptr<int>> first(Retention::kShrinks);
  first.PushBack(std::make_unique<int>(1));
  RingBuffer<std::unique_ptr<int>> second(std::move(first));
  EXPECT_EQ(second.size(), 1u);
  EXPECT_TRUE(first.IsEmpty());
  first.PushBack(std::make_unique<int>(2));
  EXPECT_EQ(*first.PopFront(), 2);
  EXPECT_EQ(*second.PopFront(), 1);
}

}  // namespace
}  // namespace weft::channel_internal
