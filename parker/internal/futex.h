// parker/internal/futex.h — the two futex calls that a parker makes.
#ifndef WEFT_PARKER_INTERNAL_FUTEX_H_
#define WEFT_PARKER_INTERNAL_FUTEX_H_

#include <cstdint>

#include "base/instant.h"

namespace weft::parker_internal {

// Sleeps while `*word` equals `expected`, until a wake-up or `deadline`. May return early for no
// reason: call it in a loop over the condition. Returns at once when the word differs.
void FutexWait(const uint32_t* word, uint32_t expected, Instant deadline);

// Wakes one thread that sleeps on `word`, if there is one.
void FutexWakeOne(const uint32_t* word);

}  // namespace weft::parker_internal

#endif  // WEFT_PARKER_INTERNAL_FUTEX_H_
