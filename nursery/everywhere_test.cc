// Goal: each scope keeps its contract, and no child of it is left, with a stop at each suspension,
// an exception at each await, in children too, and each allocation failing.
#include "future/everywhere.h"

#include <new>
#include <optional>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "future/map.h"
#include "future/task.h"
#include "gtest/gtest.h"
#include "nursery/nursery.h"
#include "nursery/wait_all.h"
#include "nursery/wait_any.h"
#include "tools/stress/allocations.h"

namespace weft::everywhere {
namespace {

std::vector<decltype(Leaf(nullptr))> Leaves(Scene* scene) {
  std::vector<decltype(Leaf(nullptr))> leaves;
  for (int i = 1; i <= 2; ++i) leaves.push_back(Leaf(scene, i));
  return leaves;
}

// Two children and what is deferred; gives 3.
Task<int> Body(Nursery& nursery, Scene* scene) {
  nursery.Defer(Map(Leaf(scene), [](int) {}));
  nursery.Spawn(Leaf(scene));
  auto child = nursery.SpawnWithResult(Leaf(scene, 3));
  const absl::StatusOr<int> result = co_await std::move(child);
  co_return result.value_or(0);
}

// What a scope gives when it is not cancelled: 3, or the error of a child without memory.
auto OrThree(auto scope) {
  return Map(std::move(scope),
             [](const absl::StatusOr<int>& result) { return result.ok() ? *result : 3; });
}

constexpr Row kRows[] = {
    {"WithNursery",
     [](Scene* scene) { return Of([scene] { return OrThree(WithNursery(&Body, scene)); }); }},
    {"WithNurseryThatCollects",
     [](Scene* scene) {
       return Of([scene] {
         return OrThree(WithNursery({.policy = NurseryPolicy::kCollectAll}, &Body, scene));
       });
     }},
    {"WithNurseryUntilDeadline",
     [](Scene* scene) {
       return Of([scene] {
         const Instant deadline = scene->executor->Now() + absl::Milliseconds(1);
         return Map(WithNursery({.deadline = deadline}, &Body, scene),
                    [](const absl::StatusOr<int>& result) { return result.ok() ? 0 : 3; });
       });
     }},
    {"WaitAll",
     [](Scene* scene) {
       return Of([scene] {
         return Map(WaitAll(Leaves(scene)), [](const absl::StatusOr<std::vector<int>>& all) {
           return all.ok() ? (*all)[0] + (*all)[1] : 3;
         });
       });
     }},
    {"WaitAllSettled",
     [](Scene* scene) {
       return Of([scene] {
         return Map(WaitAllSettled(Leaves(scene)),
                    [](const auto& all) { return all[0].value_or(1) + all[1].value_or(2); });
       });
     }},
    {"WaitAny",
     [](Scene* scene) {
       return Of([scene] {
         return Map(WaitAny(AnyPolicy::kFirstSuccess, Leaves(scene)),
                    [](const absl::StatusOr<int>& any) { return any.ok() ? *any + 2 : 3; });
       });
     }},
};

// The scope was destroyed with its children alive.
TEST(NurseryFaultTest, Regression_AScopeWhoseTimerFailsAwaitsItsChildren) {
  const int places = FailAllocationsEverywhere([](FaultProbe& probe) {
    int alive = 0;
    Scene scene{&probe, &probe.executor()};
    auto body = [](Nursery& nursery, Scene* the_scene, int* alive_count) -> Task<int> {
      const Alive guard(alive_count);
      nursery.Spawn(Leaf(the_scene));
      const int result = co_await Leaf(the_scene);
      co_return result;
    };
    const Instant deadline = probe.executor().Now() + absl::Seconds(9);
    (void)probe.Run(WithNursery({.deadline = deadline}, body, &scene, &alive));
    EXPECT_EQ(scene.alive + alive, 0);
    EXPECT_EQ(probe.executor().live_tasks(), 0u);
  });
  EXPECT_GT(places, 3);
}

// The program was terminated.
TEST(NurseryFaultTest, Regression_AChildsErrorThatCannotBeKeptIsBadAlloc) {
  ManualExecutor executor;
  std::optional<stress::FailAllocation> failure;
  auto child = PollFn([&failure, error = absl::AbortedError("shoe")](Context&) mutable {
    failure.emplace(1);
    return Poll<absl::Status>(std::move(error));
  });
  auto body = [](Nursery& nursery, decltype(child) the_child) {
    nursery.Spawn(std::move(the_child));
    return Ready<absl::Status>(absl::OkStatus());
  };
  EXPECT_THROW((void)executor.BlockOn(WithNursery(body, std::move(child))), std::bad_alloc);
}

INSTANTIATE_TEST_SUITE_P(Rows, EverywhereTest, testing::ValuesIn(kRows), NameOf);

}  // namespace
}  // namespace weft::everywhere
