// channel/channel.h — hand values from tasks to tasks, in order, with back-pressure.
//
//   auto [sender, receiver] = weft::MakeChannel<int>(16);
//   ... co_await sender.Send(1);                            // waits while 16 values are inside
//   ... std::optional<int> value = co_await receiver.Receive();   // nothing: closed and drained
//
// Many senders, many receivers; each value goes to one receiver. Use mpmc/ between threads that do
// not await; use Oneshot (oneshot.h) for a single value. Differs from a queue with a condition
// variable in that waiting blocks a task and not its thread, and can be cancelled.
//
// Guarantees
//   Order            FIFO, also across a cancellation. Waiting senders and waiting receivers are
//                    served in the order in which they came; who comes later does not overtake.
//   Conservation     After an operation has ended, or was cancelled, or its future was dropped,
//                    each value is in the channel or with its owner, exactly once (table below).
//   Closing          Close(), or the end of the last Sender or the last Receiver. Afterwards sends
//                    answer kClosed with their value; receives drain what is inside, then answer
//                    "nothing". When the last Receiver goes, the values inside are destroyed.
//   Memory ordering  What X did before a send that was accepted is visible to Y after the receive
//                    that returned its value.
//   Thread safety    All methods of handles may be called from any thread; one handle from one
//                    thread at a time unless the method is const.
//   Progress         Blocking: one short lock for each operation, never held while foreign code
//                    runs except T's move constructor. Nothing is woken under the lock.
//   Complexity       O(1) amortised; waiting allocates nothing. A bounded channel keeps its largest
//                    array; an unbounded one gives memory back as the backlog shrinks.
//   Errors           std::bad_alloc when the array must grow and cannot; the channel is then
//                    unchanged, and SendFrom() has left the value where it is.
//   Lifetime         A handle outlives the futures that it made (checked for the last handle of a
//                    side). Futures are moved only before their first poll. They are safe to drop.
//
//   Cancellation      | waiting                  | already served when the stop is seen
//   Send, SendFrom    | kStopped, value unsent   | kOk: the value is in the channel
//   Receive           | kStopped, nothing taken  | kStopped: the value stays, or goes to the next
//   A value given to Send() by value dies with the cancelled future; SendFrom() leaves it where it
//   is.
//
// Example: channel_example.cc
#ifndef WEFT_CHANNEL_CHANNEL_H_
#define WEFT_CHANNEL_CHANNEL_H_

#include <cstddef>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

#include "base/check.h"
#include "channel/internal/core.h"
#include "channel/internal/waiter.h"
#include "channel/outcome.h"
#include "future/context.h"
#include "future/poll.h"

namespace weft {

template <typename T>
class Sender;
template <typename T>
class Receiver;
template <typename T>
struct ChannelEnds;

namespace channel_internal {

// What the futures of both directions share: the waiter, pinned by the first poll.
class Operation {
 protected:
  Operation() = default;
  Operation(Operation&& other) noexcept {
    WEFT_CHECK(!other.is_polled_) << "a Send() or Receive() future was moved after its first poll; "
                                     "move it before";
  }
  Operation& operator=(Operation&&) = delete;
  ~Operation() = default;

  Waiter waiter_;
  bool is_polled_ = false;   // Owner only.
  bool is_waiting_ = false;  // Owner only: the last poll answered kPending.
};

// Sends a value that lives elsewhere.
template <typename T>
class SendOperation : protected Operation {
 public:
  explicit SendOperation(Core<T>* core) : core_(core) {}
  SendOperation(SendOperation&&) noexcept = default;
  ~SendOperation() {
    if (is_waiting_) core_->DropSend(waiter_);
  }

 protected:
  Poll<SendOutcome> PollValue(T& value, Context& cx) {
    is_polled_ = true;
    Poll<SendOutcome> poll = core_->PollSend(waiter_, value, cx);
    is_waiting_ = poll.IsPending();
    return poll;
  }

 private:
  Core<T>* core_;
};

// The future of Sender::Send().
template <typename T>
class [[nodiscard]] SendFuture : private SendOperation<T> {
 public:
  using Output = SendResult<T>;

  SendFuture(Core<T>* core, T value) : SendOperation<T>(core), value_(std::move(value)) {}

  Poll<Output> poll(Context& cx) {
    Poll<SendOutcome> poll = this->PollValue(value_, cx);
    if (poll.IsPending()) return kPending;
    if (poll.IsStopped()) return kStopped;
    if (poll.value() == SendOutcome::kOk) return Output::Ok();
    return Output::Rejected(poll.value(), std::move(value_));
  }

 private:
  T value_;
};

// The future of Sender::SendFrom().
template <typename T>
class [[nodiscard]] SendFromFuture : private SendOperation<T> {
 public:
  using Output = SendOutcome;

  SendFromFuture(Core<T>* core, T* value) : SendOperation<T>(core), value_(value) {}

  Poll<Output> poll(Context& cx) { return this->PollValue(*value_, cx); }

 private:
  T* value_;
};

// The future of Receiver::Receive().
template <typename T>
class [[nodiscard]] ReceiveFuture : private Operation {
 public:
  using Output = std::optional<T>;

