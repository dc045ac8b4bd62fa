// sync/internal/waiter.h — a suspended task in the list of what it waits for.
#ifndef WEFT_SYNC_INTERNAL_WAITER_H_
#define WEFT_SYNC_INTERNAL_WAITER_H_

#include <cstddef>

#include "future/waiter.h"

namespace weft::sync_internal {

struct Waiter : WaiterBase<Waiter> {
  std::size_t count = 1;  // How many permits it asks for.
};

}  // namespace weft::sync_internal

#endif  // WEFT_SYNC_INTERNAL_WAITER_H_
