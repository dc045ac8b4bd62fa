// future/contract.h — finds futures that break their contract (future.h), and those who misuse one.
//
//   co_await weft::CheckContract(MyLeaf(&socket));
//
// For writers of futures, in tests and debug builds: where NDEBUG is defined, CheckContract() gives
// the future back as it is, at no cost.
//
// Stops the program, with a message, when the future
//   is polled after it has finished, by two threads at once, or from inside its own poll;
//   is moved after its first poll, or destroyed between that and its end;
//   answers kPending and has neither kept the waker of that poll nor woken it: it would never be
//   polled again;
//   answers kStopped though nobody asked it to stop (if `stops` says so);
//   is polled on another thread than before (if `threads` says so);
//   has finished, and its wakers are not dropped when it is destroyed (if `wakers` says so).
//
//   Thread safety    As the future's: wakers from any thread.
//   Cancellation     As the future's.
//   Complexity       One allocation, and one call more for each poll, wake and clone.
#ifndef WEFT_FUTURE_CONTRACT_H_
#define WEFT_FUTURE_CONTRACT_H_

#include <atomic>
#include <cstdint>
#include <thread>
#include <utility>

#include "base/check.h"
#include "future/await_chain.h"
#include "future/context.h"
#include "future/future.h"
#include "future/poll.h"
#include "future/waker.h"

namespace weft {

// What a future's documentation says beyond the contract of all.
struct ContractOptions {
  enum class Drop : unsigned char { kWhenFinished, kAnyTime };
  enum class Stops : unsigned char { kByItself, kWhenAsked };
  enum class Wakers : unsigned char { kMayOutlive, kGoWithIt };
  enum class Threads : unsigned char { kAny, kOne };

  Drop drop = Drop::kWhenFinished;      // kAnyTime: it is "safe to drop"
  Stops stops = Stops::kByItself;       // kWhenAsked: stopping unasked is a fault
  Wakers wakers = Wakers::kMayOutlive;  // kGoWithIt: a waker that is left over is a leak
  Threads threads = Threads::kAny;      // kOne: it belongs to the thread of its first poll
};

namespace future_internal {

// Counts the wakers that a future has kept of its latest poll, and passes their wakes on.
class WakerCount {
 public:
  // One for each poll; `waker` is the poller's.
  static WakerCount* New(const Waker& waker) { return new WakerCount(waker.Clone()); }
  void Release() {
    // Edge (1): all uses -> destruction.
    if (references_.fetch_sub(1, std::memory_order_acq_rel) == 1) delete this;  // (1)
  }

  // A waker to be lent to the future. Precondition: it is destroyed before the last Release().
  Waker Lend() {
    references_.fetch_add(1, std::memory_order_relaxed);
    return Waker(&kVTable, this);
  }
  // How many wakers there are beside one that is lent, and whether one of them was woken. Relaxed:
  // what the polling thread itself did counts; what others did meanwhile only adds wakes.
  bool IsKeptBeside(uint32_t lent) const {
    return references_.load(std::memory_order_relaxed) > 1 + lent;
  }
  bool WasWoken() const { return was_woken_.load(std::memory_order_relaxed); }

 private:
  explicit WakerCount(Waker waker) : waker_(std::move(waker)) {}

  static const Waker::VTable kVTable;

  const Waker waker_;
  std::atomic<uint32_t> references_{1};
  std::atomic<bool> was_woken_{false};
};

inline const Waker::VTable WakerCount::kVTable = {
    .add_ref =
        [](void* count) {
          static_cast<WakerCount*>(count)->references_.fetch_add(1, std::memory_order_relaxed);
        },
    .drop = [](void* count) { static_cast<WakerCount*>(count)->Release(); },
    .wake =
        [](void* self) {
          auto* const count = static_cast<WakerCount*>(self);
          count->was_woken_.store(true, std::memory_order_relaxed);
          count->waker_.WakeByRef();
        },
};

}  // namespace future_internal

// What CheckContract() makes in debug builds.
template <Future F>
class [[nodiscard]] CheckedFuture {
 public:
  using Output = OutputOf<F>;

