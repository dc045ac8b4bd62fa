// dag/testing/results.h — results and runs for tests: every field is set.
#ifndef WEFT_DAG_TESTING_RESULTS_H_
#define WEFT_DAG_TESTING_RESULTS_H_

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "absl/time/time.h"
#include "dag/digest.h"
#include "dag/result.h"

namespace weft {

// A result with these values as its outputs.
inline StoredResult ResultOf(const std::vector<std::string_view>& values) {
  StoredResult result;
  for (std::size_t i = 0; i < values.size(); ++i) {
    result.outputs.push_back({"out" + std::to_string(i), DigestOf(values[i])});
  }
  result.observations = {{Observation::Kind::kFile, "a/b", DigestOf("seen")},
                         {Observation::Kind::kAbsent, "c", Digest()}};
  result.cost = absl::Milliseconds(12);
  return result;
}

// A run of a step with this key.
inline LastRun RunOf(const Digest& key) {
  LastRun run;
  run.key = key;
  run.function = "builtin/concat";
  run.version = "1";
  run.params = DigestOf("params");
  run.inputs = {{"in", DigestOf("input")}};
  run.outputs = {{"out", DigestOf("output")}};
  run.when = absl::FromUnixSeconds(1'700'000'000);
  return run;
}

}  // namespace weft

#endif  // WEFT_DAG_TESTING_RESULTS_H_
