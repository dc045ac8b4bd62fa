// Goal: discarded pages are given back to the system and read as zeroes.
#include "mpmc/internal/page_memory.h"

#include <sys/mman.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <new>

#include "gtest/gtest.h"

namespace weft::mpmc_internal {
namespace {

constexpr std::size_t kPages = 4;
constexpr std::size_t kBytes = kPages * PageMemory::kAlignment;

std::size_t ResidentPages(void* block) {
  unsigned char resident[kPages] = {};
  EXPECT_EQ(mincore(block, kBytes, resident), 0);
  std::size_t count = 0;
  for (unsigned char page : resident) count += page & 1;
  return count;
}

TEST(PageMemoryTest, BlocksAreAlignedAndZero) {
  void* const block = PageMemory::Allocate(kBytes);
  EXPECT_EQ(reinterpret_cast<uintptr_t>(block) % PageMemory::kAlignment, 0u);
  for (std::size_t i = 0; i < kBytes; ++i) ASSERT_EQ(static_cast<char*>(block)[i], 0);
  PageMemory::Free(block, kBytes);
}

TEST(PageMemoryTest, DiscardedPagesAreGoneAndReadAsZeroes) {
  void* const block = PageMemory::Allocate(kBytes);
  std::memset(block, 7, kBytes);
  EXPECT_EQ(ResidentPages(block), kPages);
  EXPECT_TRUE(PageMemory::Discard(block, kBytes));
  EXPECT_EQ(ResidentPages(block), 0u);
  for (std::size_t i = 0; i < kBytes; ++i) ASSERT_EQ(static_cast<char*>(block)[i], 0);
  std::memset(block, 8, kBytes);
  EXPECT_EQ(static_cast<char*>(block)[kBytes - 1], 8);
  PageMemory::Free(block, kBytes);
}

TEST(PageMemoryTest, AskingForTooMuchThrows) {
  EXPECT_THROW(PageMemory::Allocate(std::size_t{1} << 60), std::bad_alloc);
}

}  // namespace
}  // namespace weft::mpmc_internal
