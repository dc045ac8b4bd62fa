// Question: is no lock held twice, no task forgotten by a drain, in any behaviour that the C++
// memory model allows, and is each order and barrier needed for that?
// Method: the bodies that ship, over tools/model, in scenarios of two or three threads that are
// explored exhaustively, with asymmetric barriers and with fences; each mutant must fail one of
// them.
#include <atomic>
#include <cstdint>
#include <vector>

#include "base/barrier_pair.h"
#include "base/biased_lock.h"
#include "future/task_ledger.h"
#include "gtest/gtest.h"
#include "runtime/internal/model_barriers.h"
#include "tools/model/model.h"
#include "tools/model/testing.h"

namespace weft::runtime_internal {
namespace {

// ---- BiasedLock -----------------------------------------------------------------------------

using Lock = BiasedLock<model::Atomics>;

void OwnerAdds(Lock& lock, model::Plain<int>& sum) {
  const OwnersHold hold(lock);
  sum.Write(sum.Read() + 1);
}

bool RaiderAdds(Lock& lock, model::Plain<int>& sum) {
  if (!lock.TryLock()) return false;
  sum.Write(sum.Read() + 1);
  lock.Unlock();
  return true;
}

void OwnerAndRaider(BarrierKind kind) {
  Lock lock(kind);
  model::Plain<int> sum{0};
  bool raided = false;
  model::Thread raider([&] { raided = RaiderAdds(lock, sum); });
  OwnerAdds(lock, sum);
  OwnerAdds(lock, sum);
  raider.Join();
  model::Assert(raided && sum.Read() == 3, "sum");
}

void TwoRaiders(BarrierKind kind) {
  Lock lock(kind);
  model::Plain<int> sum{0};
  bool raided[2];
  model::Thread first([&] { raided[0] = RaiderAdds(lock, sum); });
  model::Thread second([&] { raided[1] = RaiderAdds(lock, sum); });
  OwnerAdds(lock, sum);
  first.Join();
  second.Join();
  model::Assert(raided[0] || raided[1], "both raiders found the other");
  model::Assert(sum.Read() == 1 + raided[0] + raided[1], "sum");
}

// ---- TaskTally -----------------------------------------------------------------------------

using Own = TaskTally<model::Atomics, TallyWriters::kOne>;
using Shared = TaskTally<model::Atomics, TallyWriters::kMany>;

// Reads all ends, then all spawns.
template <typename... Tallies>
bool SeesNoTasks(const Tallies&... tallies) {
  const uint64_t ended = (... + tallies.ended());
  return ended == (... + tallies.spawned());
}

// One worker spawns a task and ends its own; the other one runs the child.
template <typename Tally>
void ChildRunsElsewhere(BarrierKind) {
  Tally outside, first, second;
  model::Atomic<int> queue{0};
  model::Plain<int> result{0};
  outside.AddSpawn();
  model::Thread parent([&] {
    first.AddSpawn();
    queue.store(1, std::memory_order_release);
    first.AddEnd();
  });
  model::Thread child([&] {
    if (queue.load(std::memory_order_acquire) == 0) return;
    result.Write(1);
    second.AddEnd();
  });
  if (SeesNoTasks(outside, first, second)) {
    model::Assert(result.Read() == 1, "a task runs, and is not seen");
  }
  parent.Join();
  child.Join();
}

// ---------------------------------------------------------------------------------------------

std::vector<model::Scenario> BiasedLockScenarios() {
  return WithBothBarriers({{"OwnerAndRaider", OwnerAndRaider}, {"TwoRaiders", TwoRaiders}});
}
std::vector<model::Scenario> TaskLedgerScenarios() {
  return WithBothBarriers({{"ChildRunsElsewhere", ChildRunsElsewhere<Own>},
                           {"SharedTally", ChildRunsElsewhere<Shared>}});
}

TEST(BiasedLockModelTest, HoldsInEveryBehaviour) { model::ExpectHolds(BiasedLockScenarios()); }
TEST(TaskLedgerModelTest, HoldsInEveryBehaviour) { model::ExpectHolds(TaskLedgerScenarios()); }

TEST(BiasedLockModelTest, EveryMutantIsCaught) {
  model::ExpectMutantsCaught({"base/biased_lock.h", "base/barrier_pair.h"}, BiasedLockScenarios());
}
TEST(TaskLedgerModelTest, EveryMutantIsCaught) {
  model::ExpectMutantsCaught({"future/task_ledger.h"}, TaskLedgerScenarios());
}

}  // namespace
}  // namespace weft::runtime_internal
