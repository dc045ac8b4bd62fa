// channel/oneshot.h — hand one value from one task to another, once.
//
//   auto [sender, receiver] = weft::MakeOneshot<int>();
//   std::move(sender).Send(42);                              // never waits
//   std::optional<int> value = co_await receiver.Receive();  // nothing: the sender is gone
//
// Use it for answers to requests; use MakeChannel (channel.h) for more than one value. Differs from
// a promise and future pair of the standard in that waiting blocks a task, that a receiver that
// went away gives the value back to the sender, and that a missing value is no exception.
//
// Guarantees
//   Conservation     The value is with the sender, in the oneshot, or with the receiver, exactly
//                    once. A cancelled or dropped Receive() leaves it inside: receive again.
//   Closing          Send() gives the value back when the receiver is gone or closed. Receive()
//                    answers nothing when the sender went without sending, or the value was taken.
//   Memory ordering  What X did before Send() is visible to Y after the Receive() that returned it.
//   Thread safety    The two ends may be on different threads; each end from one thread at a time.
//   Cancellation     Receive(): kStopped, and nothing is lost. Safe to drop.
//   Complexity       O(1); one allocation for both ends; waiting allocates nothing.
//   Lifetime         The receiver outlives the futures that it made, and waits in one at a time.
//
// Example: oneshot_example.cc
#ifndef WEFT_CHANNEL_ONESHOT_H_
#define WEFT_CHANNEL_ONESHOT_H_

#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

#include "base/check.h"
#include "channel/internal/oneshot_state.h"
#include "channel/outcome.h"
#include "future/context.h"
#include "future/poll.h"

namespace weft {

template <typename T>
struct OneshotEnds;

// The sending end. Move-only; going without sending closes the oneshot.
template <typename T>
class OneshotSender {
 public:
  OneshotSender(OneshotSender&& other) noexcept = default;
  OneshotSender& operator=(OneshotSender&& other) noexcept {
    std::swap(state_, other.state_);
    return *this;
  }
  ~OneshotSender() {
    if (state_ != nullptr) state_->SenderGone();
  }

  // Hands the value over; nobody waits for anybody. The result carries the value back when the
  // receiver does not want it any more. Precondition (checked): not sent before, not moved from.
  SendResult<T> Send(T value) && {
    WEFT_CHECK(state_ != nullptr)
        << "OneshotSender::Send(): expected an unused sender, found one that has sent or was moved";
    const std::shared_ptr<channel_internal::OneshotState<T>> state = std::move(state_);
    if (state->Send(value)) return SendResult<T>::Ok();
    return SendResult<T>::Rejected(SendOutcome::kClosed, std::move(value));
  }

  // Whether the receiver has gone or closed: computing the value is a waste. False once sent.
  bool IsClosed() const { return state_ != nullptr && state_->ReceiverIsGone(); }

 private:
  friend struct OneshotEnds<T>;
  explicit OneshotSender(std::shared_ptr<channel_internal::OneshotState<T>> state)
      : state_(std::move(state)) {}

  std::shared_ptr<channel_internal::OneshotState<T>> state_;  // Null when sent or moved from.
};

namespace channel_internal {

// The future of OneshotReceiver::Receive().
template <typename T>
class [[nodiscard]] OneshotReceiveFuture {
 public:
  using Output = std::optional<T>;

  explicit OneshotReceiveFuture(OneshotState<T>* state) : state_(state) {}
  OneshotReceiveFuture(OneshotReceiveFuture&& other) noexcept
      : state_(other.state_), is_waiting_(std::exchange(other.is_waiting_, false)) {}
  OneshotReceiveFuture& operator=(OneshotReceiveFuture&&) = delete;
  ~OneshotReceiveFuture() {
    if (is_waiting_) state_->ForgetWaker();
  }

  Poll<Output> poll(Context& cx) {
    Poll<Output> poll = state_->PollReceive(cx);
    is_waiting_ = poll.IsPending();
    return poll;
  }

 private:
  OneshotState<T>* state_;
  bool is_waiting_ = false;
};

}  // namespace channel_internal

// The receiving end. Move-only; when it goes, a value inside is destroyed.
template <typename T>
class OneshotReceiver {
 public:
  OneshotReceiver(OneshotReceiver&& other) noexcept = default;
  OneshotReceiver& operator=(OneshotReceiver&& other) noexcept {
    std::swap(state_, other.state_);
    return *this;
  }
  ~OneshotReceiver() {
    if (state_ != nullptr) state_->ReceiverGone();
  }

  // Takes the value as soon as it is there; nothing when it will never come.
  channel_internal::OneshotReceiveFuture<T> Receive() {
    return channel_internal::OneshotReceiveFuture<T>(state_.get());
  }

  // Takes the value if it is there.
  TryReceiveResult<T> TryReceive() {
    TryReceiveResult<T> result{ReceiveOutcome::kOk, std::nullopt};
    const bool may_come = state_->TryReceive(result.value);
    if (!result.value.has_value()) {
      result.outcome = may_come ? ReceiveOutcome::kEmpty : ReceiveOutcome::kClosed;
    }
    return result;
  }

  // Tells the sender that no value is wanted; one that is there already can still be received. A
  // Receive() that waits answers nothing.
  void Close() { state_->CloseReceiver(); }

 private:
  friend struct OneshotEnds<T>;
  explicit OneshotReceiver(std::shared_ptr<channel_internal::OneshotState<T>> state)
      : state_(std::move(state)) {}

  std::shared_ptr<channel_internal::OneshotState<T>> state_;  // Null when moved from.
};

// Both ends of a new oneshot; take it apart with a structured binding.
template <typename T>
struct OneshotEnds {
  static_assert(std::is_nothrow_move_constructible_v<T> && std::is_nothrow_destructible_v<T>,
                "a oneshot's value is moved and destroyed where no exception can be handled");

  explicit OneshotEnds(std::shared_ptr<channel_internal::OneshotState<T>> state)
      : sender(state), receiver(state) {}

  OneshotSender<T> sender;
  OneshotReceiver<T> receiver;
};

// A new oneshot without a value.
template <typename T>
OneshotEnds<T> MakeOneshot() {
  return OneshotEnds<T>(std::make_shared<channel_internal::OneshotState<T>>());
}

}  // namespace weft

#endif  // WEFT_CHANNEL_ONESHOT_H_
