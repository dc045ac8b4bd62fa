// tools/stress/allocations.h — counts the allocations of a test program, and makes one fail.
//
//   const int64_t before = stress::AllocationCount();
//   queue.Push(1);
//   EXPECT_EQ(stress::AllocationCount(), before);
//
//   // Every allocation of an operation fails once, and none of its failures does harm.
//   for (int64_t n = 1;; ++n) {
//     stress::FailAllocation failure(n);
//     ... the operation; expect that it throws or succeeds, and leaves everything intact ...
//     if (!failure.happened()) break;  // It has fewer than n allocations.
//   }
//
// A program that links //tools/stress:allocations has its operator new and delete, all forms, over
// malloc(): so sanitizers still see every block. Not for tests of code under tools/model, which has
// a heap of its own.
//
// ThreadSanitizer's runtime for C++ defines these operators too, and clang++ links it: by hand,
// link with `clang -fsanitize=thread ... -lstdc++ -lm`, as Bazel does.
#ifndef WEFT_TOOLS_STRESS_ALLOCATIONS_H_
#define WEFT_TOOLS_STRESS_ALLOCATIONS_H_

#include <cstdint>

namespace weft::stress {

// Calls of operator new so far, of all threads and forms, those that failed included. Thread-safe;
// exact for threads that were joined, or do not allocate meanwhile.
int64_t AllocationCount();

// Blocks of operator new that are not deleted. Thread-safe, as AllocationCount().
int64_t LiveAllocations();

// As long as it lives, allocation number `n` from its making on (1: the next one) throws
// std::bad_alloc, whichever thread asks; the others succeed. One at a time in a process. A test's
// own allocations count as well: make it right before what is under test.
class FailAllocation {
 public:
  explicit FailAllocation(int64_t n);
  ~FailAllocation();
  FailAllocation(const FailAllocation&) = delete;
  FailAllocation& operator=(const FailAllocation&) = delete;

  // Whether the n-th allocation was asked for.
  bool happened() const;
};

}  // namespace weft::stress

#endif  // WEFT_TOOLS_STRESS_ALLOCATIONS_H_
