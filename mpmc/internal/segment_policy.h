// mpmc/internal/segment_policy.h — the sizes of the segments of SegmentQueue, and their memory.
#ifndef WEFT_MPMC_INTERNAL_SEGMENT_POLICY_H_
#define WEFT_MPMC_INTERNAL_SEGMENT_POLICY_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "base/cache_line.h"
#include "mpmc/internal/page_memory.h"

namespace weft::mpmc_internal {

// The sizes that ship. A segment of large values holds at least 4.
template <typename T>
struct SegmentPolicy {
  using Memory = PageMemory;

  static constexpr std::size_t kSegmentBytes = 32 * 1024;
  static constexpr std::size_t kAlignment = std::max(alignof(T), alignof(uint64_t));
  static constexpr std::size_t kSlotBytes =
      (sizeof(uint64_t) + kAlignment - 1) / kAlignment * kAlignment +
      (sizeof(T) + kAlignment - 1) / kAlignment * kAlignment;
  static constexpr uint32_t kSlots = static_cast<uint32_t>(std::max<std::size_t>(
      4, (kSegmentBytes - std::max(kCacheLineSize, kAlignment)) / kSlotBytes));
  static constexpr std::size_t kSpares = 2;
};

}  // namespace weft::mpmc_internal

#endif  // WEFT_MPMC_INTERNAL_SEGMENT_POLICY_H_
