// parker/internal/model_futex.h — the seam of this package over the model checker.
#ifndef WEFT_PARKER_INTERNAL_MODEL_FUTEX_H_
#define WEFT_PARKER_INTERNAL_MODEL_FUTEX_H_

#include <cstdint>

#include "base/instant.h"
#include "tools/model/atomic.h"
#include "tools/model/model.h"
#include "tools/model/plain.h"

namespace weft::parker_internal {

// `Base`: model::Atomics, or the one without asymmetric barriers. Any deadline but
// Instant::InfiniteFuture() may pass at any time.
template <typename Base>
struct ModelFutex : Base {
  template <typename T>
  using Atomic = typename Base::template Atomic<T>;
  using Where = typename Base::Where;

  static bool FutexWait(const Atomic<uint64_t>& word, uint64_t expected, Instant deadline,
                        Where where = Where::current()) {
    return Base::FutexWait(word, expected, deadline != Instant::InfiniteFuture(), where);
  }
};

using ModelAtomics = ModelFutex<model::Atomics>;
using ModelAtomicsWithoutAsymmetricBarriers = ModelFutex<model::AtomicsWithoutAsymmetricBarriers>;

}  // namespace weft::parker_internal

#endif  // WEFT_PARKER_INTERNAL_MODEL_FUTEX_H_
