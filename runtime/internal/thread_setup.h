// runtime/internal/thread_setup.h — what each thread of the runtime does first.
#ifndef WEFT_RUNTIME_INTERNAL_THREAD_SETUP_H_
#define WEFT_RUNTIME_INTERNAL_THREAD_SETUP_H_

#include <span>

#include "absl/status/status.h"

namespace weft::runtime_internal {

// Names the calling thread (at most 15 characters) and unblocks the signals that a faulting
// instruction raises, whatever mask it inherited: WebAssembly guests turn them into traps.
void SetUpThread(const char* name);

// Lets the calling thread run on these processors alone. Fails when there is one that cannot exist,
// or when the thread may run on none of them.
absl::Status SetAffinity(std::span<const int> processors);

}  // namespace weft::runtime_internal

#endif  // WEFT_RUNTIME_INTERNAL_THREAD_SETUP_H_
