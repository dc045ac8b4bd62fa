// mpmc/queue_shape.h — choices about a queue that are made at compile time.
#ifndef WEFT_MPMC_QUEUE_SHAPE_H_
#define WEFT_MPMC_QUEUE_SHAPE_H_

namespace weft {

// How many threads may pop at a time.
enum class QueueConsumers { kOne, kMany };

// Whether small values share cache lines with their neighbours.
enum class QueueSlots {
  kPacked,  // sizeof(T) + 8 bytes a slot: less memory, and several values a cache line moved.
  kPadded,  // A cache line a slot for values of up to 56 bytes: neighbours do not collide.
};

}  // namespace weft

#endif  // WEFT_MPMC_QUEUE_SHAPE_H_
