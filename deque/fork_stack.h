// deque/fork_stack.h — the work-stealing deque of a fork-join: jobs that lie on the stack of the
// thread that forks, strictly nested.
//
// A fork pushes a job for its second half, runs its first half, and pops the job again. In the
// usual case nobody has stolen it, and fork and join cost a few plain loads and stores. If it was
// stolen, the owner waits until it has ended (and may steal meanwhile), then restores the index.
//
//   const int t = stack.Depth();
//   if (stack.Push(t, &job)) {
//     first();
//     if (stack.Pop(t)) second(); else { WaitFor(job); stack.Restore(t); }
//   } else { first(); second(); }      // nested deeper than the stack
//
// Thieves may sleep while there are no jobs, without a price for the owner. A thief that goes to
// sleep says so where the owner will look (its own word, then a seq_cst fence), calls Ask(), runs
// HeavyBarrier() if that was true, and looks at SizeHint() a last time. The owner whose Offer()
// answers kWanted runs a seq_cst fence, looks whether somebody sleeps, wakes one, and calls Ask()
// itself while others do.
//
// Differs from Deque: the owner names the index, which it still has in a register, and a job is
// never moved; so nothing grows, and thieves may read a slot after they have won it.
//
// Guarantees
//   Thread safety    Owner: Depth, Offer, Push, Pop, Restore, from one thread (checked in debug
//                    builds). Steal, Ask and the hint: any thread. No call may overlap destruction.
//   Exactly once     For each push, either Pop(t) is true or one Steal returns the job.
//   Order            Steal returns the oldest job: the largest piece.
//   Nesting          Pops come in the reverse order of the pushes. A job that was stolen stays
//                    alive, and its index in use, until it has ended and Restore(t) was called.
//   Memory ordering  What the owner did before the push is visible to the thief. That what the
//                    thief did is visible to the owner before Restore is the caller's matter (the
//                    flag by which it waits).
//   No stranded work A steal takes from an owner that runs a long leaf, or sleeps; as Deque.
//   Progress         Lock-free. A steal spins for at most about a microsecond.
//   Complexity       O(1), no allocation. Memory: 8 bytes for each index.
//
// Example: fork_stack_example.cc
// Algorithm: README.md § Design.
#ifndef WEFT_DEQUE_FORK_STACK_H_
#define WEFT_DEQUE_FORK_STACK_H_

#include <cstddef>

#include "base/atomics.h"
#include "base/check.h"
#include "base/thread_checker.h"
#include "deque/internal/fork_word.h"
#include "deque/internal/nested_split.h"
#include "deque/internal/ring_word.h"
#include "deque/steal_result.h"

namespace weft {

// See the head of the file. Neither copied nor moved.
template <typename Job>
class ForkStack {
 public:
  static constexpr int kDefaultDepth = 1'024;
  static constexpr int kMaxDepth = deque_internal::ForkWord::kMaxIndex;

  // `max_depth`: how many nested jobs can be offered to thieves at a time. Precondition (checked):
  // 0 < max_depth <= kMaxDepth.
  explicit ForkStack(int max_depth = kDefaultDepth) : stack_(OptionsOf(max_depth)) {}

  ForkStack(const ForkStack&) = delete;
  ForkStack& operator=(const ForkStack&) = delete;

  // Owner. The index of the next push.
  int Depth() const { return stack_.Depth(); }

  // Owner. Offers `job` to thieves. kFull if the stack is max_depth deep: the job was not offered,
  // and neither Pop nor Restore may follow. Precondition (checked in debug builds): t == Depth().
  using Offered = deque_internal::Offered;
  Offered Offer(int t, Job* job) {
    CheckOwner("ForkStack::Offer()");
    WEFT_DCHECK(t == Depth()) << "ForkStack::Offer(t): expected t = " << Depth() << ", found " << t;
    return stack_.Push(t, job);
  }

  // Owner. The same for those whose thieves never sleep: false if the stack is max_depth deep.
  bool Push(int t, Job* job) { return Offer(t, job) != Offered::kFull; }

  // Owner. Whether the job of index t is the owner's again; otherwise a thief has it. Precondition
  // (checked in debug builds): it is the newest that was neither popped nor restored.
  bool Pop(int t) {
    CheckOwner("ForkStack::Pop()");
    WEFT_DCHECK(t + 1 == Depth()) << "ForkStack::Pop(t): expected t = " << Depth() - 1 << ", found "
                                  << t << "; joins must be nested";
    return stack_.Pop(t);
  }

  // Owner. Gives index t free, after Pop(t) was false and the stolen job has ended.
  void Restore(int t) {
    CheckOwner("ForkStack::Restore()");
    WEFT_DCHECK(t + 1 == Depth()) << "ForkStack::Restore(t): expected t = " << Depth() - 1
                                  << ", found " << t << "; joins must be nested";
    stack_.Restore(t);
  }

  // Any thread. Takes the oldest job. One attempt.
  StealResult<Job*> Steal() {
    Job* job = nullptr;
    switch (stack_.Steal(&job)) {
      case deque_internal::Taken::kItem:
        return {StealOutcome::kStolen, job};
      case deque_internal::Taken::kEmpty:
        return {StealOutcome::kEmpty, std::nullopt};
      case deque_internal::Taken::kLost:
        break;
    }
    return {StealOutcome::kLost, std::nullopt};
  }

  // Any thread. Has the next Offer() answer kWanted. False: it would have anyway.
  bool Ask() { return stack_.Ask(); }

  // Any thread. Number of jobs that can be stolen; a hint.
  std::size_t SizeHint() const { return static_cast<std::size_t>(stack_.Size()); }

 private:
  static deque_internal::NestedOptions OptionsOf(int max_depth) {
    WEFT_CHECK(max_depth > 0 && max_depth <= kMaxDepth)
        << "ForkStack(max_depth): expected 1 to " << kMaxDepth << ", found " << max_depth;
    deque_internal::NestedOptions options;
    options.asymmetric = StdAtomics::AsymmetricBarriersAreAvailable();
    options.capacity = max_depth;
    return options;
  }

  void CheckOwner(const char* operation) {
    owner_.Check(operation, "the owner", "other threads take jobs by Steal()");
  }

  deque_internal::NestedSplit<Job*, StdAtomics> stack_;
  ThreadChecker owner_;
};

}  // namespace weft

#endif  // WEFT_DEQUE_FORK_STACK_H_
