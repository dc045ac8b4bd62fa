// The contract of the cancel tree: who is cancelled with whom, when registrations wake, that
// nothing is left behind by children that are gone, and that no depth needs native stack. The races
// at the end are for ThreadSanitizer and AddressSanitizer.

#include "future/cancel.h"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

#include "future/waker.h"
#include "gtest/gtest.h"
#include "tools/stress/allocations.h"

namespace weft {
namespace {

// A waker that counts its wakes in an int and has no references.
constexpr Waker::VTable kCounting = {
    .add_ref = [](void*) {},
    .drop = [](void*) {},
    .wake = [](void* count) { static_cast<std::atomic<int>*>(count)->fetch_add(1); },
};
Waker CountingWaker(std::atomic<int>& count) { return Waker(&kCounting, &count); }

TEST(CancelTest, ADefaultMadeTokenIsNeverCancelled) {
  CancelToken token;
  EXPECT_FALSE(token.CanBeCancelled());
  EXPECT_FALSE(token.StopRequested());
}

TEST(CancelTest, TokensSeeTheirSource) {
  CancelSource source;
  CancelToken token = source.token();
  CancelToken copy = token;
  EXPECT_TRUE(token.CanBeCancelled());
  EXPECT_FALSE(token.StopRequested());
  source.Cancel();
  source.Cancel();
  EXPECT_TRUE(token.StopRequested());
  EXPECT_TRUE(copy.StopRequested());
}

TEST(CancelTest, TokensOutliveTheirSource) {
  std::optional<CancelSource> source(std::in_place);
  CancelToken token = source->token();
  source.reset();
  EXPECT_FALSE(token.StopRequested());
}

TEST(CancelTest, AChildIsCancelledWithItsParentButNotTheReverse) {
  CancelSource parent;
  CancelSource child(parent.token());
  CancelSource grandchild(child.token());
  CancelSource sibling(parent.token());
  child.Cancel();
  EXPECT_TRUE(grandchild.StopRequested());
  EXPECT_FALSE(parent.StopRequested());
  EXPECT_FALSE(sibling.StopRequested());
  parent.Cancel();
  EXPECT_TRUE(sibling.StopRequested());
}

TEST(CancelTest, AChildOfACancelledParentIsBornCancelled) {
  CancelSource parent;
  parent.Cancel();
  CancelSource child(parent.token());
  EXPECT_TRUE(child.StopRequested());
}

TEST(CancelTest, AGrandchildIsReachedThoughTheSourceBetweenIsGone) {
  CancelSource root;
  std::optional<CancelSource> middle(std::in_place, root.token());
  CancelSource leaf(middle->token());
  middle.reset();
  root.Cancel();
  EXPECT_TRUE(leaf.StopRequested());
}

TEST(CancelTest, ARegistrationWakesOnce) {
  std::atomic<int> wakes{0};
  CancelSource source;
  CancelRegistration registration;
  registration.Register(source.token(), CountingWaker(wakes));
  EXPECT_EQ(wakes, 0);
  source.Cancel();
  source.Cancel();
  EXPECT_EQ(wakes, 1);
  registration.Register(source.token(), CountingWaker(wakes));  // already cancelled: at once
  EXPECT_EQ(wakes, 2);
  registration.Register(CancelToken(), CountingWaker(wakes));
  EXPECT_EQ(wakes, 2);
}

TEST(CancelTest, AnUnregisteredOrReplacedWakerIsNotWoken) {
  std::atomic<int> first{0};
  std::atomic<int> second{0};
  CancelSource source;
  CancelRegistration registration;
  registration.Register(source.token(), CountingWaker(first));
  registration.Register(source.token(), CountingWaker(second));
  {
    CancelRegistration dropped;
    dropped.Register(source.token(), CountingWaker(first));
  }
  source.Cancel();
  EXPECT_EQ(first, 0);
  EXPECT_EQ(second, 1);
}

TEST(CancelTest, ADeepTreeIsCancelledAndFreedWithoutNativeRecursion) {
  constexpr int kDepth = 300'000;
  std::atomic<int> wakes{0};
  std::vector<CancelSource> chain;
  chain.reserve(kDepth);
  chain.emplace_back();
  for (int i = 1; i < kDepth; ++i) chain.emplace_back(chain.back().token());
  CancelRegistration registration;
  registration.Register(chain.back().token(), CountingWaker(wakes));
  chain.front().Cancel();
  EXPECT_EQ(wakes, 1);
  CancelToken leaf = chain.back().token();
  registration.Unregister();
  chain.clear();  // `leaf` keeps all of them
  EXPECT_TRUE(leaf.StopRequested());
  leaf = CancelToken();
}

TEST(CancelTest, AMillionChildrenThatAreGoneLeaveNothingBehind) {
  CancelSource parent;
  const int64_t before = stress::LiveAllocations();
  for (int i = 0; i < 1'000'000; ++i) CancelSource child(parent.token());
  EXPECT_EQ(stress::LiveAllocations(), before);
}

TEST(CancelTest, AHundredThousandChildrenOfACancelledParentLeaveNothingBehind) {
  CancelSource parent;
  parent.Cancel();
  const int64_t before = stress::LiveAllocations();
  for (int i = 0; i < 100'000; ++i) CancelSource child(parent.token());
  EXPECT_EQ(stress::LiveAllocations(), before);
}

// Cancelling a node used to take over the work list of a thread that was cancelling its ancestor.
TEST(CancelRaceTest, Regression_ANodeIsCancelledWhileItsAncestorIs) {
  for (int round = 0; round < 200; ++round) {
    CancelSource root;
    std::vector<CancelSource> children;
    for (int i = 0; i < 20; ++i) children.emplace_back(root.token());
    std::thread other([&] {
      for (CancelSource& child : children) child.Cancel();
    });
    root.Cancel();
    other.join();
    for (CancelSource& child : children) EXPECT_TRUE(child.StopRequested());
  }
}

TEST(CancelRaceTest, RegistrationsMeetCancelFromAnotherThread) {
  for (int round = 0; round < 200; ++round) {
    CancelSource source;
    std::atomic<int> kept_wakes{0};
    std::atomic<int> dropped_wakes{0};
    CancelRegistration kept;
    std::thread registrar([&] {
      for (int i = 0; i < 10; ++i) {
        CancelRegistration dropped;
        dropped.Register(source.token(), CountingWaker(dropped_wakes));
      }
      kept.Register(source.token(), CountingWaker(kept_wakes));
    });
    source.Cancel();
    registrar.join();
    EXPECT_EQ(kept_wakes, 1);
    EXPECT_LE(dropped_wakes, 10);
  }
}

TEST(CancelRaceTest, ChildrenAreBornAndDieWhileTheirParentIsCancelled) {
  for (int round = 0; round < 200; ++round) {
    CancelSource root;
    CancelSource middle(root.token());
    std::vector<std::thread> threads;
    for (int t = 0; t < 2; ++t) {
      threads.emplace_back([&middle] {
        for (int i = 0; i < 20; ++i) {
          CancelSource child(middle.token());
          CancelSource grandchild(child.token());
        }
      });
    }
    root.Cancel();
    CancelSource late(middle.token());
    EXPECT_TRUE(late.StopRequested());
    for (std::thread& thread : threads) thread.join();
  }
}

TEST(CancelRaceTest, WhatHappenedBeforeCancelIsSeenAfterStopRequested) {
  for (int round = 0; round < 200; ++round) {
    CancelSource root;
    CancelSource leaf(root.token());
    int written = 0;
    std::thread canceller([&] {
      written = 1;
      root.Cancel();
    });
    while (!leaf.StopRequested()) std::this_thread::yield();
    EXPECT_EQ(written, 1);
    canceller.join();
  }
}

}  // namespace
}  // namespace weft
