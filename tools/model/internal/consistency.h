// tools/model/internal/consistency.h — the sequentially consistent order of a graph.
//
// Coherence and atomicity are kept by construction (Graph::Bound, Explorer). What is left is
// [atomics.order] of C++20: there is a total order S of all seq_cst operations, fences included,
// such that
//   - it agrees with "strongly happens before", and
//   - for accesses A, B of one atomic where A is coherence-ordered before B:
//       A and B are seq_cst                                   -> A before B
//       A is seq_cst, B happens before a seq_cst fence Y      -> A before Y
//       a seq_cst fence X happens before A, B is seq_cst      -> X before B
//       X happens before A, B happens before Y                -> X before Y
// and, by the axioms of base/asymmetric_barrier.h, a like order of the light and heavy barriers in
// which two light ones constrain each other only by happening before.
#ifndef WEFT_TOOLS_MODEL_INTERNAL_CONSISTENCY_H_
#define WEFT_TOOLS_MODEL_INTERNAL_CONSISTENCY_H_

#include "tools/model/internal/graph.h"

namespace weft::model_internal {

// Whether both orders exist.
bool OrdersExist(const Graph& graph);

}  // namespace weft::model_internal

#endif  // WEFT_TOOLS_MODEL_INTERNAL_CONSISTENCY_H_
