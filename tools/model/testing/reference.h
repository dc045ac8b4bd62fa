// tools/model/testing/reference.h — the behaviours of a small program, by brute force.
//
// A second opinion on the model checker: this file and reference.cc share nothing with it but the
// names of the orders. Every way in which reads may read and writes may stand is tried, and each is
// judged by relations that are written down as the standard words them, as matrices and fixed
// points, without a thought of speed.
#ifndef WEFT_TOOLS_MODEL_TESTING_REFERENCE_H_
#define WEFT_TOOLS_MODEL_TESTING_REFERENCE_H_

#include <atomic>
#include <set>
#include <string>
#include <vector>

namespace weft::model_testing {

enum class Op { kLoad, kStore, kExchange, kOr, kCompare, kFence, kLight, kHeavy };

// One operation of a straight-line thread.
struct Step {
  Op op = Op::kLoad;
  int location = 0;
  std::memory_order order = std::memory_order_relaxed;
  std::memory_order failure = std::memory_order_relaxed;  // kCompare
  int value = 0;                                          // Stored, or-ed, desired.
  int expected = 0;                                       // kCompare
  bool if_odd = false;  // Done only if the thread's last read gave an odd number.
};

using Program = std::vector<std::vector<Step>>;  // Threads 1, 2, ...

inline constexpr int kLocations = 3;  // All start as 0.

// The consistent executions, each as a text: for each thread what its operations read from, and the
// modification order of each location. "1:-,2.0,i;..." names the source of each operation.
std::set<std::string> ConsistentExecutions(const Program& program);

// Those that in addition read one relaxed store before its thread has come to it (a cycle of
// program order and reads-from that goes away without the reads of that store). For programs of
// loads, stores, exchanges and fences without conditions.
std::set<std::string> BufferedExecutions(const Program& program);

// The program as C++, for messages.
std::string Print(const Program& program);

}  // namespace weft::model_testing

#endif  // WEFT_TOOLS_MODEL_TESTING_REFERENCE_H_