  CheckedFuture(F future, ContractOptions options)
      : future_(std::move(future)), options_(options) {}
  CheckedFuture(CheckedFuture&& other) : future_(Unpolled(other)), options_(other.options_) {}
  CheckedFuture& operator=(CheckedFuture&&) = delete;

  ~CheckedFuture() {
    WEFT_CHECK(state_ == State::kNew || state_ == State::kFinished ||
               options_.drop == ContractOptions::Drop::kAnyTime)
        << "a future was destroyed between its first poll and its end; poll it with a stop "
           "requested until it answers";
    if (wakers_ == nullptr) return;
    WEFT_CHECK(state_ != State::kFinished || !wakers_->IsKeptBeside(0) ||
               options_.wakers == ContractOptions::Wakers::kMayOutlive)
        << "a future has finished, and somebody still keeps its waker: a leak, or a wake-up that "
           "was not cancelled";
    wakers_->Release();
  }

  Poll<Output> poll(Context& cx) {
    WEFT_CHECK(!is_polling_.exchange(true, std::memory_order_acquire))
        << "a future was polled while another poll of it runs, in another thread or below";  // (2)
    WEFT_CHECK(state_ != State::kFinished) << "a future was polled after it had finished";
    CheckThread();
    state_ = State::kPolled;
    if (wakers_ != nullptr) wakers_->Release();
    wakers_ = future_internal::WakerCount::New(cx.waker());
    const EndOfPoll end(*this);
    Poll<Output> poll = PollWith(wakers_->Lend(), cx);
    if (!poll.IsPending()) state_ = State::kFinished;
    WEFT_CHECK(!poll.IsStopped() || cx.StopRequested() ||
               options_.stops == ContractOptions::Stops::kByItself)
        << "a future answered kStopped although nobody asked it to stop";
    return poll;
  }

  void VisitAwaited(AwaitVisitor& visitor) const { visitor.Visit(future_); }

 private:
  enum class State : unsigned char { kNew, kPolled, kFinished };

  // The future may throw: that ends it.
  struct EndOfPoll {
    explicit EndOfPoll(CheckedFuture& the_owner) : owner(the_owner) {}
    ~EndOfPoll() {
      if (owner.state_ == State::kPolled && !owner.is_pending_) owner.state_ = State::kFinished;
      owner.is_polling_.store(false, std::memory_order_release);  // (2)
    }
    CheckedFuture& owner;
  };

  void CheckThread() {
    if (options_.threads == ContractOptions::Threads::kAny) return;
    const std::thread::id here = std::this_thread::get_id();
    if (state_ == State::kNew) thread_ = here;
    WEFT_CHECK(thread_ == here)
        << "a future that belongs to the thread of its first poll was polled on another one; await "
           "it in a task of an executor with one thread, or without ContractOptions::Threads::kOne";
  }

  static F Unpolled(CheckedFuture& other) {
    WEFT_CHECK(other.state_ == State::kNew) << "a future was moved after its first poll";
    return std::move(other.future_);
  }

  Poll<Output> PollWith(const Waker& waker, const Context& cx) {
    is_pending_ = false;
    Context checked = cx.WithWaker(waker);
    Poll<Output> poll = future_.poll(checked);
    is_pending_ = poll.IsPending();
    WEFT_CHECK(!is_pending_ || wakers_->IsKeptBeside(1) || wakers_->WasWoken())
        << "a future answered kPending and has neither kept the waker nor woken it: it would "
           "never be polled again; keep cx.waker().Clone()";
    return poll;
  }

  F future_;
  const ContractOptions options_;
  State state_ = State::kNew;
  bool is_pending_ = false;
  std::thread::id thread_;                         // of the first poll
  future_internal::WakerCount* wakers_ = nullptr;  // of the latest poll
  // Edge (2): the end of a poll -> the next poll, which may come from another thread.
  std::atomic<bool> is_polling_{false};
};

// See the head of the file.
#ifdef NDEBUG
template <Future F>
F CheckContract(F future, ContractOptions = {}) {
  return future;
}
#else
template <Future F>
CheckedFuture<F> CheckContract(F future, ContractOptions options = {}) {
  return CheckedFuture<F>(std::move(future), options);
}
#endif

}  // namespace weft

#endif  // WEFT_FUTURE_CONTRACT_H_
