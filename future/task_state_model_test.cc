// Goal: the state of a task holds in every behaviour that the C++ memory model allows, and each of
// its memory orders is needed. Method: the body that ships, over tools/model, in scenarios of two
// or three threads that are explored exhaustively; each mutant of each order must fail one of them.
// Whoever is told kSchedule polls the task at once. A lost wake-up shows as a task that has not
// ended, a missing edge as a race on plain memory or as a cell that is destroyed under somebody.
#include "future/task_state_model_test.h"

#include <atomic>
#include <utility>
#include <vector>

#include "future/waker.h"
#include "gtest/gtest.h"
#include "tools/model/atomic.h"
#include "tools/model/model.h"
#include "tools/model/plain.h"
#include "tools/model/testing.h"

namespace weft::future_internal {
namespace {

using task_state_model::Answer;
using task_state_model::Cell;
using task_state_model::Parent;
using task_state_model::Then;

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

TEST(TaskStateModelTest, HoldsInEveryBehaviour) { model::ExpectHolds(kScenarios); }

TEST(TaskStateMutantTest, EveryMutantIsCaught) {
  model::ExpectMutantsCaught({"future/internal/task_state.h"}, kScenarios);
}

}  // namespace
}  // namespace weft::future_internal
