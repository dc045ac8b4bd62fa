// mpmc/internal/mpsc_chain.h — the linked list behind IntrusiveMpscQueue, over any atomics.
//
//   front_ -> node -> node -> ... -> back_        one of them may be the stub
//
// A push exchanges back_ for its node and then links the former back to it. Between these two steps
// the list is cut in two, and what lies behind the cut cannot be reached: kBusy.
//
// Happens-before edges:
//   (1) Push stores the link to its node (release) -> the consumer loads it (acquire): the node's
//       contents are there; and, since this is the last access of that push, the node before it is
//       the consumer's alone.
//   (2) exchange of back_ (release) -> the next exchange of back_ (acquire): the null that a push
//       stored in its node's link comes before the link that the next push stores there.
#ifndef WEFT_MPMC_INTERNAL_MPSC_CHAIN_H_
#define WEFT_MPMC_INTERNAL_MPSC_CHAIN_H_

#include <atomic>

#include "base/cache_line.h"
#include "mpmc/pop_result.h"

namespace weft::mpmc_internal {

// The link of a node.
template <typename Atomics>
struct MpscLink {
  typename Atomics::template Atomic<MpscLink*> next{nullptr};
};

// See IntrusiveMpscQueue for the contract.
template <typename Atomics>
class MpscChain {
 public:
  using Link = MpscLink<Atomics>;

  // What a pop found: a node with kOk, otherwise null with kEmpty or kBusy.
  struct Popped {
    PopOutcome outcome;
    Link* link;
  };

  MpscChain() : back_(&stub_), front_(&stub_) {}
  MpscChain(const MpscChain&) = delete;
  MpscChain& operator=(const MpscChain&) = delete;

  void Push(Link* link) {
    link->next.store(nullptr, std::memory_order_relaxed);
    Link* const before = back_.exchange(link, std::memory_order_acq_rel);  // (2)
    before->next.store(link, std::memory_order_release);                   // (1)
  }

  Popped TryPop() {
    Link* front = front_;
    Link* next = front->next.load(std::memory_order_acquire);  // (1)
    if (front == &stub_) {
      if (next == nullptr) return Nothing();
      front = front_ = next;
      next = front->next.load(std::memory_order_acquire);  // (1)
    }
    if (next == nullptr) {
      // The last node, or the list is cut behind it. The stub takes its place as the back, because
      // a node that a push may still link to cannot be given away.
      if (back_.load(std::memory_order_relaxed) != front) return {PopOutcome::kBusy, nullptr};
      Push(&stub_);
      next = front->next.load(std::memory_order_acquire);  // (1)
      if (next == nullptr) return {PopOutcome::kBusy, nullptr};
    }
    front_ = next;
    return {PopOutcome::kOk, front};
  }

 private:
  // The stub is the front and has no successor. If it is the back too, no push has come since the
  // consumer put it there; relaxed, because a push that happened before this call is seen anyway.
  Popped Nothing() const {
    return {
        back_.load(std::memory_order_relaxed) == &stub_ ? PopOutcome::kEmpty : PopOutcome::kBusy,
        nullptr};
  }

  // Producers.
  alignas(kCacheLineSize) typename Atomics::template Atomic<Link*> back_;
  // The consumer's, but for the link of the stub.
  alignas(kCacheLineSize) Link* front_;
  Link stub_;
};

}  // namespace weft::mpmc_internal

#endif  // WEFT_MPMC_INTERNAL_MPSC_CHAIN_H_
