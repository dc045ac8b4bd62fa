// Goal: each leaf and combinator keeps its contract (CheckContract(), which the harnesses apply)
// and leaves nothing behind, with a stop at each suspension, an exception at each await and each
// allocation failing. One row of the table for each; tools/tidy refuses a header of a future or
// stream that this file does not include.
#include "future/everywhere.h"

#include <optional>
#include <tuple>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "future/and_then.h"
#include "future/any_future.h"
#include "future/finally.h"
#include "future/first_success.h"
#include "future/fuse.h"
#include "future/lazy.h"
#include "future/map.h"
#include "future/or_else.h"
#include "future/poll.h"
#include "future/poll_fn.h"
#include "future/promise.h"
#include "future/race.h"
#include "future/retry.h"
#include "future/select.h"
#include "future/shared.h"
#include "future/sleep.h"
#include "future/spawn.h"
#include "future/task.h"
#include "future/task_local.h"
#include "future/timeout.h"
#include "future/try.h"
#include "future/when_all.h"
#include "gtest/gtest.h"

namespace weft::everywhere {
namespace {

constexpr TaskLocal<int> kNumber;

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

INSTANTIATE_TEST_SUITE_P(Rows, EverywhereTest, testing::ValuesIn(kRows), NameOf);

}  // namespace
}  // namespace weft::everywhere
