#include "future/cancel.h"

#include <atomic>
#include <cstdint>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "base/mutex.h"
#include "future/process_counts.h"

namespace weft {
namespace future_internal {

// One flag of the tree. A child holds a reference to its parent; the parent lists its children
// without owning them: a dying child (reference count zero) stays listed until it has taken the
// parent's lock.
class CancelNode : public IntrusiveListNode<CancelNode>, public CancelFlag {
 public:
  explicit CancelNode(CancelNode* parent) : parent_(parent) {
    if (parent != nullptr) AddRef(parent);
    Count(ProcessCount::kTokensCreated);
  }
  ~CancelNode() { Count(ProcessCount::kTokensDropped); }

  // Links this node into its parent, or cancels it if the parent is cancelled already.
  void Attach() {
    if (parent_ == nullptr) return;
    MutexLock lock(&parent_->mutex_);
    if (parent_->IsCancelled()) {
      cancelled_.store(true, std::memory_order_release);  // (1)
      Count(ProcessCount::kTokensCancelled);
    } else {
      parent_->children_.PushBack(this);
    }
  }

  void Ref() { references_.fetch_add(1, std::memory_order_relaxed); }

  // Drops one reference; deletes the node and then, iteratively, each ancestor whose last reference
  // this was.
  static void Unref(CancelNode* node) {
    // Edge (2): the last dropper sees what the others did with the node.
    while (node != nullptr && node->references_.fetch_sub(1, std::memory_order_acq_rel) == 1) {
      CancelNode* const parent = node->parent_;
      if (parent != nullptr) {
        MutexLock lock(&parent->mutex_);
        if (node->IsLinked()) node->Unlink();
      }
      delete node;
      node = parent;
    }
  }

  const CancelNode* parent() const { return parent_; }

  // Cancels `root` and everything below it, with an explicit work list: trees may be deep. Only the
  // links of nodes that this call took out of their parent's list are used: `root` itself may be on
  // the work list of another thread that cancels one of its ancestors.
  static void CancelTree(CancelNode* root) {
    root->Ref();
    CancelNode* pending = root->CancelOne();
    while (pending != nullptr) {
      CancelNode* const node = pending;
      CancelNode* const rest = std::exchange(node->next_to_cancel_, nullptr);
      pending = Concatenate(node->CancelOne(), rest);
      Unref(node);
    }
    Unref(root);
  }

  void Add(CancelEntry* entry) {
    Waker waker;
    {
      MutexLock lock(&mutex_);
      if (!IsCancelled()) {
        entries_.PushBack(entry);
        return;
      }
      waker = entry->take_waker_(entry);
    }
    std::move(waker).Wake();
  }

  // The caller drops the waker, after the lock: dropping may run foreign code.
  Waker Remove(CancelEntry* entry) {
    MutexLock lock(&mutex_);
    if (!entry->IsLinked()) return Waker();
    entry->IntrusiveListNode<CancelEntry>::Unlink();
    return entry->take_waker_(entry);
  }

 private:
  // Sets the flag, wakes the entries, and returns the referenced children as a chain.
  CancelNode* CancelOne() {
    CancelNode* below = nullptr;
    {
      MutexLock lock(&mutex_);
      if (IsCancelled()) return nullptr;
      cancelled_.store(true, std::memory_order_release);  // (1)
      Count(ProcessCount::kTokensCancelled);
      while (CancelNode* child = children_.PopFront()) {
        if (!child->TryRef()) continue;
        child->next_to_cancel_ = below;
        below = child;
      }
    }
    while (true) {
      Waker waker;
      {
        MutexLock lock(&mutex_);
        CancelEntry* const entry = entries_.PopFront();
        if (entry == nullptr) break;
        waker = entry->take_waker_(entry);
      }
      std::move(waker).Wake();
    }
    return below;
  }

  // Takes a reference unless the last one is gone.
  bool TryRef() {
    uint32_t count = references_.load(std::memory_order_relaxed);
    while (count != 0) {
      if (references_.compare_exchange_weak(count, count + 1, std::memory_order_relaxed))
        return true;
    }
    return false;
  }

  static CancelNode* Concatenate(CancelNode* front, CancelNode* back) {
    if (front == nullptr) return back;
    CancelNode* last = front;
    while (last->next_to_cancel_ != nullptr) last = last->next_to_cancel_;
    last->next_to_cancel_ = back;
    return front;
  }

  // The flag is written under mutex_ of this node or of the parent.
  std::atomic<uint32_t> references_{1};   // relaxed increments: the caller holds one already
  CancelNode* const parent_;              // one reference, or null
  CancelNode* next_to_cancel_ = nullptr;  // owned by the one CancelTree() that unlinked this node
  Mutex mutex_;
  IntrusiveList<CancelNode> children_ ABSL_GUARDED_BY(mutex_);
  IntrusiveList<CancelEntry> entries_ ABSL_GUARDED_BY(mutex_);
};

void AddRef(CancelFlag* node) { static_cast<CancelNode*>(node)->Ref(); }
void Release(CancelFlag* node) { CancelNode::Unref(static_cast<CancelNode*>(node)); }

std::vector<CancelNodeView> PathToRoot(const CancelToken& token) {
  std::vector<CancelNodeView> path;
  for (const CancelNode* node = token.node(); node != nullptr; node = node->parent()) {
    path.push_back({static_cast<const CancelFlag*>(node), node->IsCancelled()});
  }
  return path;
}

void CancelEntry::Link(const CancelToken& token) { token.node()->Add(this); }
Waker CancelEntry::Unlink(const CancelToken& token) { return token.node()->Remove(this); }

}  // namespace future_internal

using future_internal::CancelNode;

CancelNode* CancelToken::node() const { return static_cast<CancelNode*>(node_); }

CancelSource::CancelSource() : token_(new CancelNode(nullptr)) {}

CancelSource::CancelSource(const CancelToken& parent) : token_(new CancelNode(parent.node())) {
  token_.node()->Attach();
}

void CancelSource::Cancel() {
  if (token_.node_ != nullptr) CancelNode::CancelTree(token_.node());
}

void CancelRegistration::Register(const CancelToken& token, Waker waker) {
  Unregister();
  if (!token.CanBeCancelled()) return;
  token_ = token;
  waker_ = std::move(waker);
  Link(token_);
}

void CancelRegistration::Unregister() {
  if (!token_.CanBeCancelled()) return;
  const Waker dropped = Unlink(token_);
  token_ = CancelToken();
}

}  // namespace weft
