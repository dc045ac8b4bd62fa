// future/task_local.h — values that a task finds without being handed them: who asked, on whose
// behalf, with which trace.
//
//   inline constexpr weft::TaskLocal<std::string> kRequest;
//
//   co_await weft::WithLocal(kRequest, "r-17", Handle(&connection));
//   ...
//   const std::string* request = co_await kRequest.Current();   // somewhere inside; null: not set
//
// A value is seen by whatever is polled inside the WithLocal() that sets it: coroutines that are
// awaited there, the children of combinators, clean-up by Finally() and Defer(), and the children
// of nurseries, which are tasks of their own but end before the scope does. A task from Spawn() may
// outlive its spawner and sees nothing, unless it is given it: Spawn(executor,
// WithLocals(co_await CurrentLocals(), Work())). A Shared() future belongs to none of its awaiters
// and sees nothing.
//
//   Thread safety    Values are constant while they are set: children on other threads read them
//                    without a lock.
//   Errors           None. A value that is not set is null.
//   Cancellation     WithLocal() and WithLocals(): their future's. Reading: none, ready at once.
//   Complexity       WithLocal(): one allocation. Reading: one step for each WithLocal() between,
//                    outwards. Awaits, polls and children of nurseries: nothing.
//   Lifetime         A value lives until its WithLocal() is gone and so is every TaskLocals and
//                    nursery scope that saw it. In a coroutine what Current() gives lasts as long
//                    as the coroutine; in an AsyncGenerator, until its next suspension.
#ifndef WEFT_FUTURE_TASK_LOCAL_H_
#define WEFT_FUTURE_TASK_LOCAL_H_

#include <type_traits>
#include <utility>

#include "future/await_chain.h"
#include "future/context.h"
#include "future/future.h"
#include "future/internal/local_node.h"
#include "future/poll.h"

namespace weft {

// A future of one task-local value: null if it is not set. Safe to drop.
template <typename T>
class [[nodiscard]] CurrentLocal {
 public:
  using Output = const T*;

  explicit CurrentLocal(const void* key) : key_(key) {}

  Poll<const T*> poll(Context& cx) { return future_internal::FindLocal<T>(cx.locals(), key_); }

 private:
  const void* key_;
};

// The name of one value for each task. A constant of static storage: it is its address that counts.
template <typename T>
class TaskLocal {
 public:
  static_assert(std::is_object_v<T> && std::is_same_v<T, std::remove_cv_t<T>>,
                "a task-local value is an object, constant by itself");

  constexpr TaskLocal() = default;
  TaskLocal(const TaskLocal&) = delete;
  TaskLocal& operator=(const TaskLocal&) = delete;

  // The value in the task that is being polled, or null. Valid during the poll.
  const T* Get(const Context& cx) const { return future_internal::FindLocal<T>(cx.locals(), this); }

  // The same inside a coroutine: co_await key.Current().
  CurrentLocal<T> Current() const { return CurrentLocal<T>(this); }
};

// All values that are set at one place, kept alive. Copyable, by sharing; a default-made one has
// none. Thread-compatible.
class TaskLocals {
 public:
  TaskLocals() = default;
  // Those of the task that is being polled.
  explicit TaskLocals(const Context& cx) : innermost_(cx.locals()) {}

  // For whoever polls with these values: the context's part.
  const future_internal::LocalNode* node() const { return innermost_.get(); }

 private:
  future_internal::LocalRef innermost_;
};

// `co_await CurrentLocals()`: the values of the running task. Safe to drop.
class [[nodiscard]] CurrentLocals {
 public:
  using Output = TaskLocals;

  Poll<TaskLocals> poll(Context& cx) { return TaskLocals(cx); }
};

// What WithLocal() makes.
template <Future F>
class [[nodiscard]] WithLocalFuture {
 public:
  using Output = OutputOf<F>;

  WithLocalFuture(future_internal::LocalRef node, F future)
      : node_(std::move(node)), future_(std::move(future)) {}

  Poll<Output> poll(Context& cx) {
    if (!is_linked_) {
      node_.SetParent(cx.locals());
      is_linked_ = true;
    }
    Context inner = cx.WithLocals(node_.get());
    return future_.poll(inner);
  }

  void VisitAwaited(AwaitVisitor& visitor) const { visitor.Visit(future_); }

 private:
  future_internal::LocalRef node_;
  bool is_linked_ = false;
  F future_;
};

// `future`, in which `key` has `value`.
template <typename T, Future F>
WithLocalFuture<F> WithLocal(const TaskLocal<T>& key, std::type_identity_t<T> value, F future) {
  return WithLocalFuture<F>(
      future_internal::LocalRef::Adopt(new future_internal::LocalNodeOf<T>(&key, std::move(value))),
      std::move(future));
}

// What WithLocals() makes.
template <Future F>
class [[nodiscard]] WithLocalsFuture {
 public:
  using Output = OutputOf<F>;

  WithLocalsFuture(TaskLocals locals, F future)
      : locals_(std::move(locals)), future_(std::move(future)) {}

  Poll<Output> poll(Context& cx) {
    Context inner = cx.WithLocals(locals_.node());
    return future_.poll(inner);
  }

  void VisitAwaited(AwaitVisitor& visitor) const { visitor.Visit(future_); }

 private:
  TaskLocals locals_;
  F future_;
};

// `future` with the values `locals` and no others.
template <Future F>
WithLocalsFuture<F> WithLocals(TaskLocals locals, F future) {
  return WithLocalsFuture<F>(std::move(locals), std::move(future));
}

}  // namespace weft

#endif  // WEFT_FUTURE_TASK_LOCAL_H_
