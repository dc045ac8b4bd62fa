// reactor/operation.h — one request to the kernel, as an intrusive object.
//
// Fill in `kind`, `fd`, the buffer and `on_complete`, hand the operation to Reactor::Submit, and
// wait for the callback. The same object can be submitted again after its completion.
//
// Guarantees
//   Lifetime     From Submit until `on_complete` is called the operation, its buffer and its
//                descriptor must stay alive, and only Reactor::Cancel may be called for it. The
//                reactor does not touch the operation once it has called `on_complete`.
//   Completion   Each Submit leads to exactly one call of `on_complete`, whatever happens.
#ifndef WEFT_REACTOR_OPERATION_H_
#define WEFT_REACTOR_OPERATION_H_

#include <cstddef>
#include <cstdint>

#include "base/intrusive_list.h"

namespace weft {

// What an operation asks for.
enum class OperationKind : uint8_t {
  kPollReadable,  // Completes when a read would not block. Result: poll(2) bits, POLLIN and others.
  kPollWritable,  // Completes when a write would not block. Result: poll(2) bits.
  kRead,          // Reads at most `size` bytes into `buffer`. Result: bytes, 0 at the end of file.
  kWrite,         // Writes at most `size` bytes from `buffer`. Result: bytes, possibly fewer.
};

namespace reactor_internal {
class OperationAccess;
}  // namespace reactor_internal

// The request and its outcome. Neither copied nor moved.
class Operation : public IntrusiveListNode<Operation> {
 public:
  // Called on the thread that runs Reactor::Poll, outside of all locks. It may submit the operation
  // again or destroy it. It must not block.
  using Callback = void (*)(Operation* operation);

  Operation() = default;
  Operation(OperationKind kind_in, int fd_in, Callback on_complete_in)
      : kind(kind_in), fd(fd_in), on_complete(on_complete_in) {}

  // What to do. Written by the caller before Submit, constant while in flight.
  OperationKind kind = OperationKind::kPollReadable;
  // The descriptor; non-blocking for kRead and kWrite. Regular files are not pollable: -EPERM.
  int fd = -1;
  // The bytes to fill or to write; the reactor's while in flight.
  std::byte* buffer = nullptr;
  size_t size = 0;
  // For the caller's use: what the callback needs to find its way.
  void* context = nullptr;
  Callback on_complete = nullptr;

  // The outcome, valid from on_complete until the next Submit: what `kind` says, or a negated
  // errno, -ECANCELED after a Cancel that came in time.
  int64_t result = 0;

  // How many times this object was submitted.
  uint64_t generation() const { return generation_; }

 private:
  friend class reactor_internal::OperationAccess;

  // All written and read under the lock of the reactor that holds the operation.
  enum class State : uint8_t {
    kIdle,      // Not in flight.
    kWaiting,   // In the list of its descriptor. Only here does Cancel end it at once.
    kClaimed,   // The polling thread is performing it; Cancel leaves a note.
    kFinished,  // `result` stands; the callback is due. Cancel does nothing.
  };

  State state_ = State::kIdle;
  bool cancel_requested_ = false;
  uint64_t generation_ = 0;
};

}  // namespace weft

#endif  // WEFT_REACTOR_OPERATION_H_
