// tools/model/internal/event.h — what a thread did, as one node of an execution graph.
#ifndef WEFT_TOOLS_MODEL_INTERNAL_EVENT_H_
#define WEFT_TOOLS_MODEL_INTERNAL_EVENT_H_

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>

namespace weft::model_internal {

// The scenario's own thread is thread 0.
inline constexpr int kMaxThreads = 8;

using EventId = uint16_t;     // Place in the order in which events were added to the graph.
using LocationId = uint16_t;  // One atomic object.
using PlaceId = uint16_t;     // One place in a source file.

inline constexpr uint16_t kNone = 0xFFFF;
// As the source of a read: the value that the atomic was made with.
inline constexpr EventId kInitial = 0xFFFE;

// How many events of each thread come before something.
struct Clock {
  std::array<uint16_t, kMaxThreads> at{};

  void Join(const Clock& other) {
    for (int t = 0; t < kMaxThreads; ++t) at[t] = std::max(at[t], other.at[t]);
  }
};

enum class Kind : uint8_t {
  kRead,   // A load, or the reading half of a read-modify-write, or a failed CAS.
  kWrite,  // A store, or the writing half: then the event before it in its thread is its kRead.
  kFence,
  kLight,  // LightBarrier()
  kHeavy,  // HeavyBarrier()
  kSpawn,
  kStart,
  kEnd,
  kJoin,
  kChoice,  // Choose(), and what else may go one way or another.
  kPause,   // A pause that returned although nothing had changed.
};

// What a read-modify-write does with the value that it reads.
enum class Change : uint8_t {
  kNothing,
  kSet,
  kAdd,
  kSubtract,
  kAnd,
  kOr,
  kXor,
  kCompare,
  kEnqueue,  // futex.cc: a queue of bytes, the first one lowest. Puts a byte at the end.
  kDequeue,  // Takes a byte out.
  kWake,     // Takes the first bytes out.
};

struct Event {
  Kind kind = Kind::kFence;
  Change change = Change::kNothing;
  std::memory_order order = std::memory_order::relaxed;
  // The order of a CAS that fails.
  std::memory_order failure_order = std::memory_order::relaxed;
  uint8_t thread = 0;
  uint8_t size = 8;               // Bytes of the object.
  bool weak = false;              // A weak CAS.
  bool updates = false;           // kRead: a kWrite follows. kWrite: it is that one.
  bool spurious = false;          // A weak CAS that failed for no reason.
  bool promised = false;          // kWrite: it may be read before its thread comes to it.
  uint16_t fulfilled_at = kNone;  // promised: size of the graph when its thread came to it.
  bool awaits = false;  // kRead: the thread sleeps for good unless the latest write wakes it.
  uint16_t index = 0;   // In its thread.
  LocationId location = kNone;
  PlaceId place = 0;
  EventId source = kNone;    // kRead: the write. kStart: the kSpawn. kJoin: the kEnd.
  EventId previous = kNone;  // The access of the same thread to the same location before this one.
  EventId next_write = kNone;      // kWrite: modification order.
  EventId previous_write = kNone;  // kWrite: modification order; kInitial for the first.
  uint16_t position = 0;           // kWrite: place in the modification order, from 1.
  uint16_t release_fence = kNone;  // Index of the last release fence of the thread up to here.
  uint64_t value = 0;              // What was read, written or chosen; kSpawn, kJoin: the thread.
  uint64_t operand = 0;            // kRead that updates: the operand, or the desired value.
  uint64_t expected = 0;           // kCompare. kChoice: the number of choices.
  Clock before;                    // What happens before this event, itself included.
  Clock prefix;   // What this event depends on by program order and reads-from, itself included.
  Clock release;  // kWrite: what happens before whoever acquires it.
  Clock pending;  // What an acquire fence behind this event acquires.
};

inline bool IsAcquire(std::memory_order order) {
  return order == std::memory_order::acquire || order == std::memory_order::consume ||
         order == std::memory_order::acq_rel || order == std::memory_order::seq_cst;
}

inline bool IsRelease(std::memory_order order) {
  return order == std::memory_order::release || order == std::memory_order::acq_rel ||
         order == std::memory_order::seq_cst;
}

inline bool IsAccess(const Event& e) { return e.kind == Kind::kRead || e.kind == Kind::kWrite; }

// The order that a read acts with: a CAS that failed has one of its own.
inline std::memory_order EffectiveOrder(const Event& e) {
  return e.change == Change::kCompare && !e.updates ? e.failure_order : e.order;
}

}  // namespace weft::model_internal

#endif  // WEFT_TOOLS_MODEL_INTERNAL_EVENT_H_
