// tools/model/testing.h — the two tests that code under the model checker has.
//
//   const std::vector<model::Scenario> kScenarios = {{"ValuesCross", ValuesCross, {}}, ...};
//
//   TEST(MyQueueModelTest, HoldsInEveryBehaviour) { model::ExpectHolds(kScenarios); }
//   TEST(MyQueueMutantTest, EveryMutantIsCaught) {
//     model::ExpectMutantsCaught({"my/queue.h"}, kScenarios);
//   }
#ifndef WEFT_TOOLS_MODEL_TESTING_H_
#define WEFT_TOOLS_MODEL_TESTING_H_

#include <string>
#include <vector>

#include "tools/model/model.h"

namespace weft::model {

// Explores each scenario and prints its number of executions; the test fails with the trace of each
// that does not hold, and with the two variables of the environment that run that one execution
// again: WEFT_MODEL_SCENARIO (then the other scenarios are left out) and WEFT_MODEL_REPLAY.
void ExpectHolds(const std::vector<Scenario>& scenarios);

// Runs all mutants of `files` (MutantOptions::files) and prints the table that mutant_report.py
// reads; the test fails with each mutant that no scenario catches.
void ExpectMutantsCaught(const std::vector<std::string>& files,
                         const std::vector<Scenario>& scenarios);

}  // namespace weft::model

#endif  // WEFT_TOOLS_MODEL_TESTING_H_
