// reactor/simulated_reactor.h — pipes and sockets in memory, under virtual time and a seed.
//
//   weft::SimulatedReactor reactor({.seed = 42});
//   const weft::SimulatedPair pipe = reactor.OpenPipe();
//   write.fd = pipe.second; read.fd = pipe.first;
//   reactor.Submit(&write); reactor.Submit(&read);
//   while (!read_is_done) { reactor.AdvanceTo(reactor.NextEvent()); reactor.Poll(...); }
//
// The same operations as on the kernel's descriptors, run by the same backend; what differs from
// run to run there is drawn from the seed here: how long bytes travel, which of several ready
// descriptors is reported first, which is held back for a while, how much of a transfer goes
// through at once. Nothing blocks, no time passes by itself, and equal seeds and equal calls give
// equal runs. //runtime:deterministic_runtime has one.
//
// Guarantees
//   Thread safety    Thread-compatible.
//   Time             Only AdvanceTo() moves it. Poll() never waits, whatever its deadline.
//   Progress         What is held back is reported in the end: while an operation can complete,
//                    NextEvent() is no later than now, and at most kMaxHeldBack Polls in a row hold
//                    back everything.
//   Streams          Bytes arrive in order, exactly once, not before their latency has passed.
//   Errors           As the kernel's: a write to a pair whose other end is closed gives -EPIPE, a
//                    read the rest and then 0; what this reactor did not open gives -EBADF.
//   Descriptors      Numbers from kFirstDescriptor on, never used twice, unknown to the kernel: a
//                    close(2) of one fails and does no harm. Close them with Close().
//   Lifetime         No operation may be in flight when it is destroyed (checked).
#ifndef WEFT_REACTOR_SIMULATED_REACTOR_H_
#define WEFT_REACTOR_SIMULATED_REACTOR_H_

#include <cstddef>
#include <cstdint>

#include "absl/time/time.h"
#include "base/instant.h"
#include "reactor/epoll_reactor.h"
#include "reactor/operation.h"
#include "reactor/reactor.h"

namespace weft {

namespace reactor_internal {
class SimulatedKernel;
}  // namespace reactor_internal

struct SimulatedReactorOptions {
  uint64_t seed = 0;
  // The longest that bytes and the news of a close travel. Zero: they are there at once.
  absl::Duration max_latency = absl::Milliseconds(1);
  // How many bytes a direction holds before a write would block. Precondition (checked): positive.
  std::size_t capacity = 64 * 1024;
};

// Two ends. Of a pipe: `first` reads, `second` writes. Of sockets: either does both.
struct SimulatedPair {
  int first = -1;
  int second = -1;
};

// See the head of the file.
class SimulatedReactor final : public Reactor {
 public:
  static constexpr int kFirstDescriptor = 1 << 30;
  static constexpr int kMaxHeldBack = 3;

  explicit SimulatedReactor(const SimulatedReactorOptions& options = {});
  ~SimulatedReactor() override;

  SimulatedPair OpenPipe();
  SimulatedPair OpenSocketPair();
  // Closes one end. Precondition (checked): it is open, and no operation on it is in flight.
  void Close(int fd);

  // Moves the virtual time; an earlier instant than before leaves it where it is.
  void AdvanceTo(Instant now);
  // When a descriptor will be ready for what waits: not later than now if one is; InfiniteFuture()
  // if none will be by itself. Of operations that were cancelled or refused only a Poll knows.
  Instant NextEvent() const;

  // Reactor.
  void Submit(Operation* operation) override { reactor_.Submit(operation); }
  void Cancel(Operation* operation) override { reactor_.Cancel(operation); }
  std::size_t Poll(Instant deadline) override { return reactor_.Poll(deadline); }
  void Wake() override { reactor_.Wake(); }

 private:
  explicit SimulatedReactor(reactor_internal::SimulatedKernel* kernel);

  reactor_internal::SimulatedKernel* const kernel_;  // owned by reactor_
  EpollReactor reactor_;
};

}  // namespace weft

#endif  // WEFT_REACTOR_SIMULATED_REACTOR_H_
