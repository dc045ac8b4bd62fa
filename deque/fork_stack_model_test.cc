// Question: does the nested split stack give each job to its owner or to one thief, complete, in
// every behaviour that the C++ memory model allows, and is each order and barrier needed for that?
// Method and bounds: as deque_model_test.cc; two or three threads, up to three jobs.
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "deque/internal/nested_split.h"
#include "deque/internal/ring_word.h"
#include "deque/model_items.h"
#include "gtest/gtest.h"
#include "tools/model/model.h"
#include "tools/model/testing.h"

namespace weft::deque_internal {
namespace {

enum class Barriers { kAsymmetric, kFences };

// A stack whose jobs are items; a job that was stolen says when it has ended.
class Forks {
 public:
  explicit Forks(Barriers barriers, int capacity = 3) : stack_(Options(barriers, capacity)) {}

  void Push(int t, std::uint64_t job) { (void)stack_.Push(t, items_.Make(job)); }
  // Deeper than the stack: the job stays the owner's.
  void PushTooDeep(int t, std::uint64_t job) {
    model::Assert(stack_.Push(t, items_.Make(job)) == Offered::kFull, "the stack was not full");
    items_.Take(job);
  }

  // Whether a thief had asked.
  bool Offer(int t, std::uint64_t job) {
    return stack_.Push(t, items_.Make(job)) == Offered::kWanted;
  }
  // What a thief does that wants to sleep: whether there is a job.
  bool AskAndLook() {
    if (stack_.Ask()) model::Atomics::HeavyBarrier();
    return stack_.Size() > 0;
  }

  // Pops job at t: takes it, or waits until its thief has; calls `meanwhile` before it waits.
  void Join(int t, std::uint64_t job, const std::function<void()>& meanwhile = nullptr) {
    if (stack_.Pop(t)) {
      items_.Take(job);
      return;
    }
    if (meanwhile) meanwhile();
    while (done_[job].load(std::memory_order_acquire) == 0) model::Atomics::SpinPause();
    stack_.Restore(t);
  }

  void Steal(int times = 1) {
    for (; times > 0; --times) {
      std::uint64_t job = 0;
      if (stack_.Steal(&job) != Taken::kItem) continue;
      items_.Take(job);
      done_[job].store(1, std::memory_order_release);
    }
  }

  void Finish(std::uint64_t last) { items_.ExpectTaken(1, last); }

 private:
  static NestedOptions Options(Barriers barriers, int capacity) {
    NestedOptions options;
    options.asymmetric = barriers == Barriers::kAsymmetric;
    options.capacity = capacity;
    options.patience = 0;
    options.attempts = 2;
    return options;
  }

