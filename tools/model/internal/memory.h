// tools/model/internal/memory.h — the heap of a scenario.
//
// While a scenario runs, operator new takes from an arena of its thread and never gives a block out
// twice in one execution. So the address of a block depends only on what its thread did before,
// which lets pointers travel through atomics; what an abandoned execution held is forgotten at no
// cost; and memory that was freed stays recognisable.
#ifndef WEFT_TOOLS_MODEL_INTERNAL_MEMORY_H_
#define WEFT_TOOLS_MODEL_INTERNAL_MEMORY_H_

#include <cstddef>

namespace weft::model_internal {

// What may go wrong with memory; the explorer makes a failure of it.
using MemoryFailure = void (*)(const char* message);

class Heap {
 public:
  // Starts an execution: all blocks of the last one are gone.
  static void Reset(MemoryFailure on_failure);

  // Whose arena operator new takes from; -1 for the system's heap, as outside of scenarios.
  static int SetThread(int thread);

  static void* Allocate(std::size_t size, std::size_t alignment);
  // False if the block is not of an arena.
  static bool Free(void* block);

  // Blocks of this execution that are not freed.
  static int LiveBlocks();
};

// The checker's own allocations, on behalf of a thread of the scenario, come from the system.
class OutsideHeap {
 public:
  OutsideHeap() : thread_(Heap::SetThread(-1)) {}
  ~OutsideHeap() { Heap::SetThread(thread_); }
  OutsideHeap(const OutsideHeap&) = delete;
  OutsideHeap& operator=(const OutsideHeap&) = delete;

 private:
  const int thread_;
};

}  // namespace weft::model_internal

#endif  // WEFT_TOOLS_MODEL_INTERNAL_MEMORY_H_
