// future/internal/local_node.h — task-local values as a list from the innermost outwards.
//
// Each WithLocal() adds a node in front. Nodes are constant once they are linked, and shared by
// reference count: a nursery scope and a TaskLocals keep what they saw, whatever happens to the
// future that set it. A Context only points.
//
// Happens-before edge:
//   (1) drop of a reference (release) -> destruction by the last dropper (acquire).
#ifndef WEFT_FUTURE_INTERNAL_LOCAL_NODE_H_
#define WEFT_FUTURE_INTERNAL_LOCAL_NODE_H_

#include <atomic>
#include <cstdint>
#include <utility>

namespace weft::future_internal {

class LocalNode {
 public:
  LocalNode(const LocalNode&) = delete;
  LocalNode& operator=(const LocalNode&) = delete;

  const void* key() const { return key_; }
  const LocalNode* parent() const { return parent_; }

 protected:
  explicit LocalNode(const void* key) : key_(key) {}
  virtual ~LocalNode() = default;

 private:
  friend class LocalRef;

  const void* const key_;
  const LocalNode* parent_ = nullptr;  // one reference, or null
  mutable std::atomic<uint32_t> references_{1};
};

template <typename T>
class LocalNodeOf final : public LocalNode {
 public:
  LocalNodeOf(const void* key, T value) : LocalNode(key), value_(std::move(value)) {}

  const T& value() const { return value_; }

 private:
  const T value_;
};

// Owns one reference to a node, or nothing.
class LocalRef {
 public:
  LocalRef() = default;
  explicit LocalRef(const LocalNode* node) : node_(node) {
    // Relaxed: whoever has the node holds a reference already.
    if (node != nullptr) node->references_.fetch_add(1, std::memory_order_relaxed);
  }
  // Takes over the reference that a new node starts with.
  static LocalRef Adopt(LocalNode* node) {
    LocalRef ref;
    ref.node_ = node;
    return ref;
  }
  LocalRef(const LocalRef& other) : LocalRef(other.node_) {}
  LocalRef(LocalRef&& other) noexcept : node_(std::exchange(other.node_, nullptr)) {}
  LocalRef& operator=(LocalRef other) noexcept {
    std::swap(node_, other.node_);
    return *this;
  }
  ~LocalRef() { Drop(node_); }

  const LocalNode* get() const { return node_; }

  // Puts the node before `parent`, once. Precondition: nobody else has seen the node yet.
  void SetParent(const LocalNode* parent) {
    const_cast<LocalNode*>(node_)->parent_ = LocalRef(parent).Release();
  }

 private:
  const LocalNode* Release() { return std::exchange(node_, nullptr); }

  // A loop, since lists may be long.
  static void Drop(const LocalNode* node) {
    while (node != nullptr &&
           node->references_.fetch_sub(1, std::memory_order_acq_rel) == 1) {  // (1)
      const LocalNode* const parent = node->parent_;
      delete node;
      node = parent;
    }
  }

  const LocalNode* node_ = nullptr;
};

// The value of the innermost node with that key, or null. Precondition: its type is T.
template <typename T>
const T* FindLocal(const LocalNode* node, const void* key) {
  for (; node != nullptr; node = node->parent()) {
    if (node->key() == key) return &static_cast<const LocalNodeOf<T>*>(node)->value();
  }
  return nullptr;
}

}  // namespace weft::future_internal

#endif  // WEFT_FUTURE_INTERNAL_LOCAL_NODE_H_
