// Goal: each token is counted once when it is made, cancelled and dropped, on whatever thread, also
// on one that ends; no count is lost when threads come and go.
#include "future/process_counts.h"

#include <cstdint>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "future/cancel.h"
#include "gtest/gtest.h"
#include "tools/stress/allocations.h"

namespace weft {
namespace {

struct Tokens {
  uint64_t created, cancelled, dropped;
  bool operator==(const Tokens&) const = default;
};

Tokens Read() {
  const ProcessCounts counts = ReadProcessCounts();
  return {counts[ProcessCount::kTokensCreated], counts[ProcessCount::kTokensCancelled],
          counts[ProcessCount::kTokensDropped]};
}

// What was counted since the test began.
class ProcessCountsTest : public testing::Test {
 protected:
  Tokens Since() const {
    const Tokens now = Read();
    return {now.created - begin_.created, now.cancelled - begin_.cancelled,
            now.dropped - begin_.dropped};
  }

 private:
  const Tokens begin_ = Read();
};

TEST_F(ProcessCountsTest, ATokenIsCreatedOnceAndDroppedWithItsLastCopy) {
  std::optional<CancelSource> source(std::in_place);
  CancelToken copy = source->token();
  EXPECT_EQ(Since(), (Tokens{1, 0, 0}));
  source.reset();
  EXPECT_EQ(Since(), (Tokens{1, 0, 0}));
  copy = CancelToken();
  EXPECT_EQ(Since(), (Tokens{1, 0, 1}));
}

// Drops a token on a new thread, for whose counts there is no memory; more on further ones, as long
// as threads that ended have left theirs. Returns how many.
int DropWithoutMemory() {
  std::optional<CancelSource> source(std::in_place);
  int dropped = 1;
  std::thread([&] {
    const auto drop = [&] {
      const stress::FailAllocation failure(1);
      source.reset();
      return failure.happened();
    };
    if (!drop()) dropped += DropWithoutMemory();
  }).join();
  return dropped;
}

// A token goes in destructors, which must not throw.
TEST_F(ProcessCountsTest, Regression_AThreadCountsWithoutMemory) {
  const auto dropped = static_cast<uint64_t>(DropWithoutMemory());
  EXPECT_EQ(Since(), (Tokens{dropped, 0, dropped}));
}

TEST_F(ProcessCountsTest, ADefaultMadeTokenIsNotCounted) {
  CancelToken token;
  const CancelToken copy = token;
  EXPECT_EQ(Since(), (Tokens{0, 0, 0}));
}

TEST_F(ProcessCountsTest, EachTokenOfATreeIsCancelledOnce) {
  CancelSource root;
  CancelSource child(root.token());
  CancelSource grandchild(child.token());
  child.Cancel();
  EXPECT_EQ(Since(), (Tokens{3, 2, 0}));
  root.Cancel();
  root.Cancel();
  EXPECT_EQ(Since(), (Tokens{3, 3, 0}));
}

TEST_F(ProcessCountsTest, ATokenThatIsBornCancelledIsCancelled) {
  CancelSource root;
  root.Cancel();
  CancelSource child(root.token());
  EXPECT_EQ(Since(), (Tokens{2, 2, 0}));
}

TEST_F(ProcessCountsTest, NothingIsLostWhenThreadsComeAndGo) {
  constexpr int kRounds = 20, kThreads = 4, kTokens = 100;
  for (int round = 0; round < kRounds; ++round) {
    std::vector<std::thread> threads;
    for (int i = 0; i < kThreads; ++i) {
      threads.emplace_back([] {
        for (int j = 0; j < kTokens; ++j) CancelSource().Cancel();
      });
    }
    for (std::thread& thread : threads) thread.join();
  }
  constexpr uint64_t kAll = kRounds * kThreads * kTokens;
  EXPECT_EQ(Since(), (Tokens{kAll, kAll, kAll}));
}

TEST_F(ProcessCountsTest, WhatAThreadDropsAtItsVeryEndIsCounted) {
  std::thread([] {
    // Made before the thread's first count, so destroyed after its counters were given back.
    thread_local std::vector<CancelSource> kept;
    kept.reserve(2);
    kept.emplace_back();
    kept.emplace_back();
  }).join();
  EXPECT_EQ(Since(), (Tokens{2, 0, 2}));
}

}  // namespace
}  // namespace weft
