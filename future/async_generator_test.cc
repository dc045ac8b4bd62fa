#include "future/async_generator.h"

#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "future/cancel.h"
#include "future/cancel_harness.h"
#include "future/context.h"
#include "future/manual_executor.h"
#include "future/poll_fn.h"
#include "future/sleep.h"
#include "future/stream.h"
#include "future/stream_ops.h"
#include "future/task.h"
#include "future/waker.h"
#include "gtest/gtest.h"

namespace weft {
namespace {

using Ints = std::vector<int>;

Task<int> After(int milliseconds, int value) {
  co_await SleepFor(absl::Milliseconds(milliseconds));
  co_return value;
}

AsyncGenerator<std::string> Words(int count, int* destroyed) {
  struct Guard {
    explicit Guard(int* the_count) : count(the_count) {}
    ~Guard() { ++*count; }
    int* count;
  };
  Guard guard(destroyed);
  for (int i = 1; i <= count; ++i) {
    const int number = co_await After(1, i);
    if (i % 2 == 0) co_await YieldNow();
    std::string word = std::string(20, 'w') + std::to_string(number);
    co_yield std::move(word);
  }
}

TEST(AsyncGeneratorTest, YieldsAndWaits) {
  int destroyed = 0;
  auto lengths = MapItems(Words(3, &destroyed), [](std::string word) { return word.back() - '0'; });
  EXPECT_EQ(*ManualExecutor().BlockOn(Collect(std::move(lengths))), (Ints{1, 2, 3}));
  EXPECT_EQ(destroyed, 1);
  {
    auto never_polled = Words(3, &destroyed);
  }
  EXPECT_EQ(destroyed, 1);
  EXPECT_EQ(ManualExecutor().BlockOn(Collect(TakeItems(Words(1'000'000, &destroyed), 2)))->size(),
            2u);
  EXPECT_EQ(destroyed, 2);
}

AsyncGenerator<int> FailAfter(int count) {
  for (int i = 0; i < count; ++i) co_yield i;
  throw std::runtime_error("generator");
}

TEST(AsyncGeneratorTest, ItsExceptionComesAfterItsItems) {
  Ints seen;
  auto body = ForEach(FailAfter(2), [&](int n) { seen.push_back(n); });
  EXPECT_THROW((void)ManualExecutor().BlockOn(std::move(body)), std::runtime_error);
  EXPECT_EQ(seen, (Ints{0, 1}));
}

TEST(AsyncGeneratorTest, IsUnwoundWhereverItIsCancelled) {
  const int points = CancelEverywhere([](CancelProbe& probe) {
    int destroyed = 0;
    auto result = probe.Run(Collect(Words(3, &destroyed)));
    EXPECT_TRUE(result.IsReady() || probe.stop_requested());
    EXPECT_LE(destroyed, 1);
    EXPECT_TRUE(destroyed == 1 || result.IsStopped());
  });
  EXPECT_GT(points, 3);
}

TEST(AsyncGeneratorDeathTest, OneInFlightIsClosedBeforeItGoes) {
  EXPECT_DEATH(
      {
        int destroyed = 0;
        auto words = Words(1, &destroyed);
        ManualExecutor executor;
        Waker waker;
        CancelToken token;
        Context cx(waker, token, &executor);
        (void)words.poll_next(cx);
        // Goes on to ~AsyncGenerator().
      },
      "destroyed while it is suspended; Close");
}

}  // namespace
}  // namespace weft
