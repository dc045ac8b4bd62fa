// Goal: the state of a task holds in every behaviour that the C++ memory model allows, and each of
// its memory orders is needed. Method: the body that ships, over tools/model, in scenarios of two
// or three threads that are explored exhaustively; each mutant of each order must fail one of them.
// Whoever is told kSchedule polls the task at once. A lost wake-up shows as a task that has not
// ended, a missing edge as a race on plain memory or as a cell that is destroyed under somebody.
#include <atomic>
#include <iostream>
#include <utility>
#include <vector>

#include "future/internal/task_state.h"
#include "future/waker.h"
#include "gtest/gtest.h"
#include "tools/model/atomic.h"
#include "tools/model/model.h"
#include "tools/model/plain.h"

namespace weft::future_internal {
namespace {

using State = TaskState<model::Atomics>;
using Then = State::Then;

// A task that waits for a joiner or awaits others: whom to wake.
struct Parent {
  model::Atomic<int> references{0};
  model::Atomic<int> wakes{0};

  BorrowedWaker waker();
  void AwaitWake() {
    while (wakes.load(std::memory_order_acquire) == 0) model::Atomics::SpinPause();
  }
};

Parent* ParentOf(void* data) {
  model::Assert(data != nullptr, "half a waker was read");
  return static_cast<Parent*>(data);
}

void CountReferences(void* parent, int count) {
  ParentOf(parent)->references.fetch_add(count, std::memory_order_relaxed);
}

constexpr Waker::VTable kParentVTable = {
    .add_ref = [](void* parent) { CountReferences(parent, 1); },
    .drop = [](void* parent) { CountReferences(parent, -1); },
    .wake = [](void* parent) { ParentOf(parent)->wakes.fetch_add(1, std::memory_order_release); },
};

BorrowedWaker Parent::waker() { return BorrowedWaker(&kParentVTable, this); }

// What a poll of the scenario's future answers.
enum class Answer { kPending, kPendingAgain, kReady };

// A cell, destroyed by whoever is told to.
struct Cell {
  State state;
  model::Plain<int> polls{0};  // for races between polls
  model::Plain<int> result{0};
  model::Plain<int>* destroyed;

  explicit Cell(model::Plain<int>* count) : destroyed(count) {}

  void Destroy() {
    destroyed->Write(destroyed->Read() + 1);
    delete this;
  }

  // Polls until the task ends or waits. `poll(is_stopped, polls)` gives the answer.
  template <typename Poll>
  void Run(const Poll& poll) {
    while (true) {
      const bool is_stopped = state.BeginPoll();
      polls.Write(polls.Read() + 1);
      const Answer answer = poll(is_stopped, polls.Read());
      if (answer == Answer::kReady) return Finish();
      if (answer == Answer::kPendingAgain) continue;
      const Then then = state.EndPoll();
      if (then == Then::kDestroy) Destroy();
      if (then != Then::kSchedule) return;
    }
  }

  // The first poll, by the handle, which has found the task in its own queue.
  void RunForHandle() {
    (void)state.BeginPoll();
    if (state.IsOnlyTheHandles()) return Destroy();
    Finish();
    TakeAtTheEnd();
  }

  void Finish() {
    result.Write(42);
    auto [joiner, then] = state.Complete();
    if (then == Then::kDestroy) Destroy();
    std::move(joiner).Wake();
  }

  template <typename Poll>
  void Do(Then then, const Poll& poll) {
    if (then == Then::kSchedule) Run(poll);
    if (then == Then::kDestroy) Destroy();
  }

