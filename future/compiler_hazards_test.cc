// What compilers are known to get wrong around coroutines, in the form in which this code base uses
// coroutines: each test would fail if that form were hit as well. README.md, Contract, says what to
// write instead of the forms that GCC 12 breaks.
//
//   symmetric transfer     GCC 12 grows the stack at -O0, -O1 and under sanitizers. task_test:
//                          TwoMillionSynchronousAwaitsUseNoStack, in every configuration.
//   owning temporaries     GCC 12 destroys some temporaries of a co_await expression twice: here
//                          arguments are named first, or are the parameters of a called coroutine.
//   vanishing bodies       GCC 12 (PR 106188) drops a body without locals of its own in which
//                          co_await stands in a condition: here the result is named first.
//   thread_local           An address may be kept across a suspension: here it is asked of a
//                          function that is not inlined, or by an instruction that compilers do
//                          not look into.
//   publishing handles     Clang 14 let await_suspend touch the frame after another thread had it.
//                          Here nothing but the driver resumes, after the frame has returned to it:
//                          spawn_stress_test, WakesFromManyThreadsAreNotLost.

#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <tuple>
#include <utility>

#include "future/block_on.h"
#include "future/frame_cache.h"
#include "future/map.h"
#include "future/poll_fn.h"
#include "future/spawn.h"
#include "future/task.h"
#include "future/test_pool.h"
#include "future/when_all.h"
#include "gtest/gtest.h"

namespace weft {
namespace {

// Counts constructions minus destructions; a double destruction makes it negative.
class Balanced {
 public:
  explicit Balanced(int* balance) : balance_(balance) { ++*balance_; }
  Balanced(const Balanced& other) : balance_(other.balance_) { ++*balance_; }
  Balanced(Balanced&& other) noexcept : balance_(other.balance_) { ++*balance_; }
  Balanced& operator=(const Balanced&) = default;
  ~Balanced() { --*balance_; }

 private:
  int* balance_;
};

Task<int> TakeByValue(Balanced, int value) { co_return value; }
Task<int> TakeTask(Task<int> task) { co_return co_await std::move(task); }

TEST(CompilerHazardsTest, NamedOwningArgumentsAreDestroyedOnce) {
  int balance = 0;
  auto body = [](int* count) -> Task<int> {
    Balanced owned(count);
    auto callable = [owned](int x) { return x + 1; };
    int mapped = co_await Map(Ready<int>(1), callable);
    int taken = co_await TakeByValue(owned, 2);
    co_return mapped + taken;
  };
  EXPECT_EQ(BlockOn(body(&balance)), 4);
  EXPECT_EQ(balance, 0);
}

TEST(CompilerHazardsTest, TasksMadeInTheAwaitExpressionAreDestroyedOnce) {
  int balance = 0;
  auto body = [](int* count) -> Task<int> {
    Balanced owned(count);
    int nested = co_await TakeTask(TakeTask(TakeByValue(owned, 5)));
    std::tuple<int, int> both = co_await WhenAll(TakeByValue(owned, 1), TakeByValue(owned, 2));
    co_return nested + std::get<0>(both) + std::get<1>(both);
  };
  EXPECT_EQ(BlockOn(body(&balance)), 8);
  EXPECT_EQ(balance, 0);
}

TEST(CompilerHazardsTest, ABodyThatNamesWhatItAwaitsBeforeItTestsItRuns) {
  int calls = 0;
  auto is_even = [](int x) -> Task<bool> { co_return x % 2 == 0; };
  auto body = [&](int x) -> Task<> {
    const bool even = co_await is_even(x);
    if (even) ++calls;
  };
  BlockOn(body(1));
  BlockOn(body(2));
  EXPECT_EQ(calls, 1);
}

TEST(CompilerHazardsTest, AwaitsInLoopsSwitchesAndTryBlocksRun) {
  auto number = [](int x) -> Task<int> { co_return x; };
  auto body = [&]() -> Task<std::string> {
    std::string text;
    for (int i = 0; i < 3; ++i) {
      const int value = co_await number(i);
      switch (value) {
        case 0:
          text += 'a';
          break;
        case 1: {
          const int more = co_await number(5);
          text += static_cast<char>('a' + more);
          break;
        }
        default:
          try {
            const int last = co_await number(25);
            text += static_cast<char>('a' + last);
            throw 1;
          } catch (int) {
            text += '!';
          }
      }
    }
    co_return text;
  };
  EXPECT_EQ(BlockOn(body()), "afz!");
}

thread_local std::thread::id this_thread_id;

[[gnu::noinline]] bool IsTlsOfThisThread() {
  if (this_thread_id == std::thread::id()) this_thread_id = std::this_thread::get_id();
  return this_thread_id == std::this_thread::get_id();
}

TEST(CompilerHazardsTest, ThreadLocalsBehindAFunctionAreThoseOfTheRunningThread) {
  TestPool pool(4);
  auto body = []() -> Task<int> {
    int wrong = 0;
    for (int i = 0; i < 500; ++i) {
      if (!IsTlsOfThisThread()) ++wrong;
      co_await YieldNow();
      if (!IsTlsOfThisThread()) ++wrong;
    }
    co_return wrong;
  };
  JoinHandle<int> first = Spawn(pool, body());
  JoinHandle<int> second = Spawn(pool, body());
  EXPECT_EQ(*BlockOn(std::move(first)), 0);
  EXPECT_EQ(*BlockOn(std::move(second)), 0);
}

// Puts `block` into a list of this thread that no frame uses; returns what was there.
[[gnu::noinline]] future_internal::FreeBlock* SetListOfThisThread(
    future_internal::FreeBlock* block) {
  asm volatile("");
  return std::exchange(future_internal::frame_lists[0].first, block);
}

// Inlined into the coroutine, as the allocation of frames is.
[[gnu::always_inline]] inline bool IsListOfThisThread() {
  future_internal::FreeBlock mark;
  future_internal::FreeBlock* const before = SetListOfThisThread(&mark);
  const bool is_there = future_internal::OwnFrameList(0).first() == &mark;
  return SetListOfThisThread(before) == &mark && is_there;
}

TEST(CompilerHazardsTest, FramesComeFromTheListsOfTheRunningThread) {
  TestPool pool(4);
  auto body = []() -> Task<int> {
    int wrong = 0;
    for (int i = 0; i < 500; ++i) {
      if (!IsListOfThisThread()) ++wrong;
      const int next = co_await TakeTask([](int x) -> Task<int> {
        co_await YieldNow();
        co_return x + 1;
      }(i));
      if (next != i + 1) ++wrong;
      if (!IsListOfThisThread()) ++wrong;
    }
    co_return wrong;
  };
  JoinHandle<int> first = Spawn(pool, body());
  JoinHandle<int> second = Spawn(pool, body());
  EXPECT_EQ(*BlockOn(std::move(first)), 0);
  EXPECT_EQ(*BlockOn(std::move(second)), 0);
}

}  // namespace
}  // namespace weft
