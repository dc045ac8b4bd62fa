// What an await chain shows: the right lines, from the leaf to the root and into combinators, and
// nothing where nothing waits.

#include "future/await_chain.h"

#include <source_location>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "future/async_generator.h"
#include "future/context.h"
#include "future/finally.h"
#include "future/or_return.h"
#include "future/poll.h"
#include "future/poll_fn.h"
#include "future/race.h"
#include "future/scripted.h"
#include "future/task.h"
#include "future/timeout.h"
#include "future/when_all.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace weft {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// Ready when the flag is set.
class Gate {
 public:
  using Output = int;

  explicit Gate(const bool* is_open) : is_open_(is_open) {}

  Poll<int> poll(Context& cx) {
    if (cx.StopRequested()) return kStopped;
    if (!*is_open_) return kPending;
    return 1;
  }

 private:
  const bool* is_open_;
};

class AwaitChainTest : public ScriptedTest {
 protected:
  bool is_open_ = false;
};

template <typename F>
std::vector<AwaitStep> StepsOf(const F& future) {
  std::vector<AwaitStep> steps;
  VisitAwaitChain(future, [&steps](const AwaitStep& step) { steps.push_back(step); });
  return steps;
}

template <typename F>
std::vector<int> LinesOf(const F& future) {
  std::vector<int> lines;
  for (const AwaitStep& step : StepsOf(future)) {
    lines.push_back(static_cast<int>(step.location.line()));
  }
  return lines;
}

// The steps without what compilers name differently: "nesting line awaits".
template <typename F>
std::vector<std::string> OutlineOf(const F& future) {
  std::vector<std::string> outline;
  for (const AwaitStep& step : StepsOf(future)) {
    std::string_view awaits = step.awaits.substr(0, step.awaits.find('<'));
    outline.push_back(std::to_string(step.nesting) + " " + std::to_string(step.location.line()) +
                      " " + std::string(awaits.substr(awaits.rfind(':') + 1)));
  }
  return outline;
}

constexpr int kLeafLine = __LINE__ + 2;
Task<int> Leaf(const bool* is_open) {
  const int first = co_await Gate(is_open);
  co_return first + 1;
}

constexpr int kMiddleLine = __LINE__ + 3;
Task<int> Middle(const bool* is_open) {
  const int nothing = co_await Ready<int>(0);
  const int first = co_await Leaf(is_open);
  const int second = co_await Leaf(is_open);
  co_return nothing + first + second;
}

constexpr int kRootLine = __LINE__ + 2;
Task<int> Root(const bool* is_open) {
  const int result = co_await Middle(is_open);
  co_return result;
}

TEST_F(AwaitChainTest, AChainOfThreeTasksShowsItsLinesFromTheLeafToTheRoot) {
  Task<int> task = Root(&is_open_);
  EXPECT_TRUE(Poll(task).IsPending());
  const std::vector<AwaitStep> steps = StepsOf(task);
  ASSERT_EQ(steps.size(), 3u);
  EXPECT_THAT(LinesOf(task), ElementsAre(kLeafLine, kMiddleLine, kRootLine));
  EXPECT_THAT(std::string(steps[0].awaits), HasSubstr("Gate"));
  EXPECT_EQ(steps[1].awaits, "");
  EXPECT_EQ(steps[2].awaits, "");
  const std::vector<std::string_view> names = {"Leaf", "Middle", "Root"};
  for (size_t i = 0; i < steps.size(); ++i) {
    EXPECT_THAT(steps[i].location.function_name(), HasSubstr(std::string(names[i])));
    EXPECT_THAT(steps[i].location.file_name(), HasSubstr("await_chain_test.cc"));
    EXPECT_NE(steps[i].resume_address, nullptr);
    EXPECT_EQ(steps[i].nesting, 0);
  }
  is_open_ = true;
  EXPECT_EQ(Poll(task).value(), 4);
}

