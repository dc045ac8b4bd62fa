// Protocol. The counter's upper 63 bits count unparks; bit 0 says that the owner sleeps or is about
// to. The owner remembers the count whose tokens it has spent (seen_), so that taking a token is a
// comparison and writes nothing shared.
//
//   Unpark:  fetch_add(2); if bit 0 was set, futex wake.
//   Park:    counter != seen_: take all tokens. Otherwise set bit 0 by CAS from seen_ (an unpark in
//            between makes the CAS fail), sleep while the word is unchanged, clear bit 0.
//
// No wake is lost: the CAS and the unpark's fetch_add are ordered by the counter. If the unpark is
// first, the CAS fails; if the CAS is first, the unpark sees bit 0 and wakes, and the futex call
// compares the word again inside the kernel.
//
// Unpark must stay a read-modify-write even when a token is there already: the owner must see what
// each unparking thread did (edge 1), and a skipped write publishes nothing.
//
// Happens-before edges:
//   (1) Unpark's fetch_add (release) -> the owner's load, failed CAS or fetch_and (acquire).
//   (2) Unref's fetch_sub (acq_rel) -> the last Unref's fetch_sub (acq_rel): every use of the state
//       comes before its deletion.
#include "parker/parker.h"

#include <atomic>
#include <cstdint>

#include "base/instant.h"
#include "parker/internal/futex.h"

namespace weft {
namespace parker_internal {
namespace {

constexpr uint64_t kAsleep = 1;
constexpr uint64_t kOneUnpark = 2;

// The half of the counter that holds bit 0: the kernel compares 32 bits.
const uint32_t* FutexWord(const State* state) {
  constexpr int kLowHalf = __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? 0 : 1;
  static_assert(sizeof(state->counter) == 2 * sizeof(uint32_t));
  return reinterpret_cast<const uint32_t*>(&state->counter) + kLowHalf;
}

}  // namespace

void Ref(State* state) { state->references.fetch_add(1, std::memory_order_relaxed); }

void Unref(State* state) {
  if (state->references.fetch_sub(1, std::memory_order_acq_rel) == 1) delete state;  // (2)
}

void Unpark(State* state) {
  const uint64_t before = state->counter.fetch_add(kOneUnpark, std::memory_order_release);  // (1)
  if ((before & kAsleep) != 0) FutexWakeOne(FutexWord(state));
}

}  // namespace parker_internal

using parker_internal::FutexWait;
using parker_internal::FutexWord;
using parker_internal::kAsleep;

Parker::Parker() : state_(new parker_internal::State) {}

Parker::~Parker() { parker_internal::Unref(state_); }

Unparker Parker::unparker() const {
  parker_internal::Ref(state_);
  return Unparker(state_);
}

bool Parker::TryPark() {
  const uint64_t now = state_->counter.load(std::memory_order_acquire);  // (1)
  if (now == seen_) return false;
  seen_ = now;
  return true;
}

void Parker::Park() { ParkUntil(Instant::InfiniteFuture()); }

ParkResult Parker::ParkUntil(Instant deadline) {
  if (TryPark()) return ParkResult::kToken;
  return Sleep(deadline);
}

ParkResult Parker::Sleep(Instant deadline) {
  const uint64_t asleep = seen_ | kAsleep;
  uint64_t expected = seen_;
  // The success order could be relaxed; GCC 12 refuses a failure order that is stronger.
  if (!state_->counter.compare_exchange_strong(expected, asleep, std::memory_order_acquire,
                                               std::memory_order_acquire)) {  // (1)
    seen_ = expected;
    return ParkResult::kToken;
  }
  while (state_->counter.load(std::memory_order_relaxed) == asleep) {
    if (deadline != Instant::InfiniteFuture() && MonotonicNow() >= deadline) break;
    FutexWait(FutexWord(state_), static_cast<uint32_t>(asleep), deadline);
  }
  const uint64_t last = state_->counter.fetch_and(~kAsleep, std::memory_order_acquire);  // (1)
  if (last == asleep) return ParkResult::kDeadline;
  seen_ = last & ~kAsleep;
  return ParkResult::kToken;
}

}  // namespace weft
