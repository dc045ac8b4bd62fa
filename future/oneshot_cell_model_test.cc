// Goal: what a promise and a oneshot share (internal/oneshot_cell.h) holds in every behaviour that
// the C++ memory model allows, and each of its memory orders is needed. Method: the body that
// ships, over tools/model; the waker of the scenarios tells a thread of the model, and its
// reference count is checked. A lost wake-up shows as a thread that waits in vain, a missing edge
// as a race.
#include <atomic>
#include <iostream>
#include <utility>
#include <vector>

#include "future/internal/oneshot_cell.h"
#include "future/waker.h"
#include "gtest/gtest.h"
#include "tools/model/atomic.h"
#include "tools/model/model.h"
#include "tools/model/plain.h"

namespace weft::future_internal {
namespace {

using Value = model::Plain<int>;
using Cell = BasicOneshotCell<Value, model::Atomics>;

// A task in small: wakes are remembered and publish (waker.h), references are counted. Its plain
// memory is touched by every wake and by whoever makes the waker: the cell must order them.
class ModelTask {
 public:
  ModelTask() = default;
  ~ModelTask() {
    model::Assert(references_.load(std::memory_order_acquire) == 0, "a waker is left over");
  }

  Waker MakeWaker() {
    payload_.Write(1);
    references_.fetch_add(1, std::memory_order_relaxed);
    return Waker(&kVTable, this);
  }
  bool IsWoken() { return wakes_.load(std::memory_order_acquire) > 0; }
  void AwaitWake() {
    while (!IsWoken()) model::Atomics::SpinPause();
  }

 private:
  static ModelTask& Of(void* data) { return *static_cast<ModelTask*>(data); }
  static void AddRef(void* data) { Of(data).references_.fetch_add(1, std::memory_order_relaxed); }
  static void Drop(void* data) { Of(data).references_.fetch_sub(1, std::memory_order_release); }
  static void Wake(void* data) {
    model::Assert(Of(data).payload_.Read() == 1, "the waker was used before it was registered");
    Of(data).wakes_.fetch_add(1, std::memory_order_release);
  }
  static constexpr Waker::VTable kVTable = {AddRef, Drop, Wake};

