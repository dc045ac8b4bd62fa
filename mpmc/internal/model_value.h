// mpmc/internal/model_value.h — the element type of model tests of queues that construct and
// destroy their values in slots.
#ifndef WEFT_MPMC_INTERNAL_MODEL_VALUE_H_
#define WEFT_MPMC_INTERNAL_MODEL_VALUE_H_

#include "tools/model/plain.h"

namespace weft::mpmc_internal {

// A number in plain memory that can only be moved.
class ModelValue {
 public:
  explicit ModelValue(int value) : value_(value) {}
  ModelValue(ModelValue&&) noexcept = default;
  ModelValue& operator=(ModelValue&&) noexcept = default;

  int Read() const { return value_.Read(); }

 private:
  model::Plain<int> value_;
};

}  // namespace weft::mpmc_internal

#endif  // WEFT_MPMC_INTERNAL_MODEL_VALUE_H_
