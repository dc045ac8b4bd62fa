// future/process_counts.h — how many scopes and cancel tokens the process has made and ended.
//
//   uint64_t tokens = ReadProcessCounts()[ProcessCount::kTokensCreated];
//
// Always on. Each thread counts in words of its own, without a locked instruction; a reader sums
// them. They are of the process and not of a runtime, because tokens and scopes know no runtime.
//
//   Thread safety    All functions from any thread, also while it ends.
//   Memory ordering  None. Each number is right for some recent moment, by itself; what the reader
//                    knows to have happened before is in it.
//   Complexity       A count is a load and a store; a thread's first one takes a lock and maybe
//                    allocates. Where there was no memory, all take the lock, and none is lost.
//                    Reading is O(most threads that ever counted at once).
#ifndef WEFT_FUTURE_PROCESS_COUNTS_H_
#define WEFT_FUTURE_PROCESS_COUNTS_H_

#include <array>
#include <cstddef>
#include <cstdint>

namespace weft {

// What is counted. A scope is a WithNursery() that was polled; a token is that of one CancelSource,
// however many copies there are.
enum class ProcessCount : unsigned char {
  kScopesOpened,
  kScopesClosed,
  kScopesWaited,     // the body ended while children were alive
  kScopesCancelled,  // were cancelled, by whatever, when their children had ended
  kScopeChildrenSpawned,
  kTokensCreated,
  kTokensCancelled,
  kTokensDropped,  // the source and all copies of the token are gone
};
inline constexpr std::size_t kProcessCounts = 8;

// All of them, as they were at some moment.
class ProcessCounts {
 public:
  uint64_t operator[](ProcessCount which) const { return counts_[static_cast<std::size_t>(which)]; }

 private:
  friend ProcessCounts ReadProcessCounts();

  std::array<uint64_t, kProcessCounts> counts_{};
};

ProcessCounts ReadProcessCounts();

namespace future_internal {

// For whoever implements what is counted.
void Count(ProcessCount which);

}  // namespace future_internal
}  // namespace weft

#endif  // WEFT_FUTURE_PROCESS_COUNTS_H_