  // The handle takes the result: it knows that the task is complete.
  void Take() {
    model::Assert(result.Read() == 42, "the result is not there");
    Drop();
  }
  void TakeAtTheEnd() {
    model::Assert(state.IsComplete(), "a wake was lost: the task has not ended");
    Take();
  }
  void Drop() {
    const auto [joiner, then] = state.DropHandle();
    if (then == Then::kDestroy) Destroy();
  }
};

const auto kReadyAtOnce = [](bool, int) { return Answer::kReady; };

// The wake comes before the first poll, during it, or after it.
void AWakePublishesAndIsNotLost() {
  model::Plain<int> destroyed{0};
  model::Plain<int> data{0};
  model::Atomic<int> is_sent{0};
  auto* const cell = new Cell(&destroyed);
  const auto poll = [&](bool, int polls) {
    // The first poll does not know whether it was woken; if there is a second, it was.
    if (polls == 1 && is_sent.load(std::memory_order_relaxed) == 0) return Answer::kPending;
    if (polls == 2) model::Assert(data.Read() == 1, "the wake came without what was before it");
    return Answer::kReady;
  };
  cell->state.AddWaker();
  model::Thread other([&, cell] {
    data.Write(1);
    is_sent.store(1, std::memory_order_relaxed);
    cell->Do(cell->state.WakeAndDrop(), poll);
  });
  cell->Run(poll);
  other.Join();
  cell->TakeAtTheEnd();
  model::Assert(destroyed.Read() == 1, "destroyed not once");
}

// The wake comes while the task polls, gives way, or waits.
void AWakeOfATaskThatGivesWayIsNotLost() {
  model::Plain<int> destroyed{0};
  model::Atomic<int> is_sent{0};
  auto* const cell = new Cell(&destroyed);
  const auto poll = [&](bool, int polls) {
    if (is_sent.load(std::memory_order_relaxed) != 0) return Answer::kReady;
    return polls == 1 ? Answer::kPendingAgain : Answer::kPending;
  };
  cell->state.AddWaker();
  model::Thread other([&, cell] {
    is_sent.store(1, std::memory_order_relaxed);
    cell->Do(cell->state.WakeAndDrop(), poll);
  });
  cell->Run(poll);
  other.Join();
  cell->TakeAtTheEnd();
  model::Assert(destroyed.Read() == 1, "destroyed not once");
}

// Wakes merge, what was published does not.
void MergedWakesPublishBoth() {
  model::Plain<int> destroyed{0};
  model::Atomic<int> sent[2];
  auto* const cell = new Cell(&destroyed);
  const auto poll = [&](bool, int) {
    const int seen =
        sent[0].load(std::memory_order_relaxed) + sent[1].load(std::memory_order_relaxed);
    return seen == 2 ? Answer::kReady : Answer::kPending;
  };
  const auto send = [&sent, &poll, cell](int i) {
    sent[i].store(1, std::memory_order_relaxed);
    cell->Do(cell->state.WakeAndDrop(), poll);
  };
  cell->state.AddWaker();
  cell->state.AddWaker();
  model::Thread one([&] { send(0); });
  model::Thread two([&] { send(1); });
  cell->Run(poll);
  one.Join();
  two.Join();
  cell->TakeAtTheEnd();
  model::Assert(destroyed.Read() == 1, "destroyed not once");
}

void AStopPublishesAndIsSeen() {
  model::Plain<int> destroyed{0};
  model::Plain<int> data{0};
  auto* const cell = new Cell(&destroyed);
  const auto poll = [&](bool is_stopped, int) {
    if (!is_stopped) return Answer::kPending;
    model::Assert(data.Read() == 1, "the stop came without what was before it");
    return Answer::kReady;
  };
  model::Thread handle([&, cell] {
    data.Write(1);
    cell->Do(cell->state.RequestStop(), poll);
  });
  cell->Run(poll);
  handle.Join();
  cell->TakeAtTheEnd();
  model::Assert(destroyed.Read() == 1, "destroyed not once");
}

void AJoinerIsWokenAndTakesTheResult() {
  model::Plain<int> destroyed{0};
  Parent parent;
  auto* const cell = new Cell(&destroyed);
  model::Thread worker([cell] { cell->Run(kReadyAtOnce); });
  const BorrowedWaker waker = parent.waker();
  if (!cell->state.PollJoin(waker.get())) parent.AwaitWake();
  cell->Take();
  model::Assert(destroyed.Read() == 1, "the joiner was not alone: the worker destroyed the cell");
  worker.Join();
  model::Assert(parent.references.load(std::memory_order_relaxed) == 0, "a waker leaked");
}

void TheLatestJoinerIsWoken() {
  model::Plain<int> destroyed{0};
  Parent first;
  Parent second;
  auto* const cell = new Cell(&destroyed);
  model::Thread worker([cell] { cell->Run(kReadyAtOnce); });
  const BorrowedWaker one = first.waker();
  const BorrowedWaker two = second.waker();
  if (!cell->state.PollJoin(one.get()) && !cell->state.PollJoin(two.get())) second.AwaitWake();
  cell->Take();
  worker.Join();
  model::Assert(destroyed.Read() == 1, "destroyed not once");
  const int references = first.references.load(std::memory_order_relaxed) +
                         second.references.load(std::memory_order_relaxed);
  model::Assert(references == 0, "a waker leaked, or was dropped twice");
}

// The waker is replaced again and again; the handle goes whenever that is.
void AReplacedJoinerIsNeitherLostNorTorn() {
  model::Plain<int> destroyed{0};
  Parent first;
  Parent second;
  auto* const cell = new Cell(&destroyed);
  model::Thread worker([cell] { cell->Run(kReadyAtOnce); });
  const BorrowedWaker one = first.waker();
  const BorrowedWaker two = second.waker();
  if (cell->state.PollJoin(one.get()) || cell->state.PollJoin(two.get()) ||
      cell->state.PollJoin(one.get())) {
    cell->Take();
  } else {
    cell->Drop();
  }
  worker.Join();
  model::Assert(destroyed.Read() == 1, "destroyed not once");
  model::Assert(first.references.load(std::memory_order_relaxed) == 0, "a waker leaked");
  model::Assert(second.references.load(std::memory_order_relaxed) == 0, "a waker leaked");
}

void AHandleThatLooksOnSeesTheResult() {
  model::Plain<int> destroyed{0};
  auto* const cell = new Cell(&destroyed);
  model::Thread worker([cell] { cell->Run(kReadyAtOnce); });
  if (cell->state.IsComplete()) {
    cell->Take();
  } else {
    cell->Drop();
  }
  worker.Join();
  model::Assert(destroyed.Read() == 1, "destroyed not once");
}

void AHandleIsDroppedWhileItsTaskEnds() {
  model::Plain<int> destroyed{0};
  Parent parent;
  auto* const cell = new Cell(&destroyed);
  model::Thread worker([cell] { cell->Run(kReadyAtOnce); });
  const BorrowedWaker waker = parent.waker();
  (void)cell->state.PollJoin(waker.get());
  cell->Drop();
  worker.Join();
  model::Assert(destroyed.Read() == 1, "destroyed not once");
  model::Assert(parent.references.load(std::memory_order_relaxed) == 0, "a waker leaked");
}

void AWakerMayOutliveTheTask() {
  model::Plain<int> destroyed{0};
  auto* const cell = new Cell(&destroyed);
  cell->state.AddWaker();
  model::Thread waker([cell] {
    cell->Do(cell->state.Wake(), kReadyAtOnce);
    cell->Do(cell->state.DropWaker(), kReadyAtOnce);
  });
  cell->Run(kReadyAtOnce);
  cell->TakeAtTheEnd();
  waker.Join();
  model::Assert(destroyed.Read() == 1, "destroyed not once");
}

void AWakerMayGoWhileTheHandleRunsTheTask() {
  model::Plain<int> destroyed{0};
  auto* const cell = new Cell(&destroyed);
  cell->state.AddWaker();
  model::Thread waker([cell] {
    cell->Do(cell->state.Wake(), kReadyAtOnce);
    cell->Do(cell->state.DropWaker(), kReadyAtOnce);
  });
  cell->RunForHandle();
  waker.Join();
  model::Assert(destroyed.Read() == 1, "destroyed not once");
}

// Nothing can wake the task any more: exactly one of those who let go of it finds out.
void TheLastWhoLeavesAWaitingTaskIsTold() {
  model::Plain<int> destroyed{0};
  auto* const cell = new Cell(&destroyed);
  const auto never = [](bool, int) { return Answer::kPending; };
  cell->state.AddWaker();
  model::Thread waker([&, cell] { cell->Do(cell->state.DropWaker(), never); });
  model::Thread handle([cell] { cell->Drop(); });
  cell->Run(never);
  waker.Join();
  handle.Join();
  model::Assert(destroyed.Read() == 1, "destroyed not once");
}

// Somebody looks at the task while it waits, whether it is woken meanwhile, before or after.
void ALookIsAloneWithTheTaskAndLosesNoWake() {
  model::Plain<int> destroyed{0};
  model::Plain<int> data{0};
  model::Atomic<int> is_sent{0};
  auto* const cell = new Cell(&destroyed);
  const auto poll = [&](bool, int polls) {
    if (polls == 1 && is_sent.load(std::memory_order_relaxed) == 0) return Answer::kPending;
    if (polls == 2) model::Assert(data.Read() == 1, "the wake came without what was before it");
    return Answer::kReady;
  };
  cell->state.AddWaker();
  cell->state.AddWaker();
  model::Thread waker([&, cell] {
    data.Write(1);
    is_sent.store(1, std::memory_order_relaxed);
    cell->Do(cell->state.WakeAndDrop(), poll);
  });
  model::Thread looker([&, cell] {
    if (cell->state.TryClaim()) {
      model::Assert(cell->polls.Read() == 1, "the task does not wait");
      cell->Do(cell->state.EndPoll(), poll);
    }
    cell->Do(cell->state.DropWaker(), poll);
  });
  cell->Run(poll);
  waker.Join();
  looker.Join();
  cell->TakeAtTheEnd();
  model::Assert(destroyed.Read() == 1, "destroyed not once");
}

// The claim of one excludes that of the other.
void TwoWhoLookDoNotOverlap() {
  model::Plain<int> destroyed{0};
  model::Plain<int> looks{0};
  auto* const cell = new Cell(&destroyed);
  const auto poll = [](bool, int polls) { return polls == 1 ? Answer::kPending : Answer::kReady; };
  cell->Run(poll);
  const auto look = [&, cell] {
    if (!cell->state.TryClaim()) return;
    looks.Write(looks.Read() + 1);
    cell->Do(cell->state.EndPoll(), poll);
  };
  model::Thread other(look);
  look();
  other.Join();
  cell->Do(cell->state.Wake(), poll);
  cell->TakeAtTheEnd();
  model::Assert(destroyed.Read() == 1, "destroyed not once");
}

const std::vector<model::Scenario> kScenarios = {
    {"AWakePublishesAndIsNotLost", AWakePublishesAndIsNotLost, {}},
    {"AWakeOfATaskThatGivesWayIsNotLost", AWakeOfATaskThatGivesWayIsNotLost, {}},
    {"MergedWakesPublishBoth", MergedWakesPublishBoth, {}},
    {"AStopPublishesAndIsSeen", AStopPublishesAndIsSeen, {}},
    {"AJoinerIsWokenAndTakesTheResult", AJoinerIsWokenAndTakesTheResult, {}},
    {"TheLatestJoinerIsWoken", TheLatestJoinerIsWoken, {}},
    {"AReplacedJoinerIsNeitherLostNorTorn", AReplacedJoinerIsNeitherLostNorTorn, {}},
    {"AHandleThatLooksOnSeesTheResult", AHandleThatLooksOnSeesTheResult, {}},
    {"AHandleIsDroppedWhileItsTaskEnds", AHandleIsDroppedWhileItsTaskEnds, {}},
    {"AWakerMayOutliveTheTask", AWakerMayOutliveTheTask, {}},
    {"AWakerMayGoWhileTheHandleRunsTheTask", AWakerMayGoWhileTheHandleRunsTheTask, {}},
    {"ALookIsAloneWithTheTaskAndLosesNoWake", ALookIsAloneWithTheTaskAndLosesNoWake, {}},
    {"TwoWhoLookDoNotOverlap", TwoWhoLookDoNotOverlap, {}},
    {"TheLastWhoLeavesAWaitingTaskIsTold", TheLastWhoLeavesAWaitingTaskIsTold, {}},
};

TEST(TaskStateModelTest, HoldsInEveryBehaviour) {
  for (const model::Scenario& scenario : kScenarios) {
    const model::Result result = model::Explore(scenario.options, scenario.body);
    EXPECT_TRUE(result.ok()) << scenario.name << ": " << result;
    std::cout << scenario.name << ": " << result.executions << " executions\n";
  }
}

TEST(TaskStateMutantTest, EveryMutantIsCaught) {
  const model::MutantReport report =
      model::RunMutants({.files = {"future/internal/task_state.h"}, .equivalent = {}}, kScenarios);
  std::cout << report;
  EXPECT_TRUE(report.ok()) << report.failure;
}

}  // namespace
}  // namespace weft::future_internal
