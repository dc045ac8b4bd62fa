// channel/internal/waiter.h — a suspended operation in the list of its channel.
#ifndef WEFT_CHANNEL_INTERNAL_WAITER_H_
#define WEFT_CHANNEL_INTERNAL_WAITER_H_

#include "future/waiter.h"

namespace weft::channel_internal {

// kGranted: a receiver may take one value, a sender's value has been taken. kReleased: the channel
// was closed.
struct Waiter : WaiterBase<Waiter> {
  void* value = nullptr;  // A sender's value; unused by receivers.
};

}  // namespace weft::channel_internal

#endif  // WEFT_CHANNEL_INTERNAL_WAITER_H_
