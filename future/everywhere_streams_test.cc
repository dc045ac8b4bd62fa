// Goal: as everywhere_test.cc, for streams.
#include <functional>
#include <optional>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "base/instant.h"
#include "future/any_stream.h"
#include "future/async_generator.h"
#include "future/buffered.h"
#include "future/chunk_items.h"
#include "future/concat.h"
#include "future/debounce_items.h"
#include "future/everywhere.h"
#include "future/finally.h"
#include "future/flatten_unordered.h"
#include "future/from_futures.h"
#include "future/futures_unordered.h"
#include "future/map.h"
#include "future/merge.h"
#include "future/peekable.h"
#include "future/retry_items.h"
#include "future/scripted.h"
#include "future/sleep.h"
#include "future/stream.h"
#include "future/stream_ops.h"
#include "future/take_until.h"
#include "future/task.h"
#include "future/ticks.h"
#include "future/timeout_items.h"
#include "future/try.h"
#include "future/try_items.h"
#include "future/zip.h"
#include "gtest/gtest.h"

namespace weft::everywhere {
namespace {

// 1 to `count`, each after two waits.
AsyncGenerator<int> Numbers(Scene* scene, int count) {
  const Alive guard(&scene->alive);
  for (int i = 1; i <= count; ++i) {
    const int item = co_await Leaf(scene, i);
    co_yield item;
  }
}

auto LeafOf(Scene* scene) {
  return [scene](int x) { return Leaf(scene, x); };
}

auto Range() { return FromRange(std::vector<int>{1, 2}); }

std::vector<FutureStream<decltype(Leaf(nullptr))>> Many(Scene* scene) {
  std::vector<FutureStream<decltype(Leaf(nullptr))>> streams;
  for (int i = 1; i <= 2; ++i) streams.push_back(FromFuture(Leaf(scene, i)));
  return streams;
}

// 1 and 2, each in a stream of its own.
auto Nested(Scene* scene) {
  return MapItems(Numbers(scene, 2),
                  [scene](int x) { return SkipItems(Numbers(scene, x), x - 1); });
}

// Errors at first, then 3.
auto Failing(Scene* scene, int* attempts) {
  const bool is_error = ++*attempts < 3;
  return MapItems(Numbers(scene, is_error ? 9 : 1),
                  [is_error](int) { return is_error ? IntOr(absl::AbortedError("x")) : IntOr(3); });
}

// The first of two items, and the second, which is looked at before.
Task<int> PeekAtBoth(Scene* scene, PeekableStream<AsyncGenerator<int>>* items) {
  std::optional<int> first = co_await scene->faults->Await(Next(*items));
  const int* second = co_await scene->faults->Await(Peek(*items));
  co_return *first + *second;
}

IntOr ErrorAt3(int x) { return x < 3 ? IntOr(x) : absl::AbortedError("three"); }

template <Stream S>
auto Sum(S stream) {
  return Fold(std::move(stream), 0, std::plus<>());
}

constexpr Row kRows[] = {
    {"Buffered",
     [](Scene* scene) {
       return Of([scene] { return Sum(Buffered(MapItems(Range(), LeafOf(scene)), 2)); });
     }},
    {"BufferedUnordered",
     [](Scene* scene) {
       return Of([scene] {
         return Sum(BufferedUnordered(MapItems(Numbers(scene, 2), LeafOf(scene)), 2));
       });
     }},
    {"ForEach",
     [](Scene* scene) {
       return Of([scene] { return Map(ForEach(Numbers(scene, 2), [](int) {}), [] { return 3; }); });
     }},
    {"Fold",
     [](Scene* scene) {
       return Of([scene] { return Fold(Numbers(scene, 2), 0, std::plus<>()); });
     }},
    {"Collect",
     [](Scene* scene) {
       return Of([scene] {
         return Map(Collect(Numbers(scene, 2)),
                    [](const std::vector<int>& items) { return items[0] + items[1]; });
       });
     }},
    {"FirstItem",
     [](Scene* scene) {
       return Of([scene] {
         return Map(FirstItem(SkipItems(Numbers(scene, 9), 2)),
                    [](std::optional<int> item) { return *item; });
       });
     }},
    {"FilterAndTake",
     [](Scene* scene) {
       return Of([scene] {
         return Sum(TakeItems(FilterItems(Numbers(scene, 9), [](int x) { return x == 3; }), 1));
       });
     }},
    {"FilterMap",
     [](Scene* scene) {
       return Of([scene] {
         return Sum(FilterMapItems(Numbers(scene, 3),
                                   [](int x) { return x == 3 ? std::optional(x) : std::nullopt; }));
       });
     }},
    {"TakeWhile",
     [](Scene* scene) {
       return Of(
           [scene] { return Sum(TakeItemsWhile(Numbers(scene, 9), [](int x) { return x < 3; })); });
     }},
    {"SkipWhile",
     [](Scene* scene) {
       return Of(
           [scene] { return Sum(SkipItemsWhile(Numbers(scene, 3), [](int x) { return x < 3; })); });
     }},
    {"Scan",
     [](Scene* scene) {
       return Of([scene] {
         return Map(FirstItem(SkipItems(ScanItems(Numbers(scene, 2), 0, std::plus<>()), 1)),
                    [](std::optional<int> sum) { return *sum; });
       });
     }},
    {"Merge",
     [](Scene* scene) {
       return Of([scene] { return Sum(Merge(Numbers(scene, 1), FromFuture(Leaf(scene, 2)))); });
     }},
    {"MergeOfMany", [](Scene* scene) { return Of([scene] { return Sum(Merge(Many(scene))); }); }},
    {"Zip",
     [](Scene* scene) {
       return Of([scene] {
         return Map(Collect(Zip(Numbers(scene, 1), Numbers(scene, 9))),
                    [](const auto& pairs) { return pairs.size() == 1 ? 3 : 0; });
       });
     }},
    {"Concat",
     [](Scene* scene) {
       return Of([scene] {
         return Sum(Concat(FromFuture(Leaf(scene, 1)), SkipItems(Numbers(scene, 2), 1)));
       });
     }},
    {"Flatten",
     [](Scene* scene) { return Of([scene] { return Sum(FlattenItems(Nested(scene))); }); }},
    {"FlattenUnordered",
     [](Scene* scene) { return Of([scene] { return Sum(FlattenUnordered(Nested(scene), 2)); }); }},
    {"FlattenUnorderedOneByOne",
     [](Scene* scene) { return Of([scene] { return Sum(FlattenUnordered(Nested(scene), 1)); }); }},
    {"Then",
     [](Scene* scene) {
       return Of([scene] { return Sum(ThenItems(Numbers(scene, 2), LeafOf(scene))); });
     }},
    {"Timeout",
     [](Scene* scene) {
       return Of([scene] {
         return Sum(MapItems(TimeoutItems(absl::Seconds(9), Numbers(scene, 2)),
                             [](IntOr x) { return *x; }));
       });
     }},
    {"TimeoutThatEnds",
     [](Scene* scene) {
       return Of([scene] {
         return Sum(MapItems(TimeoutItems(absl::Milliseconds(1), Numbers(scene, 2)),
                             [](IntOr x) { return x.ok() ? 0 : 3; }));
       });
     }},
    {"DeadlineThatEnds",
     [](Scene* scene) {
       return Of([scene] {
         return Sum(
             MapItems(WithDeadlineItems(Instant() + absl::Milliseconds(1500), Numbers(scene, 2)),
                      [](IntOr x) { return x.value_or(2); }));
       });
     }},
    {"Chunks",
     [](Scene* scene) {
       return Of([scene] {
         return Map(Collect(ChunkItems(Numbers(scene, 3), 2)),
                    [](const auto& chunks) { return chunks[1][0]; });
       });
     }},
    {"ReadyChunks",
     [](Scene* scene) {
       return Of([scene] {
         return Sum(MapItems(ReadyChunks(Numbers(scene, 2), 2),
                             [](const auto& chunk) { return chunk[0]; }));
       });
     }},
    {"Try",
     [](Scene* scene) {
       return Of([scene] {
         return Sum(MapItems(TryItems(Numbers(scene, 2)),
                             [](Tried<int> x) { return std::move(x).Take(); }));
       });
     }},
    {"Fuse",
     [](Scene* scene) { return Of([scene] { return Sum(FuseItems(Numbers(scene, 2))); }); }},
    {"TryCollect",
     [](Scene* scene) {
       return Of([scene] {
         return Map(TryCollect(MapItems(Numbers(scene, 3), [](int x) { return IntOr(x); })),
                    [](absl::StatusOr<std::vector<int>> items) { return (*items)[2]; });
       });
     }},
    {"TryForEach",
     [](Scene* scene) {
       return Of([scene] {
         return Map(TryForEach(Numbers(scene, 9), ErrorAt3),
                    [](const absl::Status& status) { return absl::IsAborted(status) ? 3 : 0; });
       });
     }},
    {"TryFold",
     [](Scene* scene) {
       return Of([scene] {
         auto items = MapItems(Numbers(scene, 2), [](int x) { return IntOr(x); });
         return Map(TryFold(std::move(items), 0, std::plus<>()), [](IntOr sum) { return *sum; });
       });
     }},
    {"TryFoldThatFails",
     [](Scene* scene) {
       return Of([scene] {
         return Map(TryFold(Numbers(scene, 9), 0, [](int, int x) -> IntOr { return ErrorAt3(x); }),
                    [](const IntOr& sum) { return absl::IsAborted(sum.status()) ? 3 : 0; });
       });
     }},
    {"AnyStream",
     [](Scene* scene) {
       return Of([scene] {
         return Sum(Concat(AnyStream<int>(FromFuture(Leaf(scene, 1))),
                           AnyStream<int, 1>(FromFuture(Leaf(scene, 2)))));
       });
     }},
    {"FromFutures",
     [](Scene* scene) {
       return Of([scene] {
         return Sum(FromFutures([scene, n = 0]() mutable {
           return Map(Leaf(scene, ++n),
                      [](int x) { return x < 3 ? std::optional(x) : std::nullopt; });
         }));
       });
     }},
    {"Ticks",
     [](Scene* scene) {
       return Of([scene] {
         auto pairs = Zip(Numbers(scene, 2), Ticks(absl::Seconds(3)));
         return Sum(MapItems(std::move(pairs), [](auto pair) { return std::get<0>(pair); }));
       });
     }},
    {"TakeUntil",
     [](Scene* scene) {
       return Of(
           [scene] { return Sum(TakeItemsUntil(Numbers(scene, 2), SleepFor(absl::Seconds(9)))); });
     }},
    {"TakeUntilThatEnds",
     [](Scene* scene) {
       return Of([scene] {
         return Map(Collect(TakeItemsUntil(Numbers(scene, 9), Leaf(scene))),
                    [](const std::vector<int>& items) { return items.size() < 9 ? 3 : 0; });
       });
     }},
    {"Debounce",
     [](Scene* scene) {
       return Of([scene] {
         return Sum(DebounceItems(absl::Milliseconds(500),
                                  FilterItems(Numbers(scene, 2), [](int) { return true; })));
       });
     }},
    {"Retry",
     [](Scene* scene) {
       return Of([scene] {
         auto items = RetryItems(
             {.seed = 1}, [scene, attempts = 0]() mutable { return Failing(scene, &attempts); });
         return Sum(MapItems(std::move(items), [](IntOr x) { return x.value_or(0); }));
       });
     }},
    {"RetryThatGivesUp",
     [](Scene* scene) {
       return Of([scene] {
         auto items = RetryItems({.max_attempts = 2, .seed = 1}, [scene, attempts = 0]() mutable {
           return Failing(scene, &attempts);
         });
         return Sum(MapItems(std::move(items), [](IntOr x) { return x.value_or(3); }));
       });
     }},
    {"Peek",
     [](Scene* scene) -> Task<int> {
       auto items = PeekItems(Numbers(scene, 2));
       auto f = Finally(PeekAtBoth(scene, &items), Close(items));
       const int result = co_await std::move(f);
       co_return result;
     }},
    {"ForEachConcurrent",
     [](Scene* scene) {
       return Of([scene] {
         return Map(ForEachConcurrent(Numbers(scene, 3), 2, LeafOf(scene)), [] { return 3; });
       });
     }},
    {"TryForEachConcurrent",
     [](Scene* scene) {
       return Of([scene] {
         return Map(TryForEachConcurrent(Numbers(scene, 2), 2,
                                         [scene](int x) { return LeafOr(scene, x); }),
                    [](const absl::Status& status) { return status.ok() ? 3 : 0; });
       });
     }},
    {"TryForEachConcurrentThatFails",
     [](Scene* scene) {
       return Of([scene] {
         const auto fail = [scene](int x) { return Map(Leaf(scene, x + 1), ErrorAt3); };
         return Map(TryForEachConcurrent(Numbers(scene, 9), 2, fail),
                    [](const absl::Status& status) { return absl::IsAborted(status) ? 3 : 0; });
       });
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
};

INSTANTIATE_TEST_SUITE_P(Rows, EverywhereTest, testing::ValuesIn(kRows), NameOf);

}  // namespace
}  // namespace weft::everywhere
