// tools/model/testing/axioms.h — whether the standard allows an execution, in its own words.
#ifndef WEFT_TOOLS_MODEL_TESTING_AXIOMS_H_
#define WEFT_TOOLS_MODEL_TESTING_AXIOMS_H_

#include <atomic>
#include <vector>

#include "tools/model/testing/reference.h"

namespace weft::model_testing {

// An operation that was done. Thread -1: the initial value of a location.
struct Done {
  int thread = -1;
  int index = 0;
  Op op = Op::kStore;
  int location = -1;
  std::memory_order order = std::memory_order_relaxed;
  bool reads = false;
  bool writes = false;
  int read = 0;
  int written = 0;
  int source = -1;  // Index in the execution.
};

// `modification[l]` lists the writes of location l by their index in `events`, the initial one
// first.
bool IsConsistent(const std::vector<Done>& events,
                  const std::vector<std::vector<int>>& modification);

}  // namespace weft::model_testing

#endif  // WEFT_TOOLS_MODEL_TESTING_AXIOMS_H_
