// base/cache_line.h — the distance that keeps two hot words of different writers apart.
#ifndef WEFT_BASE_CACHE_LINE_H_
#define WEFT_BASE_CACHE_LINE_H_

#include <cstddef>

namespace weft {

// Size of the unit in which cores exchange memory, in bytes. A constant of our own, because
// std::hardware_destructive_interference_size may change with compiler flags and so breaks an ABI.
inline constexpr std::size_t kCacheLineSize = 64;

}  // namespace weft

#endif  // WEFT_BASE_CACHE_LINE_H_
