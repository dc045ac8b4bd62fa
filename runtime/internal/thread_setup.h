// runtime/internal/thread_setup.h — what each thread of the runtime does first.
#ifndef WEFT_RUNTIME_INTERNAL_THREAD_SETUP_H_
#define WEFT_RUNTIME_INTERNAL_THREAD_SETUP_H_

namespace weft::runtime_internal {

// Names the calling thread (at most 15 characters) and unblocks the signals that a faulting
// instruction raises, whatever mask it inherited: WebAssembly guests turn them into traps.
void SetUpThread(const char* name);

}  // namespace weft::runtime_internal

#endif  // WEFT_RUNTIME_INTERNAL_THREAD_SETUP_H_
