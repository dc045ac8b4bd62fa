// Goal: the count of a fork's children holds in every behaviour that the C++ memory model allows,
// and each of its memory orders is needed. Method: the body that ships, over tools/model; each
// mutant of each order must fail a scenario. A lost wake-up shows as a parent that waits for ever,
// a missing edge as a race on plain memory or half a waker.
#include <atomic>
#include <iostream>
#include <utility>
#include <vector>

#include "future/internal/fork_count.h"
#include "future/waker.h"
#include "gtest/gtest.h"
#include "tools/model/atomic.h"
#include "tools/model/model.h"
#include "tools/model/plain.h"

namespace weft::future_internal {
namespace {

using Count = ForkCount<model::Atomics>;

struct Parent {
  model::Atomic<int> references{0};
  model::Atomic<int> wakes{0};

  BorrowedWaker waker();
  void AwaitWake() {
    while (wakes.load(std::memory_order_acquire) == 0) model::Atomics::SpinPause();
    wakes.fetch_add(-1, std::memory_order_acquire);  // one of them: a later one stays
  }
};

Parent* ParentOf(void* data) {
  model::Assert(data != nullptr, "half a waker was read");
  return static_cast<Parent*>(data);
}

constexpr Waker::VTable kParentVTable = {
    .add_ref = [](void* parent) { ParentOf(parent)->references.fetch_add(1); },
    .drop = [](void* parent) { ParentOf(parent)->references.fetch_add(-1); },
    .wake = [](void* parent) { ParentOf(parent)->wakes.fetch_add(1, std::memory_order_release); },
};

BorrowedWaker Parent::waker() { return BorrowedWaker(&kParentVTable, this); }

void CheckNoWakerLeaked(Parent& parent) {
  model::Assert(parent.references.load(std::memory_order_relaxed) == 0, "a waker leaked");
}

// A child that is away leaves a result, maybe fails, and arrives.
void RunChild(Count* count, model::Plain<int>* result, bool fails) {
  result->Write(1);
  if (fails) count->Fail().second.WakeByRef();
  count->Arrive().WakeByRef();
}

void ResultsAreThereWhenAllHaveArrived() {
  Parent parent;
  model::Plain<int> results[2];
  auto* const count = new Count;
  model::Thread first([&, count] { RunChild(count, &results[0], false); });
  model::Thread second([&, count] { RunChild(count, &results[1], false); });
  count->Add(2);
  const BorrowedWaker waker = parent.waker();
  while (!count->Await(waker.get())) parent.AwaitWake();
  model::Assert(results[0].Read() + results[1].Read() == 2, "a result is missing");
  delete count;
  first.Join();
  second.Join();
  CheckNoWakerLeaked(parent);
}

void TheFirstFailureWakes() {
  Parent parent;
  model::Plain<int> result{0};
  auto* const count = new Count;
  model::Atomic<int> may_arrive{0};
  model::Thread child([&, count] {
    result.Write(1);
    count->Fail().second.WakeByRef();
    while (may_arrive.load(std::memory_order_acquire) == 0) model::Atomics::SpinPause();
    count->Arrive().WakeByRef();
  });
  count->Add(1);
  const BorrowedWaker waker = parent.waker();
  while (!count->Await(waker.get()) && !count->HasFailed()) parent.AwaitWake();
  may_arrive.store(1, std::memory_order_release);
  while (!count->Await(waker.get())) parent.AwaitWake();
  model::Assert(result.Read() == 1, "the result is missing");
  delete count;
  child.Join();
  CheckNoWakerLeaked(parent);
}

void TheLatestWakerIsWoken() {
  Parent old_parent;
  Parent parent;
  model::Plain<int> result{0};
  auto* const count = new Count;
  model::Thread child([&, count] { RunChild(count, &result, false); });
  count->Add(1);
  const BorrowedWaker old_waker = old_parent.waker();
  const BorrowedWaker waker = parent.waker();
  bool has_arrived = count->Await(old_waker.get());
  while (!has_arrived) {
    has_arrived = count->Await(waker.get());
    if (!has_arrived) parent.AwaitWake();
  }
  model::Assert(result.Read() == 1, "the result is missing");
  delete count;
  child.Join();
  CheckNoWakerLeaked(old_parent);
  CheckNoWakerLeaked(parent);
}

const std::vector<model::Scenario> kScenarios = {
    {"ResultsAreThereWhenAllHaveArrived", ResultsAreThereWhenAllHaveArrived, {}},
    {"TheFirstFailureWakes", TheFirstFailureWakes, {}},
    {"TheLatestWakerIsWoken", TheLatestWakerIsWoken, {}},
};

TEST(ForkCountModelTest, HoldsInEveryBehaviour) {
  for (const model::Scenario& scenario : kScenarios) {
    const model::Result result = model::Explore(scenario.options, scenario.body);
    EXPECT_TRUE(result.ok()) << scenario.name << ": " << result;
    std::cout << scenario.name << ": " << result.executions << " executions\n";
  }
}

TEST(ForkCountMutantTest, EveryMutantIsCaught) {
  const model::MutantReport report =
      model::RunMutants({.files = {"future/internal/fork_count.h"}, .equivalent = {}}, kScenarios);
  std::cout << report;
  EXPECT_TRUE(report.ok()) << report.failure;
}

}  // namespace
}  // namespace weft::future_internal
