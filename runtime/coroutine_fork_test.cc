// Forks of coroutines whose children run in parallel: under many seeds, and on threads. The result
// is a sum that no lost, doubled or mixed-up child could give; guards count frames.
#include <atomic>
#include <cstdint>
#include <stdexcept>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "future/cancel.h"
#include "future/context.h"
#include "future/fork_join.h"
#include "future/poll_fn.h"
#include "future/sleep.h"
#include "future/spawn.h"
#include "future/task.h"
#include "gtest/gtest.h"
#include "runtime/deterministic_runtime.h"
#include "runtime/runtime.h"
#include "runtime/single_thread_runtime.h"

namespace weft {
namespace {

struct Frames {
  std::atomic<int64_t> begun{0};
  std::atomic<int64_t> gone{0};
};
struct Guard {
  explicit Guard(Frames* counts) : frames(counts) {
    frames->begun.fetch_add(1, std::memory_order_relaxed);
  }
  Guard(const Guard&) = delete;
  Guard& operator=(const Guard&) = delete;
  ~Guard() { frames->gone.fetch_add(1, std::memory_order_relaxed); }
  Frames* frames;
};

auto GiveWay() {
  return PollFn([is_first = true](Context& cx) mutable -> Poll<int> {
    if (!std::exchange(is_first, false)) return 0;
    cx.waker().WakeByRef();
    return kPending;
  });
}

struct Shape {
  Frames* frames;
  uint32_t failing_leaf = 0;     // 0: none does
  uint32_t cancelling_leaf = 0;  // 0: none does
  CancelSource* source = nullptr;
};

uint32_t Mix(uint32_t x) {
  x ^= x >> 16;
  x *= 0x7feb352d;
  x ^= x >> 15;
  x *= 0x846ca68b;
  return x ^ x >> 16;
}

// Leaves are numbered from the first; some wait, some give way.
Task<int64_t> Tree(Shape shape, uint32_t first, uint32_t leaves) {
  const Guard guard(shape.frames);
  const uint32_t taste = Mix(first * 31 + leaves);
  if (taste % 4 == 0) (void)co_await GiveWay();
  if (taste % 16 == 1) co_await SleepFor(absl::Microseconds(taste % 64));
  if (leaves == 1) {
    if (first == shape.failing_leaf) throw std::runtime_error("leaf");
    if (first == shape.cancelling_leaf) shape.source->Cancel();
    co_return first;
  }
  if (leaves >= 8 && taste % 3 == 0) {
    std::vector<Task<int64_t>> parts;
    for (uint32_t i = 0; i < 4; ++i) {
      parts.push_back(Tree(shape, first + leaves * i / 4, leaves * (i + 1) / 4 - leaves * i / 4));
    }
    const std::vector<int64_t> sums = co_await ForkJoin(std::move(parts));
    co_return sums[0] + sums[1] + sums[2] + sums[3];
  }
  const auto [a, b] = co_await ForkJoin(Tree(shape, first, leaves / 2),
                                        Tree(shape, first + leaves / 2, leaves - leaves / 2));
  co_return a + b;
}

int64_t SumOf(int64_t leaves) { return leaves * (leaves + 1) / 2; }

TEST(CoroutineForkTest, EverySeedGivesTheSum) {
  for (const uint64_t seed : SeedsToTry(500)) {
    SCOPED_TRACE(DeterministicRuntime::SeedMessage(seed));
    Frames frames;
    {
      DeterministicRuntime runtime({.seed = seed});
      EXPECT_EQ(runtime.BlockOn(Tree({.frames = &frames}, 1, 64)).value(), SumOf(64));
    }
    EXPECT_EQ(frames.begun, frames.gone);
  }
}

TEST(CoroutineForkTest, UnderEverySeedAFailureEndsAll) {
  for (const uint64_t seed : SeedsToTry(500)) {
    SCOPED_TRACE(DeterministicRuntime::SeedMessage(seed));
    Frames frames;
    {
      DeterministicRuntime runtime({.seed = seed});
      EXPECT_THROW(
          (void)runtime.BlockOn(Tree(
              {.frames = &frames, .failing_leaf = static_cast<uint32_t>(seed % 64 + 1)}, 1, 64)),
          std::runtime_error);
      EXPECT_EQ(runtime.live_tasks(), 0u);
    }
    EXPECT_EQ(frames.begun, frames.gone);
  }
}

TEST(CoroutineForkTest, UnderEverySeedACancellationEndsAll) {
  for (const uint64_t seed : SeedsToTry(500)) {
    SCOPED_TRACE(DeterministicRuntime::SeedMessage(seed));
    Frames frames;
    {
      DeterministicRuntime runtime({.seed = seed});
      CancelSource source(runtime.token());
      auto handle =
          Spawn(runtime, Tree({.frames = &frames}, 1, 64), SpawnOptions{.token = source.token()});
      runtime.Advance(absl::Microseconds(static_cast<int64_t>(seed) * 10));
      source.Cancel();
      const auto end = runtime.BlockOn(std::move(handle));
      EXPECT_TRUE(absl::IsCancelled(end.status()) || *end == SumOf(64));
    }
    EXPECT_EQ(frames.begun, frames.gone);
  }
}

TEST(CoroutineForkTest, RunsOnOneThread) {
  Frames frames;
  SingleThreadRuntime runtime;
  EXPECT_EQ(runtime.BlockOn(Tree({.frames = &frames}, 1, 2'000)).value(), SumOf(2'000));
  EXPECT_EQ(frames.begun, frames.gone);
}

TEST(CoroutineForkTest, RunsOnManyThreads) {
  for (const int workers : {1, 2, 4}) {
    Frames frames;
    Runtime runtime(RuntimeOptions{.workers = workers});
    for (int i = 0; i < 20; ++i) {
      EXPECT_EQ(runtime.BlockOn(Tree({.frames = &frames}, 1, 5'000)).value(), SumOf(5'000));
    }
    EXPECT_EQ(frames.begun, frames.gone);
  }
}

TEST(CoroutineForkTest, OnManyThreadsAFailureEndsAll) {
  Runtime runtime(RuntimeOptions{.workers = 4});
  for (uint32_t i = 1; i <= 100; ++i) {
    Frames frames;
    EXPECT_THROW((void)runtime.BlockOn(Tree({.frames = &frames, .failing_leaf = i * 9}, 1, 1'000)),
                 std::runtime_error);
    EXPECT_EQ(frames.begun, frames.gone);
  }
}

TEST(CoroutineForkTest, OnManyThreadsACancellationEndsAll) {
  Runtime runtime(RuntimeOptions{.workers = 4});
  for (uint32_t i = 1; i <= 100; ++i) {
    Frames frames;
    CancelSource source(runtime.token());
    const Shape shape{.frames = &frames, .cancelling_leaf = i * 20, .source = &source};
    auto handle = Spawn(runtime, Tree(shape, 1, 2'000), SpawnOptions{.token = source.token()});
    const auto end = runtime.BlockOn(std::move(handle));
    EXPECT_TRUE(absl::IsCancelled(end.status()) || *end == SumOf(2'000));
    EXPECT_EQ(frames.begun, frames.gone);
  }
}

}  // namespace
}  // namespace weft
