// Goal: each leaf and combinator keeps its contract (CheckContract(), which the harnesses apply)
// and leaves nothing behind, with a stop at each suspension, an exception at each await and each
// allocation failing. One row of the table for each; tools/tidy refuses a header of a future or
// stream that this file does not include.
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "future/and_then.h"
#include "future/any_future.h"
#include "future/async_generator.h"
#include "future/buffered.h"
#include "future/cancel_harness.h"
#include "future/fault_harness.h"
#include "future/finally.h"
#include "future/first_success.h"
#include "future/fuse.h"
#include "future/futures_unordered.h"
#include "future/lazy.h"
#include "future/map.h"
#include "future/or_else.h"
#include "future/poll.h"
#include "future/poll_fn.h"
#include "future/promise.h"
#include "future/race.h"
#include "future/retry.h"
#include "future/scripted.h"
#include "future/select.h"
#include "future/shared.h"
#include "future/sleep.h"
#include "future/spawn.h"
#include "future/stream.h"
#include "future/stream_ops.h"
#include "future/task.h"
#include "future/task_local.h"
#include "future/timeout.h"
#include "future/try.h"
#include "future/when_all.h"
#include "gtest/gtest.h"

namespace weft {
namespace {

using IntOr = absl::StatusOr<int>;

constexpr TaskLocal<int> kNumber;

// What the futures of one run share.
struct Scene {
  FaultProbe* faults;
  ManualExecutor* executor;
  int alive = 0;
};

// Waits twice, in two ways, then gives `value`.
Task<int> Steps(Scene* scene, int value) {
  const Alive guard(&scene->alive);
  co_await YieldNow();
  co_await SleepFor(absl::Seconds(1));
  co_return value;
}

// The same as a future that may throw at its end.
auto Leaf(Scene* scene, int value = 1) { return scene->faults->Await(Steps(scene, value)); }
auto LeafOr(Scene* scene, int value = 1) {
  return Map(Leaf(scene, value), [](int x) { return IntOr(x); });
}

AsyncGenerator<int> Numbers(Scene* scene, int count) {
  const Alive guard(&scene->alive);
  for (int i = 1; i <= count; ++i) {
    const int item = co_await Leaf(scene, i);
    co_yield item;
  }
}

int SumOf(const std::vector<int>& items) {
  int sum = 0;
  for (const int item : items) sum += item;
  return sum;
}

// A future of 3 made of one thing, when all goes well.
struct Row {
  const char* name;
  Task<int> (*make)(Scene* scene);
};

// NOTE: each future is named before it is awaited, for GCC 12.
constexpr Row kRows[] = {
    {"AndThen",
     [](Scene* scene) -> Task<int> {
       auto f = AndThen(Leaf(scene), [scene](int x) { return Leaf(scene, x + 2); });
       const int result = co_await std::move(f);
       co_return result;
     }},
    {"OrElse",
     [](Scene* scene) -> Task<int> {
       auto f =
           Map(OrElse(Try(LeafOr(scene, 3)), [scene](Tried<IntOr>) { return LeafOr(scene, 3); }),
               [](IntOr x) { return *x; });
       const int result = co_await std::move(f);
       co_return result;
     }},
    {"Map",
     [](Scene* scene) -> Task<int> {
       auto f = Map(Leaf(scene), [](int x) { return x + 2; });
       const int result = co_await std::move(f);
       co_return result;
     }},
    {"Try",
     [](Scene* scene) -> Task<int> {
       auto f = Map(Try(Leaf(scene, 3)), [](Tried<int> x) { return std::move(x).Take(); });
       const int result = co_await std::move(f);
       co_return result;
     }},
    {"Lazy",
     [](Scene* scene) -> Task<int> {
       auto f = Lazy([scene] { return Leaf(scene, 3); });
       const int result = co_await std::move(f);
       co_return result;
     }},
    {"Fuse",
     [](Scene* scene) -> Task<int> {
       auto f = Fuse(Leaf(scene, 3));
       const int result = co_await std::move(f);
       co_return result;
     }},
    {"AnyFuture",
     [](Scene* scene) -> Task<int> {
       auto f = AnyFuture<int>(Leaf(scene, 3));
       const int result = co_await std::move(f);
       co_return result;
     }},
    {"AnyFutureOnTheHeap",
     [](Scene* scene) -> Task<int> {
       auto f = AnyFuture<int, 1>(Leaf(scene, 3));
       const int result = co_await std::move(f);
       co_return result;
     }},
    {"Shared",
     [](Scene* scene) -> Task<int> {
       auto f = Shared(Leaf(scene, 3));
       const int result = co_await std::move(f);
       co_return result;
     }},
    {"Finally",
     [](Scene* scene) -> Task<int> {
       auto f = Finally(Leaf(scene, 3), Map(Ready<>(), [] {}));
       const int result = co_await std::move(f);
       co_return result;
     }},
    {"WhenAll",
     [](Scene* scene) -> Task<int> {
       auto f = Map(WhenAll(Leaf(scene, 1), Leaf(scene, 2)), [](std::tuple<int, int> both) {
         return std::get<0>(both) + std::get<1>(both);
       });
       const int result = co_await std::move(f);
       co_return result;
     }},
    {"TryWhenAll",
     [](Scene* scene) -> Task<int> {
       auto f = Map(TryWhenAll(LeafOr(scene, 1), LeafOr(scene, 2)),
                    [](absl::StatusOr<std::tuple<int, int>> both) {
                      return std::get<0>(*both) + std::get<1>(*both);
                    });
       const int result = co_await std::move(f);
       co_return result;
     }},
    {"Race",
     [](Scene* scene) -> Task<int> {
       auto f = Race(Leaf(scene, 3), Leaf(scene, 3), Never<int>());
       const int result = co_await std::move(f);
       co_return result;
     }},
    {"Select",
     [](Scene* scene) -> Task<int> {
       auto f =
           Map(Select(Leaf(scene, 3), Never<int>()), [](auto first) { return std::get<0>(first); });
       const int result = co_await std::move(f);
       co_return result;
     }},
    {"FirstSuccess",
     [](Scene* scene) -> Task<int> {
       auto f = Map(FirstSuccess(LeafOr(scene, 3), LeafOr(scene, 3)), [](IntOr x) { return *x; });
       const int result = co_await std::move(f);
       co_return result;
     }},
    {"Timeout",
     [](Scene* scene) -> Task<int> {
       auto f = Map(Timeout(absl::Seconds(9), Leaf(scene, 3)), [](IntOr x) { return *x; });
       const int result = co_await std::move(f);
       co_return result;
     }},
    {"TimeoutThatEnds",
     [](Scene* scene) -> Task<int> {
       auto f = Map(Timeout(absl::Milliseconds(1), Leaf(scene, 3)),
                    [](IntOr x) { return x.ok() ? 0 : 3; });
       const int result = co_await std::move(f);
       co_return result;
     }},
    {"Retry",
     [](Scene* scene) -> Task<int> {
       auto f = Map(Retry({.seed = 1},
                          [scene, failures = 1]() mutable {
                            return Map(Leaf(scene, 3), [fails = failures-- > 0](int x) {
                              return fails ? IntOr(absl::UnavailableError("once")) : IntOr(x);
                            });
                          }),
                    [](IntOr x) { return x.value(); });
       const int result = co_await std::move(f);
       co_return result;
     }},
    {"Spawn",
     [](Scene* scene) -> Task<int> {
       auto f =
           Map(Spawn(*scene->executor, Leaf(scene, 3)), [](IntOr x) { return x.ok() ? *x : 3; });
       const int result = co_await std::move(f);
       co_return result;
     }},
    {"TaskLocal",
     [](Scene* scene) -> Task<int> {
       auto f = WithLocal(kNumber, 7, Leaf(scene, 3));
       const int result = co_await std::move(f);
       co_return result;
     }},
    {"Buffered",
     [](Scene* scene) -> Task<int> {
       auto f = Map(Collect(Buffered(MapItems(FromRange(std::vector<int>{1, 2}),
                                              [scene](int x) { return Leaf(scene, x); }),
                                     2)),
                    SumOf);
       const int result = co_await std::move(f);
       co_return result;
     }},
    {"BufferedUnordered",
     [](Scene* scene) -> Task<int> {
       auto f = Map(Collect(BufferedUnordered(
                        MapItems(Numbers(scene, 2), [scene](int x) { return Leaf(scene, x); }), 2)),
                    SumOf);
       const int result = co_await std::move(f);
       co_return result;
     }},
    {"Collect",
     [](Scene* scene) -> Task<int> {
       auto f = Map(Collect(Numbers(scene, 2)), SumOf);
       const int result = co_await std::move(f);
       co_return result;
     }},
    {"StreamOps",
     [](Scene* scene) -> Task<int> {
       auto f =
           Map(Collect(TakeItems(FilterItems(Numbers(scene, 9), [](int x) { return x == 3; }), 1)),
               SumOf);
       const int result = co_await std::move(f);
       co_return result;
     }},
    {"ForEach",
     [](Scene* scene) -> Task<int> {
       int sum = 0;
       auto each = ForEach(Numbers(scene, 2), [&sum](int x) { sum += x; });
       auto f = Map(std::move(each), [&sum] { return sum; });
       const int result = co_await std::move(f);
       co_return result;
     }},
    {"FuturesUnordered",
     [](Scene* scene) -> Task<int> {
       FuturesUnordered<Task<int>> set;
       set.Add(Steps(scene, 1));
       set.Add(Steps(scene, 2));
       auto sum = Map(scene->faults->Await(Next(set)), [](std::optional<int>) { return 3; });
       auto f = Finally(std::move(sum), Close(set));
       const int result = co_await std::move(f);
       co_return result;
     }},
    {"Promise",
     [](Scene* scene) -> Task<int> {
       auto [promise, future] = MakePromise<int>();
       auto set =
           Map(Leaf(scene, 3), [p = std::move(promise)](int x) mutable { std::move(p).Set(x); });
       auto f = Map(WhenAll(std::move(future), std::move(set)),
                    [](auto ends) { return std::get<0>(ends).value_or(0); });
       const int result = co_await std::move(f);
       co_return result;
     }},
    {"PollFn",
     [](Scene* scene) -> Task<int> {
       auto f = scene->faults->Await(PollFn([polls = 0](Context& cx) mutable -> Poll<int> {
         if (cx.StopRequested()) return kStopped;
         if (polls++ == 1) return 3;
         cx.waker().WakeByRef();
         return kPending;
       }));
       const int result = co_await std::move(f);
       co_return result;
     }},
};

std::string NameOf(const testing::TestParamInfo<Row>& info) { return info.param.name; }

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
    if (!probe.stop_requested()) EXPECT_TRUE(end.IsReady());
    if (end.IsReady()) EXPECT_EQ(end.value(), 3);
  });
}

TEST_P(EverywhereTest, LeavesNothingBehindWhateverThrows) {
  ThrowEverywhere([this](FaultProbe& probe) {
    auto end = RunRow(probe, &probe);
    if (!probe.has_struck()) EXPECT_EQ(end->value(), 3);
  });
}

TEST_P(EverywhereTest, LeavesNothingBehindWhicheverAllocationFails) {
  FailAllocationsEverywhere([this](FaultProbe& probe) {
    auto end = RunRow(probe, &probe);
    if (!probe.has_struck()) EXPECT_EQ(end->value(), 3);
  });
}

INSTANTIATE_TEST_SUITE_P(Rows, EverywhereTest, testing::ValuesIn(kRows), NameOf);

}  // namespace
}  // namespace weft