  explicit ReceiveFuture(Core<T>* core) : core_(core) {}
  ReceiveFuture(ReceiveFuture&&) noexcept = default;
  ~ReceiveFuture() {
    if (is_waiting_) core_->DropReceive(waiter_);
  }

  Poll<Output> poll(Context& cx) {
    is_polled_ = true;
    Poll<Output> poll = core_->PollReceive(waiter_, cx);
    is_waiting_ = poll.IsPending();
    return poll;
  }

 private:
  Core<T>* core_;
};

}  // namespace channel_internal

// The sending end of a channel. Copies share the channel; the last one to go closes it.
template <typename T>
class Sender {
 public:
  Sender(const Sender& other) : core_(other.core_) {
    if (core_ != nullptr) core_->AddSender();
  }
  Sender(Sender&& other) noexcept = default;
  Sender& operator=(Sender other) noexcept {
    std::swap(core_, other.core_);
    return *this;
  }
  ~Sender() {
    if (core_ != nullptr) core_->RemoveSender();
  }

  // Sends `value` as soon as there is room. The result carries the value back when the channel is
  // closed.
  channel_internal::SendFuture<T> Send(T value) const { return {core_.get(), std::move(value)}; }

  // Sends `value` as soon as there is room, and moves from it only then: after kClosed, or when the
  // wait was cancelled, it is untouched. `value` must outlive the future.
  channel_internal::SendFromFuture<T> SendFrom(T& value) const { return {core_.get(), &value}; }

  // Sends `value` if there is room now. Otherwise the result carries it back.
  SendResult<T> TrySend(T value) const {
    const SendOutcome outcome = core_->TrySend(value);
    if (outcome == SendOutcome::kOk) return SendResult<T>::Ok();
    return SendResult<T>::Rejected(outcome, std::move(value));
  }

  // Closes the channel for everybody. Idempotent.
  void Close() const { core_->Close(); }

  // Whether the channel is closed.
  bool IsClosed() const { return core_->IsClosed(); }

  // Number of values inside at some moment during the call.
  std::size_t size() const { return core_->size(); }

 private:
  friend struct ChannelEnds<T>;
  explicit Sender(std::shared_ptr<channel_internal::Core<T>> core) : core_(std::move(core)) {
    core_->AddSender();
  }

  std::shared_ptr<channel_internal::Core<T>> core_;  // Null when moved from.
};

// The receiving end of a channel. Copies share the channel; the last one to go closes it.
template <typename T>
class Receiver {
 public:
  Receiver(const Receiver& other) : core_(other.core_) {
    if (core_ != nullptr) core_->AddReceiver();
  }
  Receiver(Receiver&& other) noexcept = default;
  Receiver& operator=(Receiver other) noexcept {
    std::swap(core_, other.core_);
    return *this;
  }
  ~Receiver() {
    if (core_ != nullptr) core_->RemoveReceiver();
  }

  // Takes the oldest value as soon as there is one; nothing when the channel is closed and drained.
  channel_internal::ReceiveFuture<T> Receive() const {
    return channel_internal::ReceiveFuture<T>(core_.get());
  }

  // Takes the oldest value if there is one now that no waiting receiver has a right to.
  TryReceiveResult<T> TryReceive() const {
    TryReceiveResult<T> result{ReceiveOutcome::kEmpty, std::nullopt};
    result.outcome = core_->TryReceive(result.value);
    return result;
  }

  // Closes the channel for everybody; what is inside can still be received. Idempotent.
  void Close() const { core_->Close(); }

  // Whether the channel is closed; values may still be inside.
  bool IsClosed() const { return core_->IsClosed(); }

  // Number of values inside at some moment during the call.
  std::size_t size() const { return core_->size(); }

 private:
  friend struct ChannelEnds<T>;
  explicit Receiver(std::shared_ptr<channel_internal::Core<T>> core) : core_(std::move(core)) {
    core_->AddReceiver();
  }

  std::shared_ptr<channel_internal::Core<T>> core_;  // Null when moved from.
};

// Both ends of a new channel; take it apart with a structured binding.
template <typename T>
struct ChannelEnds {
  static_assert(std::is_nothrow_move_constructible_v<T> && std::is_nothrow_destructible_v<T>,
                "a channel's values are moved and destroyed where no exception can be handled");

  explicit ChannelEnds(std::shared_ptr<channel_internal::Core<T>> core)
      : sender(core), receiver(core) {}

  Sender<T> sender;
  Receiver<T> receiver;
};

// A channel with room for `capacity` values. Precondition (checked): capacity >= 1.
template <typename T>
ChannelEnds<T> MakeChannel(std::size_t capacity) {
  return ChannelEnds<T>(std::make_shared<channel_internal::Core<T>>(capacity));
}

// A channel whose sends never wait: something else must bound the backlog.
template <typename T>
ChannelEnds<T> MakeUnboundedChannel() {
  using Core = channel_internal::Core<T>;
  return ChannelEnds<T>(std::make_shared<Core>(Core::kUnbounded));
}

}  // namespace weft

#endif  // WEFT_CHANNEL_CHANNEL_H_
