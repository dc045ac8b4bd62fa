// Question: is each task that was put into a RunNext taken once, by the owner or by a raider, with
// what came before; and does whoever asks to be told of tasks and ends see them or is told, in
// every behaviour that the C++ memory model allows? Is each order and barrier needed for that?
// Method: the body that ships, over tools/model; each mutant must fail a scenario.
#include <atomic>
#include <vector>

#include "future/executor.h"
#include "future/run_next.h"
#include "future/run_next_test_executor.h"
#include "gtest/gtest.h"
#include "tools/model/model.h"
#include "tools/model/testing.h"

namespace weft {
namespace {

using Next = BasicRunNext<model::Atomics>;

class Task final : public Runnable {
 public:
  void Run() noexcept override {}

  model::Plain<int> data{0};
};

// What the scenarios share: an open one, whose runs are not used up.
struct Fixture {
  Fixture() {
    next.Open(executor, wants);
    next.runs_left() = 100;
  }

  RunNextTestExecutor executor;
  Next::Wants wants{0};
  Next next{BarrierKind::kAsymmetric};
  Task first, second;
};

// What a raider takes: null if there is nothing.
Task* Raid(Next& next) {
  if (!next.lock().TryLock()) return nullptr;
  Runnable* const task = next.Peek();
  if (task != nullptr) next.Put(nullptr);
  next.lock().Unlock();
  return static_cast<Task*>(task);
}

// The owner puts one task and takes it, then another one, if the first is gone.
template <typename Put>
void EachTaskIsTakenOnce(Put put) {
  Fixture f;
  Task* raided = nullptr;
  model::Thread raider([&] {
    raided = Raid(f.next);
    if (raided != nullptr) model::Assert(raided->data.Read() == 1, "a task without its data");
  });
  int all = 0;
  int gone = 0;
  for (Task* task : {&f.first, &f.second}) {
    task->data.Write(1);
    if (!put(f, task)) continue;
    ++all;
    if (f.next.TryTake(task)) ++gone;
  }
  raider.Join();
  if (raided != nullptr) ++gone;
  if (!f.next.IsEmpty()) ++gone;
  model::Assert(gone == all, "a task was lost, or taken twice");
}

void StartsAndARaid() {
  EachTaskIsTakenOnce([](Fixture& f, Task* task) { return f.next.TryStart(f.executor, task); });
}

// As the executor puts what it has queued by itself.
void PutsAndARaid() {
  EachTaskIsTakenOnce([](Fixture& f, Task* task) {
    if (!f.next.IsEmpty()) return false;
    f.next.Put(task);
    return true;
  });
}

// As task_ledger.h wants it: else who has seen its end could take others for ended.
void Regression_ASpawnIsCountedBeforeTheTaskCanBeRaided() {
  Fixture f;
  model::Thread raider([&] {
    if (Raid(f.next) == nullptr) return;
    model::Assert(f.next.tally().spawned() == 1, "a task that runs and was not counted");
  });
  model::Assert(f.next.TryStart(f.executor, &f.first), "refused");
  raider.Join();
}

void AnEndIsSeenOrTold() {
  Fixture f;
  model::Plain<int> result{0};
  bool is_seen = false;
  model::Thread watcher([&] {
    f.next.WatchEnds();
    model::Atomics::HeavyBarrier();
    is_seen = f.next.tally().ended() == 1;
    if (is_seen) model::Assert(result.Read() == 1, "an end without what came before");
  });
  result.Write(1);
  f.next.CountEnd();
  watcher.Join();
  model::Assert(is_seen || f.executor.ends == 1, "an end that nobody knows of");
}

void ATaskIsSeenOrTold() {
  Fixture f;
  bool is_seen = false;
  model::Thread idler([&] {
    f.wants.store(1, std::memory_order_relaxed);
    model::Atomics::HeavyBarrier();
    is_seen = !f.next.IsEmpty();
  });
  model::Assert(f.next.TryStart(f.executor, &f.first), "refused");
  idler.Join();
  model::Assert(is_seen || f.executor.kept == 1, "a task that nobody knows of");
}

const std::vector<model::Scenario> kScenarios = {
    {"StartsAndARaid", StartsAndARaid, {}},
    {"PutsAndARaid", PutsAndARaid, {}},
    {"Regression_ASpawnIsCountedBeforeTheTaskCanBeRaided",
     Regression_ASpawnIsCountedBeforeTheTaskCanBeRaided,
     {}},
    {"AnEndIsSeenOrTold", AnEndIsSeenOrTold, {}},
    {"ATaskIsSeenOrTold", ATaskIsSeenOrTold, {}},
};

TEST(RunNextModelTest, HoldsInEveryBehaviour) { model::ExpectHolds(kScenarios); }

TEST(RunNextModelTest, EveryMutantIsCaught) {
  model::ExpectMutantsCaught({"future/run_next.h"}, kScenarios);
}

}  // namespace
}  // namespace weft
