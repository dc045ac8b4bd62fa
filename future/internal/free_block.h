// future/internal/free_block.h — a block of memory that nobody uses, in a list of such blocks.
#ifndef WEFT_FUTURE_INTERNAL_FREE_BLOCK_H_
#define WEFT_FUTURE_INTERNAL_FREE_BLOCK_H_

#include <cstddef>

namespace weft::future_internal {

// Aliases all: compilers must not move accesses to what the block was, or becomes, across those to
// these members.
struct [[gnu::may_alias]] FreeBlock {
  FreeBlock* next;
  union {
    std::size_t count;      // of the blocks from this one to the end of its list
    FreeBlock* next_batch;  // for whoever keeps lists of blocks
  };
};

}  // namespace weft::future_internal

#endif  // WEFT_FUTURE_INTERNAL_FREE_BLOCK_H_
