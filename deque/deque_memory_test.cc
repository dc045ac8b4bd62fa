// Question: when does a deque allocate, and does memory come back?
// Method: allocations are counted; capacities are watched while the deque fills and empties.
#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <new>
#include <optional>
#include <string>
#include <vector>

#include "deque/deque.h"
#include "deque/fork_stack.h"
#include "deque/injector.h"
#include "deque/internal/ring_buffers.h"
#include "gtest/gtest.h"
#include "tools/stress/allocations.h"

namespace weft {
namespace {

using stress::AllocationCount;
using stress::FailAllocation;

TEST(DequeMemoryTest, WordsWithinTheCapacityCostNoAllocation) {
  Deque<int> deque(64);
  FifoDeque<int> mine(64);
  const std::int64_t before = AllocationCount();
  for (int round = 0; round < 100; ++round) {
    for (int i = 0; i < 64; ++i) deque.Push(i);
    (void)deque.stealer().Steal();
    (void)deque.stealer().StealHalf(&mine);
    while (deque.Pop().has_value()) {
    }
    while (mine.Pop().has_value()) {
    }
  }
  EXPECT_EQ(AllocationCount(), before);
}

TEST(DequeMemoryTest, BoxedItemsCostOneAllocationEach) {
  Deque<std::array<int, 4>> deque(64);
  const std::int64_t before = AllocationCount();
  for (int i = 0; i < 64; ++i) deque.Push({i});
  EXPECT_EQ(AllocationCount(), before + 64);
}

TEST(DequeMemoryTest, ForkStackNeverAllocatesAfterConstruction) {
  ForkStack<int> stack(8);
  int job = 0;
  const std::int64_t before = AllocationCount();
  for (int i = 0; i < 8; ++i) EXPECT_TRUE(stack.Push(i, &job));
  EXPECT_FALSE(stack.Push(8, &job));
  EXPECT_EQ(AllocationCount(), before);
}

TEST(DequeMemoryTest, InjectorAllocatesOneBlockFor63Items) {
  Injector<int> injector;
  const std::int64_t before = AllocationCount();
  for (int i = 0; i < 630; ++i) {
    injector.Push(i);
    EXPECT_EQ(injector.Steal().item, i);
  }
  EXPECT_EQ(AllocationCount(), before + 10);
}

// Shrinks by half each time that it is found empty and was never more than a quarter full since.
template <typename D>
void ShrinksWhenLittleIsUsed(D* deque) {
  for (int i = 0; i < 1'000; ++i) deque->Push(i);
  EXPECT_EQ(deque->Capacity(), 1'024u);
  const auto empty = [deque] {
    while (deque->Pop().has_value()) {
    }
  };
  empty();
  EXPECT_EQ(deque->Capacity(), 1'024u) << "it was full since";
  std::vector<std::size_t> capacities;
  for (int round = 0; round < 10; ++round) {
    for (int i = 0; i < 4; ++i) deque->Push(i);
    empty();
    capacities.push_back(deque->Capacity());
  }
  EXPECT_EQ(capacities, (std::vector<std::size_t>{512, 256, 128, 64, 32, 16, 16, 16, 16, 16}));
  for (int i = 0; i < 100; ++i) deque->Push(i);
  EXPECT_EQ(deque->Capacity(), 128u);
  EXPECT_EQ(deque->stealer().Steal().item, 0);
  EXPECT_EQ(deque->SizeHint(), 99u);
}

TEST(DequeMemoryTest, ALifoDequeShrinks) {
  Deque<int> deque(16);
  ShrinksWhenLittleIsUsed(&deque);
}
TEST(DequeMemoryTest, AFifoDequeShrinks) {
  FifoDeque<int> deque(16);
  ShrinksWhenLittleIsUsed(&deque);
}
TEST(DequeMemoryTest, AFencedDequeShrinks) {
  Deque<int> deque(DequeOptions{.capacity = 16, .barriers = DequeBarriers::kFences});
  ShrinksWhenLittleIsUsed(&deque);
}

TEST(DequeMemoryTest, DoesNotShrinkWhileItIsUsed) {
  Deque<int> deque(16);
  for (int round = 0; round < 10; ++round) {
    for (int i = 0; i < 1'000; ++i) deque.Push(i);
    EXPECT_EQ(deque.Capacity(), 1'024u);
    while (deque.Pop().has_value()) {
    }
  }
}

TEST(DequeMemoryTest, GrowingAgainCostsNoAllocation) {
  Deque<int> deque(16);
  for (int i = 0; i < 1'000; ++i) deque.Push(i);
  for (int round = 0; round < 10; ++round) {
    while (deque.Pop().has_value()) {
    }
  }
  EXPECT_EQ(deque.Capacity(), 16u);
  const std::int64_t before = AllocationCount();
  for (int i = 0; i < 1'000; ++i) deque.Push(i);
  EXPECT_EQ(AllocationCount(), before);
}

// What is left of a buffer of ones that was released.
struct Left {
  double pages;      // that are there, of all
  char second_page;  // what it begins with
};
Left ReleaseBuffer(std::size_t bytes) {
  const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  const auto resident = [&](char* data) {
    std::vector<unsigned char> pages(bytes / page);
    EXPECT_EQ(mincore(data, bytes, pages.data()), 0);
    std::size_t count = 0;
    for (const unsigned char is_there : pages) count += is_there & 1;
    return count;
  };
  char* const data = static_cast<char*>(std::aligned_alloc(page, bytes));
  for (std::size_t i = 0; i < bytes; i += page) data[i] = 1;
  EXPECT_EQ(resident(data), bytes / page);
  deque_internal::ReleasePages(data, bytes);
  const double pages = static_cast<double>(resident(data)) / static_cast<double>(bytes / page);
  const Left left = {.pages = pages, .second_page = data[page]};
  std::free(data);
  return left;
}

// crossbeam-deque #6: memory that a burst has needed stays.
TEST(DequeMemoryTest, PagesOfALargeBufferGoBackToTheSystem) {
  const Left left = ReleaseBuffer(2 * deque_internal::kMostKeptBytes);
  EXPECT_LT(left.pages, 0.25);  // what a debugger or sanitizer touches may stay
  EXPECT_EQ(left.second_page, 0);
}

TEST(DequeMemoryTest, PagesOfASmallBufferStayForTheNextBurst) {
  const Left left = ReleaseBuffer(deque_internal::kMostKeptBytes);
  EXPECT_EQ(left.pages, 1);
  EXPECT_EQ(left.second_page, 1);
}

TEST(DequeMemoryTest, PushThatCannotGrowLeavesTheDequeAsItWas) {
  Deque<int> deque(2);
  deque.Push(1);
  deque.Push(2);
  {
    const FailAllocation first(1);
    EXPECT_THROW(deque.Push(3), std::bad_alloc);
  }
  EXPECT_EQ(deque.Pop(), 2);
  EXPECT_EQ(deque.Pop(), 1);
  EXPECT_EQ(deque.Pop(), std::nullopt);
}

TEST(DequeMemoryTest, BoxedPushThatCannotGrowLeavesTheDequeAsItWas) {
  Deque<std::array<int, 4>> deque(1);
  deque.Push({1});
  {
    const FailAllocation second(2);  // not the box: the larger ring
    EXPECT_THROW(deque.Push({2}), std::bad_alloc);
  }
  EXPECT_EQ((*deque.Pop())[0], 1);
  EXPECT_EQ(deque.Pop(), std::nullopt);
}

TEST(DequeMemoryTest, PushAllOfBoxesStopsWhereAllocationFails) {
  Deque<std::string> deque(8);
  std::array<std::string, 3> items{"a", "b", "c"};
  {
    const FailAllocation third(3);
    EXPECT_THROW((void)deque.TryPushAll(items), std::bad_alloc);
  }
  EXPECT_EQ(items[2], "c");
  EXPECT_EQ(deque.Pop(), "b");
  EXPECT_EQ(deque.Pop(), "a");
}

TEST(DequeMemoryTest, InjectorPushThatCannotAllocateLeavesItAsItWas) {
  Injector<int> injector;
  for (int i = 0; i < 62; ++i) injector.Push(i);
  {
    const FailAllocation first(1);
    EXPECT_THROW(injector.Push(62), std::bad_alloc);
  }
  injector.Push(62);
  EXPECT_EQ(injector.SizeHint(), 63u);
  for (int i = 0; i < 63; ++i) EXPECT_EQ(injector.Steal().item, i);
}

}  // namespace
}  // namespace weft
