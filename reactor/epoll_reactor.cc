#include "reactor/epoll_reactor.h"

#include <sys/epoll.h>

#include <cerrno>
#include <cstdint>
#include <memory>
#include <new>
#include <utility>

#include "base/check.h"

namespace weft {
namespace reactor_internal {

// The reactor's key to the private part of an operation.
class OperationAccess {
 public:
  using State = Operation::State;

  static State& state(Operation* operation) { return operation->state_; }
  static bool& cancel_requested(Operation* operation) { return operation->cancel_requested_; }
  static uint64_t& generation(Operation* operation) { return operation->generation_; }
};

}  // namespace reactor_internal

namespace {

using reactor_internal::Kernel;
using reactor_internal::OperationAccess;
using State = OperationAccess::State;

// Errors and hang-ups concern both directions, and may come without EPOLLIN or EPOLLOUT.
constexpr uint32_t kReadableBits = EPOLLIN | EPOLLPRI | EPOLLRDHUP | EPOLLHUP | EPOLLERR;
constexpr uint32_t kWritableBits = EPOLLOUT | EPOLLHUP | EPOLLERR;

bool IsReader(const Operation& operation) {
  return operation.kind == OperationKind::kPollReadable || operation.kind == OperationKind::kRead;
}

bool IsPoll(const Operation& operation) {
  return operation.kind == OperationKind::kPollReadable ||
         operation.kind == OperationKind::kPollWritable;
}

// Performs a read or a write, once more after each interruption by a signal.
int64_t Transfer(Kernel* kernel, const Operation& operation) {
  int64_t result = 0;
  do {
    result = operation.kind == OperationKind::kRead
                 ? kernel->Read(operation.fd, operation.buffer, operation.size)
                 : kernel->Write(operation.fd, operation.buffer, operation.size);
  } while (result == -EINTR);
  return result;
}

void MoveAll(IntrusiveList<Operation>* from, IntrusiveList<Operation>* to) {
  while (Operation* const operation = from->PopFront()) to->PushBack(operation);
}

}  // namespace

absl::StatusOr<std::unique_ptr<EpollReactor>> EpollReactor::Create() {
  absl::StatusOr<std::unique_ptr<Kernel>> kernel = reactor_internal::MakeLinuxKernel();
  if (!kernel.ok()) return kernel.status();
  return std::make_unique<EpollReactor>(*std::move(kernel));
}

EpollReactor::EpollReactor(std::unique_ptr<Kernel> kernel) : kernel_(std::move(kernel)) {}

EpollReactor::~EpollReactor() {
  MutexLock lock(&mu_);
  WEFT_CHECK(in_flight_ == 0) << "~EpollReactor(): no operation may be in flight, found "
                              << in_flight_ << "; Cancel() them and Poll() until they complete";
}

EpollReactor::Operations& EpollReactor::ListOf(Descriptor* descriptor, const Operation& operation) {
  return IsReader(operation) ? descriptor->readers : descriptor->writers;
}

void EpollReactor::Submit(Operation* operation) {
  WEFT_CHECK(operation->on_complete != nullptr)
      << "EpollReactor::Submit(): the operation needs on_complete, found null";
  MutexLock lock(&mu_);
  WEFT_CHECK(OperationAccess::state(operation) == State::kIdle)
      << "EpollReactor::Submit(): the operation on descriptor " << operation->fd
      << " is in flight already; wait for its completion";
  OperationAccess::state(operation) = State::kWaiting;
  OperationAccess::cancel_requested(operation) = false;
  ++OperationAccess::generation(operation);
  ++in_flight_;
  if (Descriptor* const descriptor = DescriptorOf(operation->fd)) {
    Arm(descriptor, operation);
  } else {
    Finish(operation, -ENOMEM);
  }
  WakeIfFinished();
}

// The record of a descriptor number, made at its first mention. Null: there is no memory for it.
EpollReactor::Descriptor* EpollReactor::DescriptorOf(int fd) {
  try {
    return &descriptors_.try_emplace(fd, fd).first->second;
  } catch (const std::bad_alloc&) {
    return nullptr;
  }
}

void EpollReactor::Cancel(Operation* operation) {
  MutexLock lock(&mu_);
  switch (OperationAccess::state(operation)) {
    case State::kWaiting:
      // The registration stays armed. It fires at most once more, and finds nobody.
      operation->Unlink();
      Finish(operation, -ECANCELED);
      WakeIfFinished();
      break;
    case State::kClaimed:
      OperationAccess::cancel_requested(operation) = true;
      break;
    case State::kIdle:
    case State::kFinished:
      break;
  }
}

// Puts `newest`, if not null, at the end of its list and asks the kernel for one event for all that
// wait. The kernel looks at the readiness of the file during the call, so that no edge is lost.
// The call is made even if the same events are asked for already: only the kernel knows whether the
// number still means the same file.
void EpollReactor::Arm(Descriptor* descriptor, Operation* newest) {
  const auto add_newest = [&] {
    if (newest != nullptr) ListOf(descriptor, *newest).PushBack(newest);
  };
  if (descriptor->token != 0) {
    const bool reads = !descriptor->readers.IsEmpty() || (newest != nullptr && IsReader(*newest));
    const bool writes = !descriptor->writers.IsEmpty() || (newest != nullptr && !IsReader(*newest));
    const int error = Control(EPOLL_CTL_MOD, reads, writes, *descriptor);
    if (error == 0) return add_newest();
    if (error != -ENOENT) {
      add_newest();
      return Forget(descriptor, error);
    }
    // The file was closed, and the number given to another one, of which this reactor knows
    // nothing. Who waited for the old file waits for nothing; only `newest` means the new one.
    Forget(descriptor, -EBADF);
  }
  if (newest == nullptr) return;
  add_newest();
  Register(descriptor);
}

int EpollReactor::Control(int operation, bool reads, bool writes, const Descriptor& descriptor) {
  constexpr uint32_t kNone = 0;
  const uint32_t events =
      EPOLLONESHOT | (reads ? uint32_t{EPOLLIN} : kNone) | (writes ? uint32_t{EPOLLOUT} : kNone);
  return kernel_->Control(operation, descriptor.fd, events, descriptor.token);
}

void EpollReactor::Register(Descriptor* descriptor) {
  descriptor->token = ++last_token_;
  try {
    registered_.emplace(descriptor->token, descriptor);
  } catch (const std::bad_alloc&) {
    return Forget(descriptor, -ENOMEM);
  }
  const bool reads = !descriptor->readers.IsEmpty();
  const bool writes = !descriptor->writers.IsEmpty();
  int error = Control(EPOLL_CTL_ADD, reads, writes, *descriptor);
  // The number went to another file and back to this one, whose registration had survived.
  if (error == -EEXIST) error = Control(EPOLL_CTL_MOD, reads, writes, *descriptor);
  if (error != 0) Forget(descriptor, error);
}

// Ends what waits on a descriptor that cannot be registered, and drops the registration.
void EpollReactor::Forget(Descriptor* descriptor, int error) {
  registered_.erase(descriptor->token);
  descriptor->token = 0;
  while (Operation* const operation = descriptor->readers.PopFront()) Finish(operation, error);
  while (Operation* const operation = descriptor->writers.PopFront()) Finish(operation, error);
}

void EpollReactor::Finish(Operation* operation, int64_t result) {
  OperationAccess::state(operation) = State::kFinished;
  operation->result = result;
  finished_.PushBack(operation);
}

void EpollReactor::WakeIfFinished() {
  if (waiting_ && !finished_.IsEmpty()) Wake();
}

void EpollReactor::Wake() {
  // (1) acq_rel: releases what the caller did to the exchange in HandleEvent; acquires nothing that
  // anybody relies on, but keeps the release sequence of earlier wakes that merge into this one.
  if (!signalled_.exchange(true, std::memory_order_acq_rel)) kernel_->Signal();
}

size_t EpollReactor::Poll(Instant deadline) {
  // (2) acquire, with the release below: a thread that takes its turn sees what the previous one
  // left in events_.
  WEFT_CHECK(!polling_.exchange(true, std::memory_order_acquire))
      << "EpollReactor::Poll(): another Poll is running, in another thread or below this one";
  const int count = WaitForEvents(deadline);
  for (int i = 0; i < count; ++i) HandleEvent(events_[i]);
  const size_t completed = RunCallbacks();
  polling_.store(false, std::memory_order_release);  // (2)
  return completed;
}

int EpollReactor::WaitForEvents(Instant deadline) {
  {
    MutexLock lock(&mu_);
    // From here on, whoever finishes an operation sees waiting_ and raises the signal.
    waiting_ = finished_.IsEmpty();
    if (!waiting_) deadline = Instant::InfinitePast();
  }
  const int count = kernel_->Wait(events_.data(), kEventsPerPoll, deadline);
  WEFT_CHECK(count >= 0 || count == -EINTR)
      << "EpollReactor::Poll(): epoll_wait failed with errno " << -count
      << "; was a descriptor of the reactor closed by somebody else?";
  MutexLock lock(&mu_);
  waiting_ = false;
  return count < 0 ? 0 : count;
}

void EpollReactor::HandleEvent(const epoll_event& event) {
  const uint64_t token = event.data.u64;  // A copy: epoll_event is packed, so it is misaligned.
  if (token == Kernel::kWakeToken) {
    // A Wake that comes before this raises no signal, but this Poll returns anyway. One that comes
    // later raises one, which is the next Poll's.
    signalled_.exchange(false, std::memory_order_acq_rel);  // (1)
    return;
  }
  Descriptor* descriptor = nullptr;
  Operations claimed;
  {
    MutexLock lock(&mu_);
    const auto found = registered_.find(token);
    if (found == registered_.end()) return;  // Of a file that is gone.
    descriptor = found->second;
    if ((event.events & kReadableBits) != 0) Claim(&descriptor->readers, event.events, &claimed);
    if ((event.events & kWritableBits) != 0) Claim(&descriptor->writers, event.events, &claimed);
  }
  Operations done;
  Operations blocked;
  Perform(&claimed, &done, &blocked);
  MutexLock lock(&mu_);
  while (Operation* const operation = done.PopFront()) Finish(operation, operation->result);
  if (descriptor->token == token) {
    PutBack(&blocked, descriptor);
    if (!descriptor->IsIdle()) Arm(descriptor, nullptr);
  } else {
    // The descriptor was closed during the transfer, and perhaps used again.
    while (Operation* const operation = blocked.PopFront()) Finish(operation, -EBADF);
  }
}

// Takes what a ready direction lets go on. Polls are complete; transfers are tried without the
// lock.
void EpollReactor::Claim(Operations* waiting, uint32_t events, Operations* claimed) {
  while (Operation* const operation = waiting->PopFront()) {
    if (IsPoll(*operation)) {
      Finish(operation, events & (kReadableBits | kWritableBits));
    } else {
      OperationAccess::state(operation) = State::kClaimed;
      claimed->PushBack(operation);
    }
  }
}

// Tries the transfers in order. Behind one that would block nothing of its direction is tried.
void EpollReactor::Perform(Operations* claimed, Operations* done, Operations* blocked) {
  bool read_blocked = false;
  bool write_blocked = false;
  while (Operation* const operation = claimed->PopFront()) {
    bool& direction_blocked = IsReader(*operation) ? read_blocked : write_blocked;
    if (!direction_blocked) {
      const int64_t result = Transfer(kernel_.get(), *operation);
      if (result != -EAGAIN && result != -EWOULDBLOCK) {
        operation->result = result;
        done->PushBack(operation);
        continue;
      }
      direction_blocked = true;
    }
    blocked->PushBack(operation);
  }
}

// Returns transfers that would block to the front of their lists, ahead of what was submitted
// meanwhile, except those that were cancelled meanwhile.
void EpollReactor::PutBack(Operations* blocked, Descriptor* descriptor) {
  if (blocked->IsEmpty()) return;
  Operations newer_readers;
  Operations newer_writers;
  MoveAll(&descriptor->readers, &newer_readers);
  MoveAll(&descriptor->writers, &newer_writers);
  while (Operation* const operation = blocked->PopFront()) {
    if (OperationAccess::cancel_requested(operation)) {
      Finish(operation, -ECANCELED);
    } else {
      OperationAccess::state(operation) = State::kWaiting;
      ListOf(descriptor, *operation).PushBack(operation);
    }
  }
  MoveAll(&newer_readers, &descriptor->readers);
  MoveAll(&newer_writers, &descriptor->writers);
}

size_t EpollReactor::RunCallbacks() {
  Operations ready;
  size_t count = 0;
  {
    MutexLock lock(&mu_);
    while (Operation* const operation = finished_.PopFront()) {
      OperationAccess::state(operation) = State::kIdle;
      ready.PushBack(operation);
      ++count;
    }
    in_flight_ -= count;
  }
  // A callback may destroy its operation, so the list forgets it first.
  while (Operation* const operation = ready.PopFront()) operation->on_complete(operation);
  return count;
}

}  // namespace weft
