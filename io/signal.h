// io/signal.h — operating-system signals as futures.
//
//   auto watcher = weft::SignalWatcher::Create(reactor, {SIGINT, SIGTERM});
//   int signal = co_await (*watcher)->Next();
//
// Guarantees
//   Latching      A signal that comes after Create is kept for the next Next(), also while nobody
//                 waits. Several of one kind may merge, as in the kernel.
//   Threads       Create and destruction: one thread. Next(): any task. Two that wait at once get
//                 different signals.
//   Lifetime      One watcher at a time in a process. Destroying it gives the signals the actions
//                 back that they had before; no Next() may be unfinished. The pipe that the signal
//                 handler writes to stays open for the life of the process.
//   Cancellation  A cancelled Next() takes no signal, unless it already had one: then it answers
//                 it.
//   Errors        std::bad_alloc where memory is out, also the kernel's. A Next() that threw took
//                 no signal; a Create() that threw left none caught.
//   Blocks        Never.
#ifndef WEFT_IO_SIGNAL_H_
#define WEFT_IO_SIGNAL_H_

#include <signal.h>

#include <memory>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "future/context.h"
#include "future/poll.h"
#include "reactor/reactor.h"

namespace weft {

// The future of one signal: its number. Movable before the first poll; not safe to drop after it.
class [[nodiscard]] NextSignal {
 public:
  using Output = int;

  NextSignal(NextSignal&&) noexcept;
  ~NextSignal();

  Poll<int> poll(Context& cx);

 private:
  friend class SignalWatcher;
  class Wait;

  NextSignal(Reactor* reactor, int pipe);

  std::unique_ptr<Wait> wait_;
};

// Takes over some signals; see the top of the file.
class SignalWatcher {
 public:
  // Fails with FAILED_PRECONDITION if there is another watcher, INVALID_ARGUMENT for a signal that
  // cannot be caught. `reactor` must outlive the watcher.
  static absl::StatusOr<std::unique_ptr<SignalWatcher>> Create(Reactor& reactor,
                                                               std::vector<int> signals);
  SignalWatcher(const SignalWatcher&) = delete;
  SignalWatcher& operator=(const SignalWatcher&) = delete;
  ~SignalWatcher();

  // The next signal that has come or will come.
  NextSignal Next();

 private:
  SignalWatcher(Reactor* reactor, int pipe) : reactor_(reactor), pipe_(pipe) {}

  Reactor* const reactor_;
  const int pipe_;
  std::vector<std::pair<int, struct sigaction>> previous_;
};

}  // namespace weft

#endif  // WEFT_IO_SIGNAL_H_
