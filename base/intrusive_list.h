// base/intrusive_list.h — a doubly linked list whose links live in its elements.
//
// Linking allocates nothing and an element leaves its list in O(1) without knowing which list that
// is. The list does not own its elements. Thread-compatible: callers bring their own lock.
//
//   struct Waiter : weft::IntrusiveListNode<Waiter> { ... };
//   weft::IntrusiveList<Waiter> waiters;
#ifndef WEFT_BASE_INTRUSIVE_LIST_H_
#define WEFT_BASE_INTRUSIVE_LIST_H_

#include "base/check.h"

namespace weft {

template <typename T>
class IntrusiveList;

// Base class of an element. An element is in at most one list at a time and leaves it before it is
// destroyed (checked). Neither copied nor moved while linked.
template <typename T>
class IntrusiveListNode {
 public:
  IntrusiveListNode() = default;
  IntrusiveListNode(const IntrusiveListNode&) = delete;
  IntrusiveListNode& operator=(const IntrusiveListNode&) = delete;
  ~IntrusiveListNode() {
    WEFT_DCHECK(!IsLinked())
        << "an element of an IntrusiveList was destroyed while linked; call Unlink() first";
  }

  // Whether the element is in a list.
  bool IsLinked() const { return next_ != nullptr; }

  // Takes the element out of its list. O(1). Precondition: IsLinked().
  void Unlink() {
    WEFT_DCHECK(IsLinked()) << "IntrusiveListNode::Unlink(): the element is in no list";
    previous_->next_ = next_;
    next_->previous_ = previous_;
    next_ = previous_ = nullptr;
  }

 private:
  friend class IntrusiveList<T>;

  IntrusiveListNode* next_ = nullptr;
  IntrusiveListNode* previous_ = nullptr;
};

// The list itself: a ring through a sentinel. All operations are O(1). Must be empty when destroyed
// (checked).
template <typename T>
class IntrusiveList {
 public:
  IntrusiveList() { Clear(); }
  IntrusiveList(const IntrusiveList&) = delete;
  IntrusiveList& operator=(const IntrusiveList&) = delete;
  ~IntrusiveList() {
    WEFT_DCHECK(IsEmpty()) << "an IntrusiveList was destroyed with elements in it";
    sentinel_.next_ = sentinel_.previous_ = nullptr;
  }

  // Whether there is no element.
  bool IsEmpty() const { return sentinel_.next_ == &sentinel_; }

  // The first element, or null.
  T* Front() { return IsEmpty() ? nullptr : static_cast<T*>(sentinel_.next_); }
  const T* Front() const { return IsEmpty() ? nullptr : static_cast<T*>(sentinel_.next_); }

  // Appends an element that is in no list.
  void PushBack(T* element) { InsertBefore(&sentinel_, element); }

  // Prepends an element that is in no list.
  void PushFront(T* element) { InsertBefore(sentinel_.next_, element); }

  // Takes the first element out and returns it, or null.
  T* PopFront() {
    T* const front = Front();
    if (front != nullptr) front->IntrusiveListNode<T>::Unlink();
    return front;
  }

  // The element behind `element`, or null at the end.
  T* Next(T* element) {
    IntrusiveListNode<T>* const next = element->IntrusiveListNode<T>::next_;
    return next == &sentinel_ ? nullptr : static_cast<T*>(next);
  }
  const T* Next(const T* element) const {
    const IntrusiveListNode<T>* const next = element->IntrusiveListNode<T>::next_;
    return next == &sentinel_ ? nullptr : static_cast<const T*>(next);
  }

 private:
  void Clear() { sentinel_.next_ = sentinel_.previous_ = &sentinel_; }

  static void InsertBefore(IntrusiveListNode<T>* position, IntrusiveListNode<T>* element) {
    WEFT_DCHECK(!element->IsLinked()) << "IntrusiveList: the element is in a list already";
    element->next_ = position;
    element->previous_ = position->previous_;
    position->previous_->next_ = element;
    position->previous_ = element;
  }

  IntrusiveListNode<T> sentinel_;
};

}  // namespace weft

#endif  // WEFT_BASE_INTRUSIVE_LIST_H_
