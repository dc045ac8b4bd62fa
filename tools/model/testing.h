// tools/model/testing.h — tests of code under the model checker.
//
//   const std::vector<model::Scenario> kScenarios = {{"ValuesCross", ValuesCross, {}}, ...};
//
//   TEST(MyQueueModelTest, HoldsInEveryBehaviour) { model::ExpectHolds(kScenarios); }
//   TEST(MyQueueMutantTest, EveryMutantIsCaught) {
//     model::ExpectMutantsCaught({"my/queue.h"}, kScenarios);
//   }
#ifndef WEFT_TOOLS_MODEL_TESTING_H_
#define WEFT_TOOLS_MODEL_TESTING_H_

#include <functional>
#include <string>
#include <vector>

#include "tools/model/model.h"

namespace weft::model {

// Explores each scenario and prints its number of executions; the test fails with the trace of each
// that does not hold, and with the two variables of the environment that run that one execution
// again: WEFT_MODEL_SCENARIO (then the other scenarios are left out) and WEFT_MODEL_REPLAY.
void ExpectHolds(const std::vector<Scenario>& scenarios);

// The same where each thread's FutexWait() may once return for no reason (Options::spurious_wakes).
void ExpectHoldsWithSpuriousWakes(std::vector<Scenario> scenarios);

// The same for one scenario without a name.
void ExpectHolds(const std::function<void()>& scenario, const Options& options = {});

// For a scenario that shows why something is needed: the test fails unless the scenario does.
// Returns its failure.
std::string FailureOf(const std::function<void()>& scenario, const Options& options = {});

// Runs all mutants of `files` (MutantOptions::files) and prints the table that mutant_report.py
// reads; the test fails with each mutant that no scenario catches.
void ExpectMutantsCaught(const std::vector<std::string>& files,
                         const std::vector<Scenario>& scenarios);

}  // namespace weft::model

#endif  // WEFT_TOOLS_MODEL_TESTING_H_
