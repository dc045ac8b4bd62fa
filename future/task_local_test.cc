#include "future/task_local.h"

#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "future/cancel.h"
#include "future/context.h"
#include "future/finally.h"
#include "future/manual_executor.h"
#include "future/poll_fn.h"
#include "future/race.h"
#include "future/shared.h"
#include "future/sleep.h"
#include "future/spawn.h"
#include "future/task.h"
#include "future/timeout.h"
#include "future/waker.h"
#include "future/when_all.h"
#include "gtest/gtest.h"

namespace weft {
namespace {

constexpr TaskLocal<std::string> kName;
constexpr TaskLocal<int> kDepth;
constexpr TaskLocal<std::shared_ptr<int>> kShared;

std::string NameOr(const std::string* name, const char* otherwise) {
  return name == nullptr ? otherwise : *name;
}

Task<std::string> ReadName() {
  co_await YieldNow();
  const std::string* const name = co_await kName.Current();
  co_return NameOr(name, "none");
}

TEST(TaskLocalTest, AValueThatIsNotSetIsNull) {
  const Waker waker;
  const CancelToken token;
  const Context cx(waker, token);
  EXPECT_EQ(kName.Get(cx), nullptr);
  ManualExecutor executor;
  EXPECT_EQ(executor.BlockOn(ReadName()).value(), "none");
}

TEST(TaskLocalTest, WhatIsAwaitedInsideSeesTheValueAndWhatComesAfterDoesNot) {
  ManualExecutor executor;
  auto outer = []() -> Task<std::string> {
    std::string inside = co_await WithLocal(kName, "a", ReadName());
    std::string after = co_await ReadName();
    co_return inside + " " + after;
  };
  EXPECT_EQ(executor.BlockOn(outer()).value(), "a none");
}

TEST(TaskLocalTest, TheInnermostValueOfAKeyCountsAndOtherKeysStay) {
  ManualExecutor executor;
  auto read_both = []() -> Task<std::string> {
    std::string name = co_await ReadName();
    const int* const depth = co_await kDepth.Current();
    co_return name + std::to_string(depth == nullptr ? -1 : *depth);
  };
  auto future =
      WithLocal(kName, "outer", WithLocal(kDepth, 7, WithLocal(kName, "inner", read_both())));
  EXPECT_EQ(executor.BlockOn(std::move(future)).value(), "inner7");
}

TEST(TaskLocalTest, ChildrenOfCombinatorsInherit) {
  ManualExecutor executor;
  auto body = []() -> Task<std::string> {
    auto both = WhenAll(ReadName(), WithLocal(kName, "own", ReadName()));
    auto [first, second] = co_await std::move(both);
    auto race = Race(ReadName(), Never<std::string>());
    std::string third = co_await std::move(race);
    auto timeout = Timeout(absl::Seconds(1), ReadName());
    auto fourth = co_await std::move(timeout);
    co_return first + second + third + fourth.value();
  };
  EXPECT_EQ(executor.BlockOn(WithLocal(kName, "x", body())).value(), "xownxx");
}

TEST(TaskLocalTest, ShieldedCleanUpSeesTheValueAlsoWhenTheBodyWasStopped) {
  ManualExecutor executor;
  std::string seen;
  auto cleanup = [&seen]() -> Task<> { seen = co_await ReadName(); };
  auto future = WithLocal(kName, "x", Finally(Never<>(), cleanup()));
  JoinHandle<void> handle = Spawn(executor, std::move(future));
  executor.RunUntilStalled();
  handle.Cancel();
  EXPECT_TRUE(absl::IsCancelled(executor.BlockOn(std::move(handle))));
  EXPECT_EQ(seen, "x");
}

TEST(TaskLocalTest, ASpawnedTaskSeesOnlyWhatItIsGiven) {
  ManualExecutor executor;
  std::optional<JoinHandle<std::string>> bare;
  std::optional<JoinHandle<std::string>> given;
  auto body = [&]() -> Task<> {
    bare.emplace(Spawn(executor, ReadName()));
    TaskLocals locals = co_await CurrentLocals();
    given.emplace(Spawn(executor, WithLocals(std::move(locals), ReadName())));
  };
  // The spawner and its WithLocal() are gone before the tasks run.
  EXPECT_TRUE(executor.BlockOn(WithLocal(kName, "given", body())).ok());
  EXPECT_EQ(executor.BlockOn(*std::move(bare)).value(), "none");
  EXPECT_EQ(executor.BlockOn(*std::move(given)).value(), "given");
}

TEST(TaskLocalTest, ASharedFutureSeesNoValueOfItsAwaiters) {
  ManualExecutor executor;
  EXPECT_EQ(executor.BlockOn(WithLocal(kName, "x", Shared(ReadName()))).value(), "none");
}

TEST(TaskLocalTest, AValueLivesAsLongAsSomebodyRefersToIt) {
  const auto value = std::make_shared<int>(5);
  ManualExecutor executor;
  TaskLocals kept;
  auto body = [&kept]() -> Task<> { kept = co_await CurrentLocals(); };
  EXPECT_TRUE(executor.BlockOn(WithLocal(kShared, value, body())).ok());
  EXPECT_EQ(value.use_count(), 2);
  const TaskLocals copy = kept;
  kept = TaskLocals();
  EXPECT_EQ(value.use_count(), 2);
  auto read = [](const TaskLocals& locals) -> Task<int> {
    auto inner = WithLocals(locals, kShared.Current());
    const std::shared_ptr<int>* const found = co_await std::move(inner);
    co_return **found;
  };
  EXPECT_EQ(executor.BlockOn(read(copy)).value(), 5);
}

TEST(TaskLocalTest, AFutureThatIsNeverPolledLeaksNothing) {
  const auto value = std::make_shared<int>(5);
  {
    auto future = WithLocal(kShared, value, ReadName());
  }
  EXPECT_EQ(value.use_count(), 1);
}

TEST(TaskLocalTest, AMillionNestedValuesAreFreedWithoutAStack) {
  const Waker waker;
  const CancelToken token;
  TaskLocals locals;
  for (int i = 0; i < 1'000'000; ++i) {
    Context cx = Context(waker, token).WithLocals(locals.node());
    locals = WithLocal(kDepth, i, CurrentLocals()).poll(cx).value();
  }
  const Context cx = Context(waker, token).WithLocals(locals.node());
  EXPECT_EQ(*kDepth.Get(cx), 999'999);
}

}  // namespace
}  // namespace weft
