// future/internal/frame_slabs.h — blocks of one size, cut from slabs of 64 KiB; what all threads
// share behind their caches of frames.
//
// A slab begins at a multiple of its size, so that a block finds it. Its head has a bit for each
// block that is free. So blocks have no header, giving them out touches each once, to write, in the
// order of their addresses, and a slab whose blocks have all come back is seen at once. It then
// serves any other size, or goes back to the system: at most kMostKeptBytes are kept in such slabs
// by the process.
//
// A slab belongs to a home, which some threads share; blocks go back to it, whoever frees them. So
// what a thread takes lies in its processor's cache, or nowhere, rather than in another one's; and
// threads of several homes do not meet. Of slabs that are kept, a home gets first those it had.
//
//   Thread safety    Thread-safe; one lock for each size and home.
//   Errors           std::bad_alloc.
//   Complexity       O(blocks) for each call.
#ifndef WEFT_FUTURE_INTERNAL_FRAME_SLABS_H_
#define WEFT_FUTURE_INTERNAL_FRAME_SLABS_H_

#include <cstddef>
#include <cstdint>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "base/cache_line.h"
#include "base/intrusive_list.h"
#include "base/mutex.h"
#include "future/internal/free_block.h"

namespace weft::future_internal {

// Holds a Mutex for the length of a scope. It is held for some hundred instructions at most, so
// others rather wait than sleep.
class ABSL_SCOPED_LOCKABLE SpinningLock {
 public:
  explicit SpinningLock(Mutex* mutex) ABSL_EXCLUSIVE_LOCK_FUNCTION(mutex);
  SpinningLock(const SpinningLock&) = delete;
  SpinningLock& operator=(const SpinningLock&) = delete;
  ~SpinningLock() ABSL_UNLOCK_FUNCTION() { mutex_->Unlock(); }

 private:
  Mutex* const mutex_;
};

// See the head of the file. On lines of its own: threads of one size need not meet another's.
class alignas(kCacheLineSize) FrameSlabs {
 public:
  static constexpr std::size_t kSlabBytes = 64 * 1024;
  static constexpr std::size_t kMostKeptBytes = 16 * 1024 * 1024;
  static constexpr std::size_t kLeastBlockBytes = 32;
  // More than that many threads share them.
  static constexpr std::size_t kHomes = 8;

  FrameSlabs() = default;
  FrameSlabs(const FrameSlabs&) = delete;
  FrameSlabs& operator=(const FrameSlabs&) = delete;

  // Before all else. Preconditions: a multiple of 16, and far smaller than a slab; below kHomes.
  void SetUp(std::size_t block_bytes, std::size_t home);

  // At most `most` blocks, and at least one: as a list that ends before `end`, each with the number
  // of blocks from there on, of which that of the first is returned too.
  std::pair<FreeBlock*, uint32_t> Take(uint32_t most, FreeBlock* end = nullptr)
      ABSL_LOCKS_EXCLUDED(mutex_);

  // Takes a list back, up to `end`: blocks of one size, whoever took them, to where they are from.
  static void Give(FreeBlock* blocks, const FreeBlock* end = nullptr) noexcept;

  // What the slabs of all sizes take, and how much of it lies in slabs without a block in use.
  static std::size_t TotalBytes();
  static std::size_t KeptBytes();

 private:
  struct Slab;

  static Slab* SlabOf(FreeBlock* block);
  uint32_t IndexOf(FreeBlock* block) const;
  // Takes the blocks at the front of a list back that are its own, and returns the rest.
  FreeBlock* GiveOwn(FreeBlock* blocks, const FreeBlock* end) noexcept ABSL_LOCKS_EXCLUDED(mutex_);
  Slab* MakeSlab() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  std::size_t home_ = 0;  // these four are constant
  std::size_t block_bytes_ = 0;
  uint32_t capacity_ = 0;  // blocks in a slab
  uint32_t inverse_ = 0;   // 2^32 / block_bytes_, rounded up
  Mutex mutex_;
  IntrusiveList<Slab> roomy_ ABSL_GUARDED_BY(mutex_);  // those that have free blocks
};

}  // namespace weft::future_internal

#endif  // WEFT_FUTURE_INTERNAL_FRAME_SLABS_H_
