// tools/model/testing/explored.h — the behaviours of a small program, as the checker finds them.
#ifndef WEFT_TOOLS_MODEL_TESTING_EXPLORED_H_
#define WEFT_TOOLS_MODEL_TESTING_EXPLORED_H_

#include <map>
#include <set>
#include <string>

#include "tools/model/testing/reference.h"

namespace weft::model_testing {

struct Explored {
  std::map<std::string, int> executions;  // As ConsistentExecutions(), with how often each came.
  std::set<std::string> outcomes;         // The values read, in the order of the program's text.
  std::set<std::string> final_values;     // "x y z" at the end.
  int count = 0;                          // Executions.
  std::string failure;
};

Explored ExploreProgram(const Program& program, int load_buffering = 0);

}  // namespace weft::model_testing

#endif  // WEFT_TOOLS_MODEL_TESTING_EXPLORED_H_
