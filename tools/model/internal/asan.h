// tools/model/internal/asan.h — whether AddressSanitizer is there, and what it has to be told.
#ifndef WEFT_TOOLS_MODEL_INTERNAL_ASAN_H_
#define WEFT_TOOLS_MODEL_INTERNAL_ASAN_H_

#include <cstddef>

#if defined(__SANITIZE_ADDRESS__)
#define WEFT_MODEL_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define WEFT_MODEL_ASAN 1
#endif
#endif
#ifdef WEFT_MODEL_ASAN
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif

namespace weft::model_internal {

// The memory may be used from here on, whatever its last user has marked.
inline void Unpoison([[maybe_unused]] void* memory, [[maybe_unused]] std::size_t bytes) {
#ifdef WEFT_MODEL_ASAN
  __asan_unpoison_memory_region(memory, bytes);
#endif
}

}  // namespace weft::model_internal

#endif  // WEFT_TOOLS_MODEL_INTERNAL_ASAN_H_
