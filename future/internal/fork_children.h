// future/internal/fork_children.h — the children of a ForkJoin() whose number is known at run time.
#ifndef WEFT_FUTURE_INTERNAL_FORK_CHILDREN_H_
#define WEFT_FUTURE_INTERNAL_FORK_CHILDREN_H_

#include <cstddef>
#include <memory>
#include <new>
#include <utility>
#include <vector>

#include "future/frame_cache.h"

namespace weft::future_internal {

// Children in one block, of the cache that frames are from. Moved only before they begin.
template <typename Child>
class ForkChildren {
  static_assert(alignof(Child) <= 16, "values of Tasks are aligned like coroutine frames");

 public:
  // Makes a child of each.
  template <typename Task>
  explicit ForkChildren(std::vector<Task>&& tasks)
      : size_(tasks.size()), first_(size_ == 0 ? nullptr : Allocate(size_)) {
    Child* child = first_;
    for (Task& task : tasks) ::new (child++) Child(std::move(task));
  }
  ForkChildren(ForkChildren&& other) noexcept
      : size_(std::exchange(other.size_, 0)), first_(other.first_) {}
  ForkChildren& operator=(ForkChildren&&) = delete;
  ~ForkChildren() {
    std::destroy(begin(), end());
    FreeOnly();
  }

  // Instead of the destructor, where no child needs its own.
  void FreeOnly() {
    if (size_ > 0) FreeFrame(first_, size_ * sizeof(Child));
  }

  std::size_t size() const { return size_; }
  Child* begin() { return first_; }
  Child* end() { return first_ + size_; }
  const Child* begin() const { return first_; }
  const Child* end() const { return first_ + size_; }
  Child& operator[](std::size_t index) { return first_[index]; }

 private:
  static Child* Allocate(std::size_t size) {
    return static_cast<Child*>(AllocateFrame(size * sizeof(Child)));
  }

  std::size_t size_;
  Child* first_;
};

}  // namespace weft::future_internal

#endif  // WEFT_FUTURE_INTERNAL_FORK_CHILDREN_H_