  ModelItems items_;
  model::Atomic<int> done_[7];
  NestedSplit<std::uint64_t, model::Atomics> stack_;
};

void OneFork(Barriers barriers) {
  Forks forks(barriers);
  forks.Push(0, 1);
  model::Thread thief([&] { forks.Steal(); });
  forks.Join(0, 1);
  thief.Join();
  forks.Finish(1);
}

void NestedForks(Barriers barriers) {
  Forks forks(barriers);
  forks.Push(0, 1);
  model::Thread thief([&] { forks.Steal(2); });
  forks.Push(1, 2);
  forks.Join(1, 2);
  forks.Join(0, 1);
  thief.Join();
  forks.Finish(2);
}

// The index of the first job is used by the second.
void IndexIsUsedAgain(Barriers barriers) {
  Forks forks(barriers);
  model::Thread thief([&] { forks.Steal(2); });
  forks.Push(0, 1);
  forks.Join(0, 1);
  forks.Push(0, 2);
  forks.Join(0, 2);
  thief.Join();
  forks.Finish(2);
}

void TwoThieves(Barriers barriers) {
  Forks forks(barriers);
  forks.Push(0, 1);
  forks.Steal();  // the stack is open now
  forks.Join(0, 1);
  forks.Steal();  // asks
  forks.Push(0, 2);
  model::Thread first([&] { forks.Steal(); });
  model::Thread second([&] { forks.Steal(); });
  forks.Join(0, 2);
  first.Join();
  second.Join();
  forks.Finish(2);
}

// While its stolen job runs elsewhere, the owner forks above it.
void ForksAboveAStolenJob(Barriers barriers) {
  Forks forks(barriers);
  forks.Push(0, 1);
  model::Thread thief([&] { forks.Steal(2); });
  bool forked = false;
  forks.Join(0, 1, [&] {
    forks.Push(1, 2);
    forks.Join(1, 2);
    forked = true;
  });
  thief.Join();
  forks.Finish(forked ? 2 : 1);
}

// A thief learns of jobs from a tail that a pop has lowered.
void LoweredTail(Barriers barriers) {
  Forks forks(barriers);
  forks.Steal();  // asks
  forks.Push(0, 1);
  model::Thread thief([&] { forks.Steal(2); });
  forks.Push(1, 2);
  forks.Push(2, 3);
  for (int t = 2; t >= 0; --t) forks.Join(t, static_cast<std::uint64_t>(t) + 1);
  thief.Join();
  forks.Finish(3);
}

// The older half becomes public, and is taken back.
void OwnerTakesBack(Barriers barriers) {
  Forks forks(barriers);
  for (int t = 0; t < 3; ++t) forks.Push(t, static_cast<std::uint64_t>(t) + 1);
  model::Thread thief([&] { forks.Steal(); });
  for (int t = 2; t >= 0; --t) forks.Join(t, static_cast<std::uint64_t>(t) + 1);
  thief.Join();
  forks.Finish(3);
}

// A job that does not fit is seen by nobody, and a thief learns of the others from its withdrawal.
void TooDeep(Barriers barriers) {
  Forks forks(barriers, 1);
  forks.Steal();  // asks
  model::Thread thief([&] { forks.Steal(2); });
  forks.Push(0, 1);
  forks.PushTooDeep(1, 2);
  forks.Join(0, 1);
  thief.Join();
  forks.Finish(2);
}

// A thief that finds nothing sleeps, and is woken for a job that comes then, by the protocol at the
// head of fork_stack.h. Lost, it would sleep for ever beside an owner that never pops.
void ThiefSleeps(Barriers barriers) {
  Forks forks(barriers);
  model::Atomic<int> sleepers(0);
  model::Atomic<int> wakes(0);
  const auto offer = [&](std::uint64_t job) {
    if (!forks.Offer(0, job)) return;
    model::Atomics::Fence(std::memory_order_seq_cst);
    if (sleepers.load(std::memory_order_relaxed) != 0) wakes.store(1, std::memory_order_relaxed);
  };
  forks.Steal();  // asks
  model::Thread thief([&] {
    sleepers.store(1, std::memory_order_relaxed);
    model::Atomics::Fence(std::memory_order_seq_cst);
    if (forks.AskAndLook()) return;
    while (wakes.load(std::memory_order_relaxed) == 0) model::Atomics::SpinPause();
  });
  offer(1);
  forks.Join(0, 1);
  offer(2);
  thief.Join();
  forks.Join(0, 2);
  forks.Finish(2);
}

std::vector<model::Scenario> Scenarios(Barriers barriers) {
  const auto of = [barriers](const char* name, void (*body)(Barriers)) {
    return model::Scenario{
        (barriers == Barriers::kFences ? "Fenced." : "Split.") + std::string(name),
        [=] { body(barriers); },
        {}};
  };
  return {of("OneFork", OneFork),         of("IndexIsUsedAgain", IndexIsUsedAgain),
          of("NestedForks", NestedForks), of("OwnerTakesBack", OwnerTakesBack),
          of("LoweredTail", LoweredTail), of("ForksAboveAStolenJob", ForksAboveAStolenJob),
          of("TwoThieves", TwoThieves),   of("TooDeep", TooDeep),
          of("ThiefSleeps", ThiefSleeps)};
}

class ForkStackModelTest : public testing::TestWithParam<Barriers> {};
INSTANTIATE_TEST_SUITE_P(Modes, ForkStackModelTest,
                         testing::Values(Barriers::kAsymmetric, Barriers::kFences),
                         [](const auto& mode) {
                           return mode.param == Barriers::kAsymmetric ? "Split" : "Fenced";
                         });

TEST_P(ForkStackModelTest, EachJobHasOneTaker) { model::ExpectHolds(Scenarios(GetParam())); }

TEST(ForkStackMutantsTest, EachOrderIsNeeded) {
  std::vector<model::Scenario> scenarios = Scenarios(Barriers::kFences);
  const std::vector<model::Scenario> split = Scenarios(Barriers::kAsymmetric);
  scenarios.insert(scenarios.end(), split.begin(), split.end());
  model::ExpectMutantsCaught({"deque/internal/"}, scenarios);
}

}  // namespace
}  // namespace weft::deque_internal
