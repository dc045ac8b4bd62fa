// future/shared.h — one future that many await.
//
//   weft::SharedFuture<Page> page = weft::Shared(Fetch(url));
//   Use(co_await weft::SharedFuture(page));      // each awaits a copy, in a task of its own
//
// The future runs inside whichever awaiter polls it; the others sleep. A wake of the future wakes
// one of them; when that one leaves, another takes its place. At the end each gets a copy of the
// value. For work that several ask for and that is done once (single flight).
//
//   Errors           An exception is rethrown to each awaiter.
//   Cancellation     An awaiter that is asked to stop leaves at once, and the future goes on for
//                    the others. When the last one is asked, the future is asked, and awaited;
//                    whoever comes then gets what it ends with. A future that stops stops all. The
//                    future sees neither the token nor the stop requests of its awaiters, nor
//                    their task-local values. Safe to drop if the future is.
//   Thread safety    Different copies may be used by different threads at once. All awaiters belong
//                    to one executor.
//   Complexity       One allocation, whatever the number of copies and awaiters. A poll takes a
//                    lock and, when the future has been woken, polls it outside of the lock.
#ifndef WEFT_FUTURE_SHARED_H_
#define WEFT_FUTURE_SHARED_H_

#include <atomic>
#include <concepts>
#include <cstdint>
#include <exception>
#include <optional>
#include <type_traits>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "base/check.h"
#include "base/intrusive_list.h"
#include "base/mutex.h"
#include "future/context.h"
#include "future/future.h"
#include "future/internal/result.h"
#include "future/poll.h"
#include "future/waiter.h"
#include "future/waker.h"

namespace weft {
namespace future_internal {

// One copy of a SharedFuture in the lists of what it awaits.
struct SharedAwaiter : WaiterBase<SharedAwaiter> {
  bool is_active = false;  // it was polled and has not ended; under the mutex
};

// What does not depend on the future's type: who polls it, who waits, who keeps it alive.
class SharedCore {
 public:
  SharedCore(const SharedCore&) = delete;
  SharedCore& operator=(const SharedCore&) = delete;

  // A handle more, or less. The future is destroyed with the last handle.
  void AddHandle() { handles_.fetch_add(1, std::memory_order_relaxed); }
  void DropHandle();

  // kReady: the future has ended, its result is set and does not change. kStopped: `awaiter` has
  // left.
  PollState Poll(SharedAwaiter& awaiter, Context& cx);
  // `awaiter` is dropped; no-op unless it is active.
  void Leave(SharedAwaiter& awaiter);

 protected:
  SharedCore() = default;
  virtual ~SharedCore() = default;

  // Asks the future; returns whether it has ended, and then it is destroyed and its result set.
  virtual bool PollFuture(Context& cx) noexcept = 0;
  virtual void DestroyFuture() noexcept = 0;

 private:
  enum class Phase : unsigned char { kUnstarted, kIdle, kPolling, kEnded };

  static const Waker::VTable kWakerVTable;

  void AddRef() { references_.fetch_add(1, std::memory_order_relaxed); }
  void DropRef();
  void OnWake();
  bool PollOutsideOfTheLock(Context& cx, bool is_stopping);
  Waker Remove(SharedAwaiter& awaiter) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  Waker KeepWaiting(SharedAwaiter& awaiter, const Context& cx)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void WakeOneIfDue() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  std::atomic<uint32_t> handles_{1};
  std::atomic<uint32_t> references_{1};  // wakers, and one for all handles
  Mutex mutex_;
  IntrusiveList<SharedAwaiter> waiting_ ABSL_GUARDED_BY(mutex_);
  IntrusiveList<SharedAwaiter> served_ ABSL_GUARDED_BY(mutex_);
  uint32_t active_ ABSL_GUARDED_BY(mutex_) = 0;
  Phase phase_ ABSL_GUARDED_BY(mutex_) = Phase::kUnstarted;
  bool is_due_ ABSL_GUARDED_BY(mutex_) = true;  // the future is to be polled
  bool is_stopping_ ABSL_GUARDED_BY(mutex_) = false;
};

// The part that awaiters of a T see.
template <typename T>
class SharedState : public SharedCore {
 public:
  // The result, copied. Precondition: Poll() has answered kReady.
  weft::Poll<T> CopyResult() {
    if (result_.HasException()) std::rethrow_exception(result_.exception());
    if (result_.IsStopped()) return kStopped;
    if constexpr (std::is_void_v<T>) {
      return weft::Poll<void>::Ready();
    } else {
      return T(result_.value());
    }
  }

 protected:
  Result<T> result_;
};

template <Future F>
class SharedStateOf final : public SharedState<OutputOf<F>> {
 public:
  explicit SharedStateOf(F future) : future_(std::in_place, std::move(future)) {}

 private:
  bool PollFuture(Context& cx) noexcept override {
    if (this->result_.PollFrom(*future_, cx) == PollState::kPending) return false;
    future_.reset();
    return true;
  }
  void DestroyFuture() noexcept override { future_.reset(); }

  std::optional<F> future_;
};

}  // namespace future_internal

// See the head of the file. Copyable, also while others wait; await each copy once. Movable before
// its first poll.
template <typename T>
class [[nodiscard]] SharedFuture {
 public:
  using Output = T;

  template <Future F>
    requires std::same_as<OutputOf<F>, T>
  explicit SharedFuture(std::in_place_type_t<F>, F future)
      : state_(new future_internal::SharedStateOf<F>(std::move(future))) {}

  SharedFuture(const SharedFuture& other) : state_(other.state_) { state_->AddHandle(); }
  // Precondition (checked): the other one is not waiting.
  SharedFuture(SharedFuture&& other) noexcept : state_(std::exchange(other.state_, nullptr)) {
    WEFT_CHECK(!other.awaiter_.is_active)
        << "a SharedFuture was moved after it had been polled; move it before, or copy it";
  }
  SharedFuture& operator=(const SharedFuture&) = delete;
  ~SharedFuture() {
    if (state_ == nullptr) return;
    state_->Leave(awaiter_);
    state_->DropHandle();
  }

  Poll<T> poll(Context& cx) {
    switch (state_->Poll(awaiter_, cx)) {
      case PollState::kPending:
        return kPending;
      case PollState::kStopped:
        return kStopped;
      case PollState::kReady:
        break;
    }
    return state_->CopyResult();
  }

 private:
  future_internal::SharedState<T>* state_;  // one handle; null when moved from
  future_internal::SharedAwaiter awaiter_;
};

// `future`, for many to await. Its value is copied to each.
template <Future F>
  requires(std::is_void_v<OutputOf<F>> || std::copy_constructible<OutputOf<F>>)
SharedFuture<OutputOf<F>> Shared(F future) {
  return SharedFuture<OutputOf<F>>(std::in_place_type<F>, std::move(future));
}

}  // namespace weft

#endif  // WEFT_FUTURE_SHARED_H_
