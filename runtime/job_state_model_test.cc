// Question: does the owner of a stolen job always learn of its end, with the result, in every
// behaviour that the C++ memory model allows, and is each order and look needed for that?
// Method: the body that ships, over tools/model; each mutant must fail a scenario. A wake is a
// token with what parker/ promises: what precedes the wake is visible after the sleep.
#include <memory>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "runtime/internal/job_state.h"
#include "tools/model/model.h"
#include "tools/model/testing.h"

namespace weft::runtime_internal {
namespace {

using State = BasicJobState<model::Atomics>;

constexpr State::Name kOwner = 16;
constexpr State::Name kThief = 32;

// Lies in the owner's frame: gone when the owner has what it waited for.
struct Job {
  State state;
  model::Plain<int> result;
};

// What a worker sleeps by.
class Sleeper {
 public:
  void Wake() { token_.store(1, std::memory_order_release); }
  void Sleep() {
    while (token_.exchange(0, std::memory_order_acquire) == 0) model::Atomics::SpinPause();
  }

 private:
  model::Atomic<int> token_{0};
};

void RunStolen(Job* job, int result, Sleeper* owner) {
  job->state.Begin(kThief);
  job->result.Write(result);
  const State::Name woken = job->state.End();
  if (woken == State::kNobody) return;
  model::Assert(woken == kOwner, "somebody else was named");
  owner->Wake();
}

void Await(std::unique_ptr<Job> job, int result, Sleeper* self) {
  const State::Name seen = job->state.Look();
  if (seen != State::kEnded) {
    model::Assert(seen == State::kNobody || seen == kThief, "a thief of another name");
    job->state.AwaitEnd(kOwner, [self] { self->Sleep(); });
  }
  model::Assert(job->result.Read() == result, "another job's result");
}

void OwnerWaits() {
  Sleeper owner;
  auto job = std::make_unique<Job>();
  model::Thread thief([&owner, job = job.get()] { RunStolen(job, 1, &owner); });
  Await(std::move(job), 1, &owner);
  thief.Join();
}

// The first job's wake may come when nobody sleeps any more, and meets the second sleep.
void ATokenIsLeft() {
  Sleeper owner;
  auto first = std::make_unique<Job>();
  auto second = std::make_unique<Job>();
  model::Thread thief([&owner, one = first.get(), two = second.get()] {
    RunStolen(one, 1, &owner);
    RunStolen(two, 2, &owner);
  });
  Await(std::move(first), 1, &owner);
  Await(std::move(second), 2, &owner);
  thief.Join();
}

const std::vector<model::Scenario> kScenarios = {{"OwnerWaits", OwnerWaits, {}},
                                                 {"ATokenIsLeft", ATokenIsLeft, {}}};

TEST(JobStateModelTest, TheEndIsAlwaysSeen) { model::ExpectHolds(kScenarios); }

TEST(JobStateMutantsTest, EachOrderAndLookIsNeeded) {
  model::ExpectMutantsCaught({"runtime/internal/job_state.h"}, kScenarios);
}

// What the look after a sleep is for.
TEST(JobStateModelTest, ASleepAloneProvesNothing) {
  EXPECT_NE(model::FailureOf([] {
              Sleeper owner;
              owner.Wake();  // left from an earlier job
              auto job = std::make_unique<Job>();
              model::Thread thief([&owner, job = job.get()] { RunStolen(job, 1, &owner); });
              owner.Sleep();
              (void)job->result.Read();
              thief.Join();
            }),
            "");
}

}  // namespace
}  // namespace weft::runtime_internal
