// Goal: each future of this package keeps its contract and gives back what it had, with a stop at
// each suspension, an exception at each await and each allocation failing.
#include "future/everywhere.h"

#include <cstddef>
#include <optional>
#include <tuple>
#include <utility>

#include "absl/status/statusor.h"
#include "future/map.h"
#include "future/spawn.h"
#include "future/task.h"
#include "future/when_all.h"
#include "gtest/gtest.h"
#include "sync/async_mutex.h"
#include "sync/notify.h"
#include "sync/semaphore.h"
#include "sync/spawn_gate.h"

namespace weft::everywhere {
namespace {

// Gives `value` when `acquire` has given its guard and some time has passed.
template <typename Acquire>
Task<int> Holding(Scene* scene, Acquire acquire, int value) {
  auto guard = co_await scene->faults->Await(std::move(acquire));
  const int result = co_await Leaf(scene, value);
  co_return result;
}

// 3, made by two who want the same.
template <typename F>
auto Both(F first, F second) {
  return Map(WhenAll(std::move(first), std::move(second)),
             [](std::tuple<int, int> both) { return std::get<0>(both) + std::get<1>(both); });
}

// Expects in the end that all is free.
template <typename T>
struct ExpectFree {
  ~ExpectFree() { EXPECT_EQ(owner.available(), count); }
  T& owner;
  const std::size_t count;
};

Task<int> Woken(Scene* scene, Notify& notify, int value) {
  co_await scene->faults->Await(notify.Wait());
  co_return value;
}

Task<int> Wakes(Scene* scene, Notify& notify, int value) {
  const int result = co_await Leaf(scene, value);
  notify.NotifyOne();
  co_return result;
}

Task<int> Admitted(Scene* scene, SpawnGate& gate, int value) {
  absl::StatusOr<Admission> admission = co_await scene->faults->Await(gate.Admit());
  auto handle = (*std::move(admission)).Spawn(Leaf(scene, value));
  const absl::StatusOr<int> result = co_await std::move(handle);
  co_return result.value_or(value);  // a task that was stopped, or had no memory
}

constexpr Row kRows[] = {
    {"Lock",
     [](Scene* scene) -> Task<int> {
       AsyncMutex mutex;  // checks in the end that it is unlocked
       auto both = Both(Holding(scene, mutex.Lock(), 1), Holding(scene, mutex.Lock(), 2));
       const int result = co_await std::move(both);
       co_return result;
     }},
    {"Acquire",
     [](Scene* scene) -> Task<int> {
       Semaphore semaphore(3);
       const ExpectFree<Semaphore> free{semaphore, 3};
       auto both =
           Both(Holding(scene, semaphore.Acquire(2), 1), Holding(scene, semaphore.Acquire(3), 2));
       const int result = co_await std::move(both);
       co_return result;
     }},
    {"Notify",
     [](Scene* scene) -> Task<int> {
       Notify notify;
       auto both = Both(Woken(scene, notify, 1), Wakes(scene, notify, 2));
       const int result = co_await std::move(both);
       co_return result;
     }},
    {"Admit",
     [](Scene* scene) -> Task<int> {
       SpawnGate gate(*scene->executor, 1);
       auto both = Both(Admitted(scene, gate, 1), Admitted(scene, gate, 2));
       const int result = co_await std::move(both);
       co_return result;
     }},
};

INSTANTIATE_TEST_SUITE_P(Rows, EverywhereTest, testing::ValuesIn(kRows), NameOf);

}  // namespace
}  // namespace weft::everywhere
