// dag/internal/lookup.h — what the store knows of a step that is about to run.
#ifndef WEFT_DAG_INTERNAL_LOOKUP_H_
#define WEFT_DAG_INTERNAL_LOOKUP_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "dag/blob.h"
#include "dag/execute.h"
#include "dag/function.h"
#include "dag/result.h"
#include "dag/spec.h"
#include "dag/store.h"

namespace weft::dag_internal {

// Of what a step is made now: all of LastRun but the outputs, the observations and the time.
LastRun DescribeStep(const StepSpec& step, const StepFunction& function,
                     absl::Span<const StepInput> inputs);

// Whether the results of the step may be taken from the store and put there.
bool IsCacheable(const StepSpec& step, const StepFunction& function);

// What the store answered.
struct Found {
  // The outputs, if the store has an intact result whose observations still hold.
  std::optional<std::vector<Blob>> outputs;
  RunReason reason = RunReason::kNone;
  std::string explanation;
  // What the caller shall put down as the last run (the result came from the store, but the record
  // is of another one), so that the next explanation compares with what counted last.
  std::optional<RunRecord> to_record;
  // Trouble with the store, or OK. A store in trouble is as good as an empty one.
  absl::Status trouble;
};

// Asks the store. `now` is DescribeStep of the step. Blocks; the store outlives the blobs.
Found LookUp(ResultStore& store, const std::string& graph_name, const StepSpec& step,
             const LastRun& now, bool cacheable);

}  // namespace weft::dag_internal

#endif  // WEFT_DAG_INTERNAL_LOOKUP_H_
