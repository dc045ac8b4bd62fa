// The parts that guests share: places in the pool, and the thread that ticks.

#include <atomic>
#include <memory>
#include <thread>
#include <vector>

#include "absl/time/time.h"
#include "future/cancel.h"
#include "future/context.h"
#include "future/waker.h"
#include "gtest/gtest.h"
#include "wasm_host/internal/instance_pool.h"
#include "wasm_host/internal/ticker.h"

namespace weft::wasm_host_internal {
namespace {

class InstancePoolTest : public testing::Test {
 protected:
  PollState PollOnce(Place& place) {
    Context cx(waker_, source_.token());
    return place.poll(cx).state();
  }
  PollState PollStopped(Place& place) {
    Context cx(waker_, source_.token());
    Context stopped = cx.WithStop();
    return place.poll(stopped).state();
  }

  Waker waker_;
  CancelSource source_;
  InstancePool pool_{2};
};

TEST_F(InstancePoolTest, PlacesAreGivenInTheOrderOfAsking) {
  std::vector<std::unique_ptr<Place>> places;
  for (int i = 0; i < 5; ++i) {
    places.push_back(std::make_unique<Place>(pool_));
    EXPECT_EQ(PollOnce(*places[i]), i < 2 ? PollState::kReady : PollState::kPending);
  }
  EXPECT_EQ(pool_.used(), 2u);
  EXPECT_EQ(pool_.queued(), 3u);
  places[1]->Release();
  EXPECT_EQ(PollOnce(*places[3]), PollState::kPending);
  EXPECT_EQ(PollOnce(*places[2]), PollState::kReady);
  places.clear();
  EXPECT_EQ(pool_.used(), 0u);
  EXPECT_EQ(pool_.queued(), 0u);
}

TEST_F(InstancePoolTest, AStoppedRequestPassesItsPlaceOn) {
  Place a(pool_), b(pool_), c(pool_), d(pool_);
  for (Place* place : {&a, &b, &c, &d}) (void)PollOnce(*place);
  a.Release();  // c has the place now, and does not know it yet
  EXPECT_EQ(PollStopped(c), PollState::kStopped);
  EXPECT_EQ(PollOnce(d), PollState::kReady);
  EXPECT_EQ(pool_.used(), 2u);
}

TEST_F(InstancePoolTest, AStoppedRequestLeavesTheQueue) {
  Place a(pool_), b(pool_), c(pool_);
  for (Place* place : {&a, &b, &c}) (void)PollOnce(*place);
  EXPECT_EQ(PollStopped(c), PollState::kStopped);
  a.Release();
  EXPECT_EQ(pool_.used(), 1u);
  EXPECT_EQ(pool_.queued(), 0u);
}

TEST(TickerTest, TicksWhileSomebodyIsInsideAndParksAfterwards) {
  std::atomic<int> ticks{0};
  Ticker ticker(absl::Microseconds(100), [&ticks] { ticks.fetch_add(1); });
  EXPECT_TRUE(ticker.IsParked());
  for (int round = 0; round < 5; ++round) {
    ticker.Enter();
    const int before = ticks.load();
    while (ticks.load() < before + 3) std::this_thread::yield();
    ticker.Leave();
    while (!ticker.IsParked()) std::this_thread::yield();
    const int parked_at = ticks.load();
    for (int i = 0; i < 1000; ++i) std::this_thread::yield();
    EXPECT_EQ(ticks.load(), parked_at);
  }
}

TEST(TickerTest, NoEntryIsMissedByAThreadThatParks) {
  std::atomic<int> ticks{0};
  Ticker ticker(absl::Microseconds(10), [&ticks] { ticks.fetch_add(1); });
  auto visit = [&] {
    for (int i = 0; i < 200; ++i) {
      ticker.Enter();
      const int before = ticks.load();
      while (ticks.load() == before) std::this_thread::yield();
      ticker.Leave();
      if (i % 3 == 0) {
        for (int k = 0; k < 20; ++k) std::this_thread::yield();
      }
    }
  };
  std::thread other(visit);
  visit();
  other.join();
}

}  // namespace
}  // namespace weft::wasm_host_internal
