#include "tools/model/testing.h"

#include <cstdlib>
#include <functional>
#include <iostream>
#include <string>
#include <vector>

#include "gtest/gtest.h"

namespace weft::model {

void ExpectHolds(const std::vector<Scenario>& scenarios) {
  const char* const wanted = std::getenv("WEFT_MODEL_SCENARIO");
  for (const Scenario& scenario : scenarios) {
    if (wanted != nullptr && scenario.name != wanted) continue;
    const Result result = Explore(scenario.options, scenario.body);
    EXPECT_TRUE(result.ok()) << scenario.name << ": " << result << "\nagain: WEFT_MODEL_SCENARIO='"
                             << scenario.name << "' WEFT_MODEL_REPLAY='" << result.schedule << "'";
    std::cout << scenario.name << ": " << result.executions << " executions\n";
  }
}

void ExpectHoldsWithSpuriousWakes(std::vector<Scenario> scenarios) {
  for (Scenario& scenario : scenarios) {
    scenario.name += ", woken for no reason";
    scenario.options.spurious_wakes = 1;
  }
  ExpectHolds(scenarios);
}

void ExpectHolds(const std::function<void()>& scenario, const Options& options) {
  const Result result = Explore(options, scenario);
  EXPECT_TRUE(result.ok()) << result;
}

std::string FailureOf(const std::function<void()>& scenario, const Options& options) {
  const Result result = Explore(options, scenario);
  EXPECT_EQ(result.verdict, Verdict::kFailed) << result;
  return result.failure;
}

void ExpectMutantsCaught(const std::vector<std::string>& files,
                         const std::vector<Scenario>& scenarios) {
  MutantOptions options;
  options.files = files;
  const MutantReport report = RunMutants(options, scenarios);
  std::cout << report;
  EXPECT_TRUE(report.ok()) << report.failure;
}

}  // namespace weft::model