  model::Atomic<int> references_{0};
  model::Atomic<int> wakes_{0};
  model::Plain<int> payload_{0};
};

// Asks like a task that is polled again when it is woken, with `task` and then with another.
OneshotArrival ReceiveWith(Cell& cell, ModelTask& task) {
  const Waker waker = task.MakeWaker();
  OneshotArrival arrival = cell.Await(waker);
  if (arrival != OneshotArrival::kNotYet) return arrival;
  task.AwaitWake();
  arrival = cell.Await(waker);
  model::Assert(arrival != OneshotArrival::kNotYet, "woken for nothing");
  return arrival;
}

void TakeAndLeave(Cell& cell, OneshotArrival arrival) {
  model::Assert(arrival == OneshotArrival::kValue, "expected a value");
  model::Assert(cell.Take().Read() == 42, "another value");
  model::Assert(cell.Look() == OneshotArrival::kNever, "a value came twice");
  cell.Leave();
}

void ValueArrivesAndWakes() {
  ModelTask task;
  Cell* const cell = new Cell();
  model::Thread sender([cell] {
    Value value(42);
    model::Assert(cell->Send(value), "nobody closed");
  });
  TakeAndLeave(*cell, ReceiveWith(*cell, task));
  sender.Join();
}

// Polled twice before anything came, by two tasks: the later one is woken.
void TheLatestWakerCounts() {
  ModelTask first;
  ModelTask second;
  Cell* const cell = new Cell();
  model::Thread sender([cell] {
    Value value(42);
    model::Assert(cell->Send(value), "nobody closed");
  });
  OneshotArrival arrival;
  {
    const Waker waker = first.MakeWaker();
    arrival = cell->Await(waker);
  }
  if (arrival == OneshotArrival::kNotYet) arrival = ReceiveWith(*cell, second);
  TakeAndLeave(*cell, arrival);
  sender.Join();
}

void AbandoningWakes() {
  ModelTask task;
  Cell* const cell = new Cell();
  model::Thread sender([cell] { cell->Abandon(); });
  model::Assert(ReceiveWith(*cell, task) == OneshotArrival::kNever, "a value from nowhere");
  cell->Leave();
  sender.Join();
}

// The receiver gives up: the value is destroyed inside, or is with the sender.
void ReceiverLeavesWhenItLikes() {
  ModelTask task;
  Cell* const cell = new Cell();
  model::Thread sender([cell] {
    Value value(42);
    if (!cell->Send(value)) model::Assert(value.Read() == 42, "it was not given back");
  });
  {
    const Waker waker = task.MakeWaker();
    (void)cell->Await(waker);
  }
  cell->Leave();
  sender.Join();
}

// A stopped receive forgets its waker; a second one finds the value.
void ForgottenWakersAreDropped() {
  ModelTask first;
  ModelTask second;
  Cell* const cell = new Cell();
  model::Thread sender([cell] {
    Value value(42);
    model::Assert(cell->Send(value), "nobody closed");
  });
  {
    const Waker waker = first.MakeWaker();
    (void)cell->Await(waker);
  }
  cell->ForgetWaker();
  TakeAndLeave(*cell, ReceiveWith(*cell, second));
  sender.Join();
}

void LookingSeesTheValue() {
  Cell* const cell = new Cell();
  model::Thread sender([cell] {
    Value value(42);
    if (!cell->Send(value)) model::Assert(value.Read() == 42, "it was not given back");
  });
  if (cell->Look() == OneshotArrival::kValue) {
    model::Assert(cell->Take().Read() == 42, "another value");
  }
  cell->Leave();
  sender.Join();
}

// Closing meets sending: the value is inside, or with the sender, never both or neither.
void ClosingConservesTheValue() {
  Cell* const cell = new Cell();
  model::Plain<bool> was_sent{false};
  model::Thread sender([cell, &was_sent] {
    Value value(42);
    was_sent.Write(cell->Send(value));
    if (!was_sent.Read()) model::Assert(value.Read() == 42, "it was not given back");
  });
  cell->Close();
  sender.Join();
  const bool arrived = cell->Look() == OneshotArrival::kValue;
  model::Assert(arrived == was_sent.Read(), "the ends disagree");
  cell->Leave();
}

// A receive that waits is woken by its own end's closing.
void ClosingWakes() {
  ModelTask task;
  Cell* const cell = new Cell();
  const Waker waker = task.MakeWaker();
  (void)cell->Await(waker);
  model::Thread sender([cell] { cell->Abandon(); });
  cell->Close();
  task.AwaitWake();
  model::Assert(cell->Await(waker) == OneshotArrival::kNever, "a value from nowhere");
  cell->Leave();
  sender.Join();
}

const std::vector<model::Scenario> kScenarios = {
    {"ValueArrivesAndWakes", ValueArrivesAndWakes, {}},
    {"LookingSeesTheValue", LookingSeesTheValue, {}},
    {"AbandoningWakes", AbandoningWakes, {}},
    {"ReceiverLeavesWhenItLikes", ReceiverLeavesWhenItLikes, {}},
    {"TheLatestWakerCounts", TheLatestWakerCounts, {}},
    {"ForgottenWakersAreDropped", ForgottenWakersAreDropped, {}},
    {"ClosingConservesTheValue", ClosingConservesTheValue, {}},
    {"ClosingWakes", ClosingWakes, {}},
};

TEST(OneshotCellModelTest, HoldsInEveryBehaviour) {
  for (const model::Scenario& scenario : kScenarios) {
    const model::Result result = model::Explore(scenario.options, scenario.body);
    EXPECT_TRUE(result.ok()) << scenario.name << ": " << result;
    std::cout << scenario.name << ": " << result.executions << " executions\n";
  }
}

TEST(OneshotCellMutantTest, EveryMutantIsCaught) {
  const model::MutantReport report = model::RunMutants(
      {.files = {"future/internal/oneshot_cell.h"}, .equivalent = {}}, kScenarios);
  std::cout << report;
  EXPECT_TRUE(report.ok()) << report.failure;
}

}  // namespace
}  // namespace weft::future_internal
