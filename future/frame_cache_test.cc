// The cache of frames: blocks come back, also those that another thread frees, nothing is kept
// without bound, and a Task can bring its own memory. Under AddressSanitizer and ThreadSanitizer
// there is no cache, and what holds without one is tested.

#include "future/frame_cache.h"

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <memory_resource>
#include <random>
#include <set>
#include <thread>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "future/internal/frame_slabs.h"
#include "future/internal/task_cell.h"
#include "future/manual_executor.h"
#include "future/poll_fn.h"
#include "future/spawn.h"
#include "future/task.h"
#include "gtest/gtest.h"

namespace weft {
namespace {

using future_internal::AllocateFrame;
using future_internal::FrameSlabs;
using future_internal::FreeBlock;
using future_internal::FreeFrame;
using future_internal::kFramesAreCached;
using future_internal::kMaxCachedBytes;

TEST(FrameCacheTest, BlocksOfEverySizeAreWritableAlignedAndApart) {
  std::vector<std::pair<void*, std::size_t>> blocks;
  for (std::size_t bytes = 1; bytes < kMaxCachedBytes + 40; bytes += 7) {
    for (int round = 0; round < 3; ++round) {
      void* const memory = AllocateFrame(bytes);
      EXPECT_EQ(reinterpret_cast<std::uintptr_t>(memory) % alignof(std::max_align_t), 0u);
      std::memset(memory, static_cast<int>(bytes % 251), bytes);
      blocks.emplace_back(memory, bytes);
    }
  }
  for (auto [memory, bytes] : blocks) {
    const auto* const bytes_of = static_cast<const unsigned char*>(memory);
    for (std::size_t i = 0; i < bytes; ++i) ASSERT_EQ(bytes_of[i], bytes % 251);
    FreeFrame(memory, bytes);
  }
}

TEST(FrameCacheTest, WhatWasFreedLastIsGivenNext) {
  if (!kFramesAreCached) GTEST_SKIP() << "there is no cache";
  FreeFrame(AllocateFrame(104), 104);  // opens the cache of this thread
  void* const first = AllocateFrame(104);
  void* const second = AllocateFrame(104);
  FreeFrame(first, 104);
  EXPECT_EQ(AllocateFrame(100), first) << "of the same class";
  FreeFrame(second, 104);
  FreeFrame(first, 104);
  EXPECT_NE(AllocateFrame(120), second) << "of the next class";
  EXPECT_EQ(AllocateFrame(104), second);
  EXPECT_EQ(AllocateFrame(104), first);
}

// Far more than is kept, of all classes: whatever else lives, all but that goes back.
TEST(FrameCacheTest, WhatIsKeptIsBoundedForAllClassesTogether) {
  if (!kFramesAreCached) GTEST_SKIP() << "there is no cache";
  const std::size_t before = FrameSlabs::TotalBytes();
  std::vector<std::pair<void*, std::size_t>> blocks;
  for (std::size_t bytes = 16; bytes <= kMaxCachedBytes; bytes += 16) {
    for (int i = 0; i < 1500; ++i) blocks.emplace_back(AllocateFrame(bytes), bytes);
  }
  EXPECT_GT(FrameSlabs::TotalBytes(), before + 2 * FrameSlabs::kMostKeptBytes);
  for (auto [memory, bytes] : blocks) FreeFrame(memory, bytes);
  EXPECT_EQ(FrameSlabs::KeptBytes(), FrameSlabs::kMostKeptBytes);
  EXPECT_GT(future_internal::FrameShelfBytes(), 512u * 1024);
  EXPECT_LE(future_internal::FrameShelfBytes(), 1056u * 1024);
  // Beside it: slabs of which this thread or a shelf keeps a block. These were freed in order.
  const std::size_t partly = kMaxCachedBytes / 16 * 4 * FrameSlabs::kSlabBytes;
  EXPECT_LE(FrameSlabs::TotalBytes(), before + FrameSlabs::kMostKeptBytes + partly);
}

// Lists of blocks from `slabs` until there are `count`.
std::vector<FreeBlock*> TakeBlocks(FrameSlabs& slabs, std::size_t count) {
  std::vector<FreeBlock*> blocks;
  while (blocks.size() < count) {
    const auto [first, number] = slabs.Take(32);
    EXPECT_GT(number, 0u);
    EXPECT_LE(number, 32u);
    uint32_t found = 0;
    for (FreeBlock* block = first; block != nullptr; block = block->next) {
      blocks.push_back(block);
      ++found;
    }
    EXPECT_EQ(found, number);
  }
  return blocks;
}
void GiveBlocks(const std::vector<FreeBlock*>& blocks) {
  for (FreeBlock* block : blocks) {
    block->next = nullptr;
    FrameSlabs::Give(block);
  }
}

TEST(FrameSlabsTest, BlocksOfEverySizeAreApartAndStayInTheirSlabs) {
  for (std::size_t bytes = 32; bytes <= kMaxCachedBytes; bytes += 16) {
    FrameSlabs slabs;
    slabs.SetUp(bytes, 0);
    const std::size_t count = 2 * FrameSlabs::kSlabBytes / bytes;  // more than one slab
    std::vector<FreeBlock*> blocks = TakeBlocks(slabs, count);
    std::vector<std::uintptr_t> begins;
    for (FreeBlock* block : blocks) begins.push_back(reinterpret_cast<std::uintptr_t>(block));
    std::sort(begins.begin(), begins.end());
    for (std::size_t i = 0; i < begins.size(); ++i) {
      ASSERT_EQ(begins[i] % 16, 0u);
      ASSERT_GE(begins[i], i == 0 ? 0 : begins[i - 1] + bytes);
      ASSERT_LE(begins[i] % FrameSlabs::kSlabBytes + bytes, FrameSlabs::kSlabBytes);
    }
    GiveBlocks(blocks);
  }
}

// In any order: only whole slabs count.
TEST(FrameSlabsTest, SlabsThatAreEmptyGoBackButForABoundedNumber) {
  FrameSlabs slabs;
  slabs.SetUp(1024, 0);
  const std::size_t before = FrameSlabs::TotalBytes();
  std::vector<FreeBlock*> blocks = TakeBlocks(slabs, 40 * 1024);
  EXPECT_GE(FrameSlabs::TotalBytes(), before + 24 * 1024 * 1024);
  std::shuffle(blocks.begin(), blocks.end(), std::minstd_rand(1));
  GiveBlocks(blocks);
  EXPECT_LE(FrameSlabs::KeptBytes(), FrameSlabs::kMostKeptBytes);
  EXPECT_LE(FrameSlabs::TotalBytes(), before + FrameSlabs::kMostKeptBytes);
}

// Each call takes a lock: it is not made for one block.
TEST(FrameSlabsTest, BlocksOfManySlabsComeInOneBatch) {
  FrameSlabs slabs;
  slabs.SetUp(1024, 0);
  std::vector<FreeBlock*> blocks = TakeBlocks(slabs, 4096);
  std::vector<FreeBlock*> scattered, others;
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    (i % 50 == 0 ? scattered : others).push_back(blocks[i]);
  }
  GiveBlocks(scattered);
  const auto [first, count] = slabs.Take(32);
  EXPECT_EQ(count, 32u);
  FrameSlabs::Give(first);
  GiveBlocks(others);
}

TEST(FrameSlabsTest, AnEmptySlabServesAnotherSize) {
  FrameSlabs small, large;
  small.SetUp(32, 0);
  large.SetUp(1024, 0);
  GiveBlocks(TakeBlocks(small, 10'000));
  const std::size_t before = FrameSlabs::TotalBytes();
  GiveBlocks(TakeBlocks(large, 50));
  EXPECT_EQ(FrameSlabs::TotalBytes(), before);
}

// In one list with those of another home.
TEST(FrameSlabsTest, BlocksGoBackToTheirHomes) {
  FrameSlabs near, far;
  near.SetUp(96, 0);
  far.SetUp(96, 1);
  std::vector<FreeBlock*> mine = TakeBlocks(near, 100), others = TakeBlocks(far, 100);
  const std::set<FreeBlock*> near_blocks(mine.begin(), mine.end());
  FreeBlock* const kept = mine.back();  // so that the slab stays
  mine.pop_back();
  FreeBlock* mixed = nullptr;
  for (std::size_t i = 0; i < mine.size(); ++i) {
    for (FreeBlock* block : {mine[i], others[i]}) block->next = std::exchange(mixed, block);
  }
  FrameSlabs::Give(mixed);
  others.erase(others.begin(), others.begin() + static_cast<std::ptrdiff_t>(mine.size()));
  mine = TakeBlocks(near, 64);
  for (FreeBlock* block : mine) EXPECT_TRUE(near_blocks.contains(block));
  for (const auto& blocks : {mine, others, {kept}}) GiveBlocks(blocks);
}

TEST(FrameSlabsTest, AHomeGetsTheSlabsThatItHad) {
  FrameSlabs near, far;
  near.SetUp(1024, 0);
  far.SetUp(1024, 1);
  const auto slabs_of = [](const std::vector<FreeBlock*>& blocks) {
    std::set<std::uintptr_t> slabs;
    for (FreeBlock* block : blocks) {
      slabs.insert(reinterpret_cast<std::uintptr_t>(block) / FrameSlabs::kSlabBytes);
    }
    return slabs;
  };
  std::vector<FreeBlock*> mine = TakeBlocks(near, 500), others = TakeBlocks(far, 500);
  const std::set<std::uintptr_t> before = slabs_of(mine);
  GiveBlocks(mine);
  GiveBlocks(others);
  mine = TakeBlocks(near, 500);
  EXPECT_EQ(slabs_of(mine), before);
  GiveBlocks(mine);
}

// What one thread has taken another gives back: no block is ever with two of them.
TEST(FrameSlabsTest, ThreadsShareBlocks) {
  constexpr int kThreads = 3, kRounds = 2000;
  FrameSlabs slabs;
  slabs.SetUp(64, 0);
  Mutex mutex;
  std::vector<FreeBlock*> passed;
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      std::vector<FreeBlock*> blocks;
      for (int round = 0; round < kRounds; ++round) {
        blocks = TakeBlocks(slabs, 100);
        for (FreeBlock* block : blocks)
          block->next_batch = reinterpret_cast<FreeBlock*>(&passed) + t;
        for (FreeBlock* block : blocks) {
          ASSERT_EQ(block->next_batch, reinterpret_cast<FreeBlock*>(&passed) + t);
        }
        {
          MutexLock lock(&mutex);
          passed.swap(blocks);
        }
        GiveBlocks(blocks);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  GiveBlocks(passed);
}

// Blocks that go round between two threads come back to the one that allocates: once its shelf is
// empty, it is not given 100,000 different ones.
TEST(FrameCacheTest, WhatAnotherThreadFreesComesBack) {
  constexpr int kRounds = 1000;
  const std::size_t on_shelves = future_internal::FrameShelfBytes() / 96;
  std::atomic<bool> is_full{false};
  void* blocks[100];
  std::thread consumer([&] {
    for (int round = 0; round < kRounds; ++round) {
      while (!is_full.load(std::memory_order_acquire)) std::this_thread::yield();
      for (void* block : blocks) FreeFrame(block, 96);
      is_full.store(false, std::memory_order_release);
    }
  });
  std::set<void*> seen;
  for (int round = 0; round < kRounds; ++round) {
    for (void*& block : blocks) {
      block = AllocateFrame(96);
      seen.insert(block);
    }
    is_full.store(true, std::memory_order_release);
    while (is_full.load(std::memory_order_acquire)) std::this_thread::yield();
  }
  consumer.join();
  if (kFramesAreCached) {
    EXPECT_LE(seen.size(), 500 + on_shelves);
  }
}

// A thread that frees while it ends does not lose what it frees.
TEST(FrameCacheTest, AThreadThatEndsGivesEverythingBack) {
  struct AtExit {
    void* memory = nullptr;
    ~AtExit() {
      FreeFrame(memory, 40);
      FreeFrame(AllocateFrame(72), 72);
    }
  };
  for (int i = 0; i < 10; ++i) {
    std::thread([] {
      thread_local AtExit at_exit;
      at_exit.memory = AllocateFrame(40);
      std::vector<void*> blocks;
      for (int j = 0; j < 1000; ++j) blocks.push_back(AllocateFrame(136));
      for (void* block : blocks) FreeFrame(block, 136);
    }).join();
  }
}

TEST(FrameCacheTest, AllIsReportedAlsoOfACacheThatIsFull) {
  FreeFrame(AllocateFrame(104), 104);
  const std::size_t bytes = FrameBytesOf([] {
    FreeFrame(AllocateFrame(104), 104);
    EXPECT_EQ(FrameBytesOf([] {
                FreeFrame(AllocateFrame(1), 1);
                return 0;
              }),
              1u);
    FreeFrame(AllocateFrame(5000), 5000);
    return 0;
  });
  EXPECT_EQ(bytes, 5105u);
}

TEST(FrameCacheTest, TheFramesOfTasksAreReported) {
  auto body = [](int x) -> Task<int> {
    volatile char room[200] = {};
    room[x] = 1;
    co_await YieldNow();
    co_return room[x];
  };
  const std::size_t bytes = FrameBytesOf([&] { return body(1); });
  EXPECT_GE(bytes, 200u);
  EXPECT_LE(bytes, future_internal::kFramesAreCached ? 600u : 800u);
}

// What a task that waits takes: its cell, which no build mode changes, and its frame, which
// sanitizers make larger.
TEST(FrameCacheTest, ATaskThatWaitsIsSmall) {
  static_assert(sizeof(Task<>) == 16);
  static_assert(sizeof(future_internal::TaskCell<Task<>>) <= 96);
  auto body = []() -> Task<> { co_await Never<>(); };
  ManualExecutor executor;
  constexpr std::size_t kTasks = 1000;
  const std::size_t bytes = FrameBytesOf([&] {
    for (std::size_t i = 0; i < kTasks; ++i) Spawn(executor, body()).Detach();
    executor.RunUntilStalled();
    return 0;
  });
  EXPECT_LE(bytes / kTasks, future_internal::kFramesAreCached ? 240u : 600u)
      << "184 with optimisation";
}

// Counts what it gives, and takes back only what it gave.
class CountingResource final : public std::pmr::memory_resource {
 public:
  int allocations = 0;
  std::size_t live_bytes = 0;

 private:
  void* do_allocate(std::size_t bytes, std::size_t alignment) override {
    ++allocations;
    live_bytes += bytes;
    return std::pmr::new_delete_resource()->allocate(bytes, alignment);
  }
  void do_deallocate(void* memory, std::size_t bytes, std::size_t alignment) override {
    live_bytes -= bytes;
    std::pmr::new_delete_resource()->deallocate(memory, bytes, alignment);
  }
  bool do_is_equal(const memory_resource& other) const noexcept override { return this == &other; }
};

// Not inlined, so that the compiler elides no frame.
[[gnu::noinline]] Task<int> Twice(std::allocator_arg_t, std::pmr::memory_resource*, int x) {
  co_await YieldNow();
  co_return 2 * x;
}

TEST(FrameCacheTest, ATaskMayBringItsOwnMemory) {
  CountingResource resource;
  {
    ManualExecutor executor;
    auto lambda = [](std::allocator_arg_t tag, std::pmr::memory_resource* memory,
                     int x) -> Task<int> {
      const int twice = co_await Twice(tag, memory, x);
      co_return twice + 1;
    };
    EXPECT_EQ(executor.BlockOn(lambda(std::allocator_arg, &resource, 20)).value(), 41);
    EXPECT_EQ(resource.allocations, 2);
    // Destroyed before it has begun.
    {
      const Task<int> unused = Twice(std::allocator_arg, &resource, 1);
    }
    EXPECT_EQ(resource.allocations, 3);
  }
  EXPECT_EQ(resource.live_bytes, 0u);
}

}  // namespace
}  // namespace weft
