// future/cancel.h — a tree of cancellation flags.
//
// A CancelSource owns the right to cancel; its CancelTokens observe. A source made with a parent
// token is cancelled with its parent, at once and before the parent's Cancel() returns; cancelling
// a child does not touch the parent. Cancelling twice is the same as once. Nothing un-cancels.
//
// Differs from std::stop_token in what happens on cancellation: a CancelRegistration wakes a Waker
// instead of running a callback, so no foreign code runs on the canceller's stack, none runs under
// a lock, and letting go of a registration never blocks.
//
//   Thread safety    All methods may be called from any thread; one CancelRegistration by one
//                    thread at a time.
//   Memory ordering  If X called Cancel() and Y sees StopRequested(), what X did before is visible
//                    to Y.
//   Complexity       StopRequested() is one load. Cancel() is O(tokens and registrations below).
//                    Making and dropping a child is O(1), and a dropped child leaves nothing behind
//                    in its parent.
//   Lifetime         Tokens keep what they need alive; a source may be destroyed while tokens live.
#ifndef WEFT_FUTURE_CANCEL_H_
#define WEFT_FUTURE_CANCEL_H_

#include <atomic>
#include <utility>
#include <vector>

#include "base/intrusive_list.h"
#include "future/waker.h"

namespace weft {

class CancelToken;
class Context;

namespace future_internal {

class CancelEntry;
class CancelNode;

// What a token looks at: here, because each poll of each task does.
class CancelFlag {
 public:
  // Edge (1): pairs with the release store of the canceller.
  bool IsCancelled() const { return cancelled_.load(std::memory_order_acquire); }

 protected:
  constexpr explicit CancelFlag(bool is_cancelled = false) : cancelled_(is_cancelled) {}
  ~CancelFlag() = default;

  std::atomic<bool> cancelled_;  // written once, under a lock of the node's
};

void AddRef(CancelFlag* node);
void Release(CancelFlag* node);

class CellBase;
class ForkGroup;

// A flag of the tree, for dumps: comparable, for as long as somebody has a token of it.
struct CancelNodeView {
  const void* node;
  bool is_cancelled;
};

// The flag that the token observes and those above it, up to the root.
std::vector<CancelNodeView> PathToRoot(const CancelToken& token);

}  // namespace future_internal

// Observes a CancelSource. Copyable; a default-made token is never cancelled.
class CancelToken {
 public:
  CancelToken() = default;
  CancelToken(const CancelToken& other) : node_(other.node_) {
    if (node_ != nullptr) future_internal::AddRef(node_);
  }
  CancelToken(CancelToken&& other) noexcept : node_(std::exchange(other.node_, nullptr)) {}
  CancelToken& operator=(CancelToken other) noexcept {
    std::swap(node_, other.node_);
    return *this;
  }
  ~CancelToken() {
    if (node_ != nullptr) future_internal::Release(node_);
  }

  // Whether the source, or one above it, was cancelled.
  bool StopRequested() const { return node_ != nullptr && node_->IsCancelled(); }

  // Whether it can be cancelled at all: false for a default-made token.
  bool CanBeCancelled() const { return node_ != nullptr; }

  // Equal for tokens of one source, among those that live; null for a default-made one.
  const void* Identity() const { return node_; }

 private:
  friend class CancelSource;
  friend class Context;
  friend class future_internal::CancelEntry;
  friend class future_internal::CellBase;
  friend class future_internal::ForkGroup;
  friend std::vector<future_internal::CancelNodeView> future_internal::PathToRoot(
      const CancelToken& token);
  explicit CancelToken(future_internal::CancelFlag* node) : node_(node) {}

  // A token without a reference, for whoever knows that this one outlives it; it is not destroyed.
  CancelToken Lend() const { return CancelToken(node_); }

  // The node that this belongs to, or null.
  future_internal::CancelNode* node() const;

  future_internal::CancelFlag* node_ = nullptr;  // one reference, or null
};

namespace future_internal {

// What a token wakes: the link, and how to get at the waker. Its owner keeps the token.
class CancelEntry : public IntrusiveListNode<CancelEntry> {
 public:
  // Moves the waker out. Called once, maybe under the token's lock.
  using TakeWaker = Waker (*)(CancelEntry*);
  explicit CancelEntry(TakeWaker take_waker) : take_waker_(take_waker) {}

  // Links the entry until the token is cancelled; if it is, wakes now. Precondition: the token can
  // be cancelled, and the entry is not linked.
  void Link(const CancelToken& token);
  // Takes the entry out and gives its waker back, if it is still linked. The same token.
  [[nodiscard]] Waker Unlink(const CancelToken& token);

 private:
  friend class CancelNode;
  const TakeWaker take_waker_;
};

}  // namespace future_internal

// Owns the right to cancel. Move-only. Destroying it cancels nothing.
class CancelSource {
 public:
  // A tree of its own.
  CancelSource();
  // A child of `parent`: cancelled when the parent is; born cancelled if the parent already is.
  explicit CancelSource(const CancelToken& parent);

  // Cancels this source and all below it, and wakes their registrations. Never blocks for foreign
  // code.
  void Cancel();

  bool StopRequested() const { return token_.StopRequested(); }
  const CancelToken& token() const { return token_; }

 private:
  CancelToken token_;
};

// Wakes a Waker when a token is cancelled. Unregisters when destroyed. A wake that is on its way
// while the registration is destroyed may still arrive.
class CancelRegistration : private future_internal::CancelEntry {
 public:
  CancelRegistration() : CancelEntry(&Take) {}
  CancelRegistration(const CancelRegistration&) = delete;
  CancelRegistration& operator=(const CancelRegistration&) = delete;
  ~CancelRegistration() { Unregister(); }

  // Wakes `waker` once when `token` is cancelled: now, if it already is. Replaces an earlier
  // registration.
  void Register(const CancelToken& token, Waker waker);

  // Forgets the waker. No-op if there is none.
  void Unregister();

 private:
  static Waker Take(future_internal::CancelEntry* entry) {
    return std::move(static_cast<CancelRegistration*>(entry)->waker_);
  }

  CancelToken token_;  // owner only
  Waker waker_;        // under the node's mutex while linked
};

}  // namespace weft

#endif  // WEFT_FUTURE_CANCEL_H_
