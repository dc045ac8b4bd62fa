// How long the frame of a Task lives: until its end, its early return or its destruction unbegun.
// task_test has those that are unwound.

#include <memory>
#include <utility>

#include "absl/status/status.h"
#include "future/or_return.h"
#include "future/poll_fn.h"
#include "future/scripted.h"
#include "future/task.h"
#include "gtest/gtest.h"

namespace weft {
namespace {

using TaskFramesTest = ScriptedTest;

enum class Wait { kNo, kYes };
enum class Leave { kAtItsEnd, kEarly };

Task<absl::Status> Hold(Alive, Wait wait, Leave leave) {
  if (wait == Wait::kYes) co_await YieldNow();
  if (leave == Leave::kEarly) co_await OrReturn(absl::NotFoundError("no such shoe"));
  co_return absl::OkStatus();
}

// With its argument, while the Task is still in scope.
TEST_F(TaskFramesTest, AFrameIsGoneWhenItsAwaiterGoesOn) {
  auto body = [](Wait wait, Leave leave) -> Task<int> {
    int alive = 0;
    Alive argument(&alive);
    Task<absl::Status> child = Hold(std::move(argument), wait, leave);
    EXPECT_EQ(alive, 1);
    const absl::Status status = co_await std::move(child);
    EXPECT_EQ(status.ok(), leave == Leave::kAtItsEnd);
    co_return alive;
  };
  for (const Wait wait : {Wait::kNo, Wait::kYes}) {
    for (const Leave leave : {Leave::kAtItsEnd, Leave::kEarly}) {
      EXPECT_EQ(executor_.BlockOn(body(wait, leave)).value(), 0);
      int alive = 0;
      Task<absl::Status> root = Hold(Alive(&alive), wait, leave);
      EXPECT_EQ(alive, 1);
      while (Poll(root).IsPending()) {
      }
      EXPECT_EQ(alive, 0);
    }
  }
}

// Some hundred frames do it in place, the others are resumed by the driver.
TEST_F(TaskFramesTest, AnErrorLeavesAHundredThousandFramesEarly) {
  auto descend = [](auto& self, int depth, Wait wait, int* count) -> Task<absl::Status> {
    const Alive alive(count);
    if (depth == 0) {
      if (wait == Wait::kYes) co_await YieldNow();
      co_return absl::NotFoundError("no such shoe");
    }
    absl::Status below = co_await self(self, depth - 1, wait, count);
    co_await OrReturn(std::move(below));
    ADD_FAILURE() << "it goes on";
    co_return absl::OkStatus();
  };
  for (const Wait wait : {Wait::kNo, Wait::kYes}) {
    int alive = 0;
    const absl::Status status = executor_.BlockOn(descend(descend, 100'000, wait, &alive));
    EXPECT_EQ(status, absl::NotFoundError("no such shoe"));
    EXPECT_EQ(alive, 0);
  }
}

TEST_F(TaskFramesTest, TheLastOfTwoResultsCounts) {
  struct Throws {
    ~Throws() noexcept(false) { throw 1; }
  };
  using Value = std::shared_ptr<int>;
  auto body = [](Value first, Value second) -> Task<Value> {
    try {
      const Throws throws;
      co_return first;
    } catch (int) {
    }
    co_return second;
  };
  const auto first = std::make_shared<int>(1);
  const auto second = std::make_shared<int>(2);
  Task<Value> task = body(first, second);
  EXPECT_EQ(Poll(task).value(), second);
  EXPECT_EQ(first.use_count(), 1);
}

Task<int> AddOne(int x) { co_return x + 1; }

using TaskFramesDeathTest = TaskFramesTest;

TEST_F(TaskFramesDeathTest, AwaitingATaskOnceMoreIsRefused) {
  auto body = []() -> Task<int> {
    Task<int> child = AddOne(1);
    const int first = co_await std::move(child);
    const int second = co_await std::move(child);
    co_return first + second;
  };
  EXPECT_DEATH((void)executor_.BlockOn(body()), "a Task runs once");
}

TEST_F(TaskFramesDeathTest, AwaitingAPolledTaskIsRefused) {
  auto child = []() -> Task<int> {
    co_await YieldNow();
    co_return 1;
  };
  auto body = [](Task<int>* polled) -> Task<int> { co_return co_await std::move(*polled); };
  EXPECT_DEATH(
      {
        Task<int> polled = child();
        (void)Poll(polled);
        (void)executor_.BlockOn(body(&polled));
      },
      "a Task runs once");
}

}  // namespace
}  // namespace weft
