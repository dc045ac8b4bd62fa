// mpmc/intrusive_mpsc_queue.h — a queue of the users' own nodes, from many threads to one.
//
// The node brings its link along, so a push allocates nothing, cannot fail, and is one exchange and
// one store. Use it for mailboxes: tasks for one worker, messages for one actor, memory on its way
// back to its owner. For values instead of nodes take UnboundedQueue, which serves one consumer
// too.
//
//   struct Message : weft::MpscNode { int text; };
//   weft::IntrusiveMpscQueue<Message> mailbox;
//
// Guarantees
//   Thread safety    Push: any thread. TryPop: one thread at a time, the consumer; debug builds
//                    stop a second one. To hand the role over, call ReleaseConsumer() and order the
//                    two threads yourself. Construction and destruction may not overlap any call.
//   Order            FIFO, in the order of the pushes' exchanges.
//   Exactness        kEmpty is exact: the queue was empty at some moment during the call. kBusy
//                    says that it is not: a push is under way between its two steps, and what lies
//                    behind that cut cannot be reached, not even by complete pushes that came
//   later. Memory ordering  What X did before Push(node) is visible to the consumer after the
//                    TryPop that returned the node.
//   Progress         Push: wait-free, and waits for nobody. TryPop: wait-free; but a thread that is
//                    stopped inside Push() holds the nodes behind its own back (kBusy).
//   Complexity       O(1); no allocation; one pointer a node.
//   Lifetime         From Push() to the TryPop() that returns it the node is the queue's: neither
//                    touched nor destroyed nor pushed again. After that nobody else touches it. The
//                    queue owns nothing: nodes that are inside when it ends are left alone.
//
// Example: intrusive_mpsc_queue_example.cc
#ifndef WEFT_MPMC_INTRUSIVE_MPSC_QUEUE_H_
#define WEFT_MPMC_INTRUSIVE_MPSC_QUEUE_H_

#include <type_traits>

#include "base/atomics.h"
#include "base/thread_checker.h"
#include "mpmc/internal/mpsc_chain.h"
#include "mpmc/pop_result.h"

namespace weft {

// Base class of what goes into an IntrusiveMpscQueue: one queue at a time. Neither copied nor
// moved.
class MpscNode : private mpmc_internal::MpscLink<StdAtomics> {
 public:
  MpscNode() = default;
  MpscNode(const MpscNode&) = delete;
  MpscNode& operator=(const MpscNode&) = delete;

 private:
  template <typename Node>
  friend class IntrusiveMpscQueue;
};

// What TryPop() answers: kOk and a node, or kEmpty or kBusy and null.
template <typename Node>
struct [[nodiscard]] MpscPop {
  PopOutcome outcome;
  Node* node;
};

// See the top of this file.
template <typename Node>
class IntrusiveMpscQueue {
 public:
  IntrusiveMpscQueue() {
    static_assert(std::is_base_of_v<MpscNode, Node>, "Node must have the base class MpscNode");
  }
  IntrusiveMpscQueue(const IntrusiveMpscQueue&) = delete;
  IntrusiveMpscQueue& operator=(const IntrusiveMpscQueue&) = delete;

  // Appends `node`, which is in no queue.
  void Push(Node* node) { chain_.Push(static_cast<MpscNode*>(node)); }

  // Takes the oldest node.
  MpscPop<Node> TryPop() {
    consumer_.Check("IntrusiveMpscQueue::TryPop()", "the consumer",
                    "hand the role over with ReleaseConsumer()");
    const auto popped = chain_.TryPop();
    if (popped.link == nullptr) return {popped.outcome, nullptr};
    return {popped.outcome, static_cast<Node*>(static_cast<MpscNode*>(popped.link))};
  }

  // Lets another thread become the consumer. What the former one did must happen before what the
  // next one does.
  void ReleaseConsumer() { consumer_.Release(); }

 private:
  mpmc_internal::MpscChain<StdAtomics> chain_;
  ThreadChecker consumer_;
};

}  // namespace weft

#endif  // WEFT_MPMC_INTRUSIVE_MPSC_QUEUE_H_