TEST_F(AwaitChainTest, AnAwaitThatIsResumedIsFollowedByTheNextOne) {
  bool second_is_open = false;
  constexpr int kFirst = __LINE__ + 2;
  auto body = [](const bool* first, const bool* second) -> Task<int> {
    int sum = co_await Gate(first);
    sum += co_await Leaf(second);
    co_return sum;
  };
  Task<int> task = body(&is_open_, &second_is_open);
  EXPECT_TRUE(Poll(task).IsPending());
  EXPECT_THAT(LinesOf(task), ElementsAre(kFirst));
  is_open_ = true;
  EXPECT_TRUE(Poll(task).IsPending());
  EXPECT_THAT(LinesOf(task), ElementsAre(kLeafLine, kFirst + 1));
  second_is_open = true;
  EXPECT_EQ(Poll(task).value(), 3);
}

TEST_F(AwaitChainTest, WhatHasNotBegunIsOneStepWithoutALine) {
  Task<int> task = Root(&is_open_);
  const std::vector<AwaitStep> steps = StepsOf(task);
  ASSERT_EQ(steps.size(), 1u);
  EXPECT_EQ(steps[0].location.line(), 0u);
  EXPECT_NE(steps[0].resume_address, nullptr);
  EXPECT_EQ(ToString(steps[0]), "a coroutine that has not begun");
  const Task<int> moved = std::move(task);
  EXPECT_THAT(LinesOf(task), IsEmpty());
}

TEST_F(AwaitChainTest, AfterTheEndThereIsNothing) {
  is_open_ = true;
  Task<int> at_once = Root(&is_open_);
  EXPECT_EQ(Poll(at_once).value(), 4);
  EXPECT_THAT(LinesOf(at_once), IsEmpty());
  is_open_ = false;
  Task<int> later = Root(&is_open_);
  EXPECT_TRUE(Poll(later).IsPending());
  is_open_ = true;
  EXPECT_EQ(Poll(later).value(), 4);
  EXPECT_THAT(LinesOf(later), IsEmpty());
}

TEST_F(AwaitChainTest, AfterUnwindingThereIsNothing) {
  Task<int> task = Root(&is_open_);
  EXPECT_TRUE(Poll(task).IsPending());
  source_.Cancel();
  EXPECT_TRUE(Poll(task).IsStopped());
  EXPECT_THAT(LinesOf(task), IsEmpty());
}

TEST_F(AwaitChainTest, AfterAnEarlyReturnOrAnExceptionThereIsNothing) {
  auto leaver = [](const bool* is_open) -> Task<absl::StatusOr<int>> {
    const int value = co_await Leaf(is_open);
    const absl::Status error = absl::NotFoundError("no shoe");
    co_await OrReturn(error);
    co_return value;
  };
  Task<absl::StatusOr<int>> leaving = leaver(&is_open_);
  auto thrower = [](const bool* is_open) -> Task<int> {
    co_await Leaf(is_open);
    throw std::runtime_error("lost a shoe");
  };
  Task<int> throwing = thrower(&is_open_);
  EXPECT_TRUE(Poll(leaving).IsPending());
  EXPECT_TRUE(Poll(throwing).IsPending());
  EXPECT_EQ(LinesOf(leaving).size(), 2u);
  is_open_ = true;
  EXPECT_TRUE(absl::IsNotFound(Poll(leaving).value().status()));
  EXPECT_THROW((void)Poll(throwing), std::runtime_error);
  EXPECT_THAT(LinesOf(leaving), IsEmpty());
  EXPECT_THAT(LinesOf(throwing), IsEmpty());
}

TEST_F(AwaitChainTest, CombinatorsAreNamedAndShowTheirChildrenThatWait) {
  constexpr int kAwait = __LINE__ + 4;
  auto body = [](const bool* is_open) -> Task<int> {
    auto all = WhenAll(Middle(is_open), Ready<int>(1), Race(Gate(is_open), Never<int>()));
    auto timeout = Timeout(absl::Seconds(1), std::move(all));
    const auto result = co_await std::move(timeout);
    co_return result.ok() ? 1 : 0;
  };
  Task<int> task = body(&is_open_);
  EXPECT_TRUE(Poll(task).IsPending());
  EXPECT_THAT(OutlineOf(task),
              ElementsAre("0 " + std::to_string(kAwait) + " TimeoutFuture", "1 0 WhenAllFuture",
                          "2 " + std::to_string(kLeafLine) + " Gate",
                          "2 " + std::to_string(kMiddleLine) + " ", "2 0 RaceFuture", "3 0 Gate",
                          "3 0 Never"));
  EXPECT_EQ(ToString(StepsOf(task)[6]), "      awaits weft::Never<int>");
  is_open_ = true;
  EXPECT_EQ(Poll(task).value(), 1);
}

