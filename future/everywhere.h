// future/everywhere.h — for tests: a table of futures, each run with a stop at each suspension, an
// exception at each await and each allocation failing, under CheckContract().
//
//   Cancellation     Is what is tested.
//
//   constexpr Row kRows[] = {{"Map", [](Scene* scene) { return Of(...); }}, ...};
//   INSTANTIATE_TEST_SUITE_P(Rows, EverywhereTest, testing::ValuesIn(kRows), NameOf);
#ifndef WEFT_FUTURE_EVERYWHERE_H_
#define WEFT_FUTURE_EVERYWHERE_H_

#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "future/cancel_harness.h"
#include "future/fault_harness.h"
#include "future/manual_executor.h"
#include "future/map.h"
#include "future/poll.h"
#include "future/poll_fn.h"
#include "future/scripted.h"
#include "future/sleep.h"
#include "future/task.h"
#include "gtest/gtest.h"

namespace weft::everywhere {

using IntOr = absl::StatusOr<int>;

// What the futures of one run share.
struct Scene {
  FaultProbe* faults;
  ManualExecutor* executor;
  int alive = 0;
};

// Waits twice, in two ways, then gives `value`.
inline Task<int> Steps(Scene* scene, int value) {
  const Alive guard(&scene->alive);
  co_await YieldNow();
  co_await SleepFor(absl::Seconds(1));
  co_return value;
}

// The same as a future that may throw at its end.
inline auto Leaf(Scene* scene, int value = 1) { return scene->faults->Await(Steps(scene, value)); }
inline auto LeafOr(Scene* scene, int value = 1) {
  return Map(Leaf(scene, value), [](int x) { return IntOr(x); });
}

// Makes the future when it is polled, so that the allocations for it are places too, and awaits it.
template <typename Make>
Task<int> Of(Make make) {
  auto future = make();
  const int result = co_await std::move(future);
  co_return result;
}

// A future of 3 made of one thing, when all goes well.
struct Row {
  const char* name;
  Task<int> (*make)(Scene* scene);
};

inline std::string NameOf(const testing::TestParamInfo<Row>& info) { return info.param.name; }

class EverywhereTest : public testing::TestWithParam<Row> {
 protected:
  template <typename Probe>
  auto RunRow(Probe& probe, FaultProbe* faults) {
    Scene scene{faults, &probe.executor()};
    auto end = probe.Run(GetParam().make(&scene));
    // A cancelled join leaves its task running: let it end.
    (void)probe.executor().BlockOn(SleepFor(absl::Seconds(9)));
    EXPECT_EQ(scene.alive, 0);
    return end;
  }
};

TEST_P(EverywhereTest, LeavesNothingBehindWhereverItIsCancelled) {
  CancelEverywhere([this](CancelProbe& probe) {
    FaultProbe no_faults;
    Poll<int> end = RunRow(probe, &no_faults);
    if (!probe.stop_requested()) {
      EXPECT_TRUE(end.IsReady());
    }
    if (end.IsReady()) {
      EXPECT_EQ(end.value(), 3);
    }
  });
}

TEST_P(EverywhereTest, LeavesNothingBehindWhateverThrows) {
  ThrowEverywhere([this](FaultProbe& probe) {
    auto end = RunRow(probe, &probe);
    if (!probe.has_struck()) {
      EXPECT_EQ(end->value(), 3);
    }
  });
}

TEST_P(EverywhereTest, LeavesNothingBehindWhicheverAllocationFails) {
  FailAllocationsEverywhere([this](FaultProbe& probe) {
    auto end = RunRow(probe, &probe);
    if (!probe.has_struck()) {
      EXPECT_EQ(end->value(), 3);
    }
  });
}

}  // namespace weft::everywhere

#endif  // WEFT_FUTURE_EVERYWHERE_H_
