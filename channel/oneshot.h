// channel/oneshot.h — hand one value from one task to another, once.
//
//   auto [sender, receiver] = weft::MakeOneshot<int>();
//   std::move(sender).Send(42);                              // never waits
//   std::optional<int> value = co_await receiver.Receive();  // nothing: the sender is gone
//
// Use it for answers to requests; use MakeChannel (channel.h) for more than one value. Differs from
// a promise and future pair of the standard in that waiting blocks a task, that a receiver that
// went away gives the value back to the sender, and that a missing value is no exception. Where the
// receiving end shall be a future itself, take future/promise.h.
//
// Guarantees
//   Conservation     The value is with the sender, in the oneshot, or with the receiver, exactly
//                    once. A cancelled or dropped Receive() leaves it inside: receive again.
//   Closing          Send() gives the value back when the receiver is gone or closed. Receive()
//                    answers nothing when the sender went without sending, or the value was taken.
//   Memory ordering  What X did before Send() is visible to Y after the Receive() that returned it.
//   Thread safety    The two ends may be on different threads; each end from one thread at a time.
//   Cancellation     Receive(): kStopped, and nothing is lost. Safe to drop.
//   Complexity       O(1), lock-free; one allocation for both ends; waiting allocates nothing.
//   Lifetime         The receiver outlives the futures that it made, and waits in one at a time.
//
// Example: oneshot_example.cc
#ifndef WEFT_CHANNEL_ONESHOT_H_
#define WEFT_CHANNEL_ONESHOT_H_

#include <optional>
#include <utility>

#include "base/check.h"
#include "channel/outcome.h"
#include "future/context.h"
#include "future/internal/oneshot_cell.h"
#include "future/poll.h"

namespace weft {

template <typename T>
struct OneshotEnds;

// The sending end. Move-only; going without sending closes the oneshot.
template <typename T>
class OneshotSender {
 public:
  OneshotSender(OneshotSender&& other) noexcept : cell_(std::exchange(other.cell_, nullptr)) {}
  OneshotSender& operator=(OneshotSender&& other) noexcept {
    std::swap(cell_, other.cell_);
    return *this;
  }
  ~OneshotSender() {
    if (cell_ != nullptr) cell_->Abandon();
  }

  // Hands the value over; nobody waits for anybody. The result carries the value back when the
  // receiver does not want it any more. Precondition (checked): not sent before, not moved from.
  SendResult<T> Send(T value) && {
    WEFT_CHECK(cell_ != nullptr)
        << "OneshotSender::Send(): expected an unused sender, found one that has sent or was moved";
    if (std::exchange(cell_, nullptr)->Send(value)) return SendResult<T>::Ok();
    return SendResult<T>::Rejected(SendOutcome::kClosed, std::move(value));
  }

  // Whether the receiver has gone or closed: computing the value is a waste. False once sent.
  bool IsClosed() const { return cell_ != nullptr && cell_->IsClosed(); }

 private:
  friend struct OneshotEnds<T>;
  explicit OneshotSender(future_internal::OneshotCell<T>* cell) : cell_(cell) {}

  future_internal::OneshotCell<T>* cell_;  // Null when sent or moved from.
};

namespace channel_internal {

// The future of OneshotReceiver::Receive().
template <typename T>
class [[nodiscard]] OneshotReceiveFuture {
 public:
  using Output = std::optional<T>;

  explicit OneshotReceiveFuture(future_internal::OneshotCell<T>* cell) : cell_(cell) {}
  OneshotReceiveFuture(OneshotReceiveFuture&& other) noexcept
      : cell_(other.cell_), is_waiting_(std::exchange(other.is_waiting_, false)) {}
  OneshotReceiveFuture& operator=(OneshotReceiveFuture&&) = delete;
  ~OneshotReceiveFuture() { StopWaiting(); }

  // A stopped poll takes nothing.
  Poll<Output> poll(Context& cx) {
    if (cx.StopRequested()) {
      StopWaiting();
      return kStopped;
    }
    const future_internal::OneshotArrival arrival = cell_->Await(cx.waker());
    is_waiting_ = arrival == future_internal::OneshotArrival::kNotYet;
    if (is_waiting_) return kPending;
    if (arrival == future_internal::OneshotArrival::kNever) return Output();
    return Output(cell_->Take());
  }

 private:
  void StopWaiting() {
    if (std::exchange(is_waiting_, false)) cell_->ForgetWaker();
  }

  future_internal::OneshotCell<T>* cell_;
  bool is_waiting_ = false;
};

}  // namespace channel_internal

// The receiving end. Move-only; when it goes, a value inside is destroyed.
template <typename T>
class OneshotReceiver {
 public:
  OneshotReceiver(OneshotReceiver&& other) noexcept : cell_(std::exchange(other.cell_, nullptr)) {}
  OneshotReceiver& operator=(OneshotReceiver&& other) noexcept {
    std::swap(cell_, other.cell_);
    return *this;
  }
  ~OneshotReceiver() {
    if (cell_ != nullptr) cell_->Leave();
  }

  // Takes the value as soon as it is there; nothing when it will never come.
  channel_internal::OneshotReceiveFuture<T> Receive() {
    return channel_internal::OneshotReceiveFuture<T>(cell_);
  }

  // Takes the value if it is there.
  TryReceiveResult<T> TryReceive() {
    switch (cell_->Look()) {
      case future_internal::OneshotArrival::kNotYet:
        return {ReceiveOutcome::kEmpty, std::nullopt};
      case future_internal::OneshotArrival::kNever:
        return {ReceiveOutcome::kClosed, std::nullopt};
      case future_internal::OneshotArrival::kValue:
        break;
    }
    return {ReceiveOutcome::kOk, cell_->Take()};
  }

  // Tells the sender that no value is wanted; one that is there already can still be received. A
  // Receive() that waits answers nothing.
  void Close() { cell_->Close(); }

 private:
  friend struct OneshotEnds<T>;
  explicit OneshotReceiver(future_internal::OneshotCell<T>* cell) : cell_(cell) {}

  future_internal::OneshotCell<T>* cell_;  // Null when moved from.
};

// Both ends of a new oneshot; take it apart with a structured binding. The move and the destructor
// of T do not throw.
template <typename T>
struct OneshotEnds {
  OneshotEnds() : OneshotEnds(new future_internal::OneshotCell<T>()) {}

  OneshotSender<T> sender;
  OneshotReceiver<T> receiver;

 private:
  explicit OneshotEnds(future_internal::OneshotCell<T>* cell) : sender(cell), receiver(cell) {}
};

// A new oneshot without a value.
template <typename T>
OneshotEnds<T> MakeOneshot() {
  return OneshotEnds<T>();
}

}  // namespace weft

#endif  // WEFT_CHANNEL_ONESHOT_H_