TEST_F(AwaitChainTest, AFutureThatIsNoTaskIsTheRoot) {
  auto pair = WhenAll(Leaf(&is_open_), Never<>());
  EXPECT_TRUE(Poll(pair).IsPending());
  EXPECT_THAT(
      OutlineOf(pair),
      ElementsAre("0 0 WhenAllFuture", "1 " + std::to_string(kLeafLine) + " Gate", "1 0 Never"));
  source_.Cancel();
  EXPECT_TRUE(Poll(pair).IsStopped());
  EXPECT_THAT(OutlineOf(pair), ElementsAre("0 0 WhenAllFuture"));
}

TEST_F(AwaitChainTest, CleanUpIsShownWhenItRuns) {
  auto wait = [](const bool* is_open) -> Task<> { co_await Leaf(is_open); };
  auto guarded = Finally(Gate(&is_open_), wait(&is_open_));
  EXPECT_TRUE(Poll(guarded).IsPending());
  EXPECT_THAT(OutlineOf(guarded), ElementsAre("0 0 FinallyFuture", "1 0 Gate"));
  source_.Cancel();
  EXPECT_TRUE(Poll(guarded).IsPending());
  EXPECT_EQ(OutlineOf(guarded).size(), 3u);
  is_open_ = true;
  EXPECT_TRUE(Poll(guarded).IsStopped());
}

TEST_F(AwaitChainTest, AGeneratorStandsAtItsYieldOrWaits) {
  constexpr int kYield = __LINE__ + 2;
  auto body = [](const bool* is_open) -> AsyncGenerator<int> {
    co_yield 1;
    const int more = co_await Leaf(is_open);
    co_yield more;
  };
  AsyncGenerator<int> numbers = body(&is_open_);
  Context cx(waker_, source_.token(), &executor_);
  EXPECT_EQ(StepsOf(numbers).size(), 1u);
  EXPECT_EQ(numbers.poll_next(cx).value(), 1);
  EXPECT_THAT(LinesOf(numbers), ElementsAre(kYield));
  EXPECT_TRUE(numbers.poll_next(cx).IsPending());
  EXPECT_THAT(LinesOf(numbers), ElementsAre(kLeafLine, kYield + 1));
  source_.Cancel();
  EXPECT_TRUE(numbers.poll_next(cx).IsStopped());
  EXPECT_THAT(LinesOf(numbers), IsEmpty());
}

TEST_F(AwaitChainTest, AMillionFramesAreWalked) {
  constexpr int kDepth = 1'000'000;
  auto dive = [](auto& self, int depth) -> Task<int> {
    int below = 0;
    if (depth == 0) {
      co_await Never<>();
    } else {
      below = co_await self(self, depth - 1);
    }
    co_return below + 1;
  };
  Task<int> task = dive(dive, kDepth);
  EXPECT_TRUE(Poll(task).IsPending());
  int steps = 0;
  VisitAwaitChain(task, [&steps](const AwaitStep&) { ++steps; });
  EXPECT_EQ(steps, kDepth + 1);
  source_.Cancel();
  EXPECT_TRUE(Poll(task).IsStopped());
}

TEST(AwaitStepTest, PrintsWhereAndWhat) {
  AwaitStep step;
  step.awaits = "weft::Gate";
  step.nesting = 1;
  EXPECT_EQ(ToString(step), "  awaits weft::Gate");
  constexpr int kHere = __LINE__ + 1;
  step.location = std::source_location::current();
  step.resume_address = &step;
  EXPECT_THAT(ToString(step),
              HasSubstr("await_chain_test.cc:" + std::to_string(kHere) + " awaits weft::Gate"));
}

}  // namespace
}  // namespace weft
