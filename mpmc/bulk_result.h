// mpmc/bulk_result.h — what bulk pushes and pops answer.
#ifndef WEFT_MPMC_BULK_RESULT_H_
#define WEFT_MPMC_BULK_RESULT_H_

#include <cstddef>

#include "mpmc/pop_result.h"
#include "mpmc/push_result.h"

namespace weft {

// What a bulk operation did: kOk and how many values it moved, or why none.
struct [[nodiscard]] BulkPushResult {
  PushOutcome outcome;
  std::size_t count;
};
struct [[nodiscard]] BulkPopResult {
  PopOutcome outcome;
  std::size_t count;
};

}  // namespace weft

#endif  // WEFT_MPMC_BULK_RESULT_H_
