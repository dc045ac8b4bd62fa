// sync/spawn_gate.h — a bound on the tasks that are spawned from outside, with back-pressure.
//
//   weft::SpawnGate gate(runtime, 1'000);
//   while (const std::optional<Request> request = server.Next()) {     // a thread of one's own
//     absl::StatusOr<weft::Admission> admission = gate.AdmitUntil(request->deadline);
//     if (!admission.ok()) { Refuse(*request, admission.status()); continue; }
//     std::move(*admission).Spawn(Handle(*request)).Detach();
//   }
//
// An executor takes every task. Where threads or connections make more of them than it can run,
// they pile up; a gate lets so many live at a time. Who wants to spawn asks for admission first:
// at once or not at all (TryAdmit), blocking its thread (AdmitUntil), or as a future (Admit). It
// makes the future only then, so a refusal loses nothing. What an admitted task spawns itself is
// not counted. Programs without a gate pay nothing; one admission and its end cost two short locks.
//
// Guarantees
//   Bound            Never more than `max_tasks` admissions that are held, or whose task lives. A
//                    task's place is free once its future is destroyed.
//   Fairness         First come, first served, threads and futures alike.
//   Closing          Close(), and the cancellation of the executor's token, refuse everybody who
//                    waits or comes, with kCancelled. Tasks that were admitted go on.
//   Cancellation     Admit(): kStopped, holding no place. Safe to drop.
//   Thread safety    All methods from any thread; AdmitUntil() and CloseAndWait() not from a task.
//   Lifetime         The executor outlives the gate. Tasks and admissions may outlive it.
//
// A task that waits for the admission of another one at its own gate can deadlock, as with any
// semaphore that is taken twice.
#ifndef WEFT_SYNC_SPAWN_GATE_H_
#define WEFT_SYNC_SPAWN_GATE_H_

#include <cstddef>
#include <memory>
#include <optional>
#include <utility>

#include "absl/status/statusor.h"
#include "base/instant.h"
#include "future/cancel.h"
#include "future/context.h"
#include "future/executor.h"
#include "future/future.h"
#include "future/poll.h"
#include "future/spawn.h"
#include "sync/semaphore.h"

namespace weft {
namespace sync_internal {

template <Future F>
class Admitted;

struct GateState {
  GateState(Executor& the_executor, std::size_t max_tasks)
      : executor(the_executor), places(max_tasks), closing(the_executor.token()) {}

  Executor& executor;
  Semaphore places;
  CancelSource closing;
};

}  // namespace sync_internal

// The right to spawn one task; gives its place back when it is dropped instead. Move-only;
// thread-compatible.
class [[nodiscard]] Admission {
 public:
  // Spawns `future` at the gate's executor.
  template <Future F>
  JoinHandle<OutputOf<F>> Spawn(F future, SpawnOptions options = {}) && {
    Executor& executor = state_->executor;
    return weft::Spawn(executor, sync_internal::Admitted<F>(std::move(*this), std::move(future)),
                       std::move(options));
  }

 private:
  friend class SpawnGate;
  friend class AdmitFuture;

  Admission(std::shared_ptr<sync_internal::GateState> state, SemaphorePermit place)
      : state_(std::move(state)), place_(std::move(place)) {}

  std::shared_ptr<sync_internal::GateState> state_;
  SemaphorePermit place_;  // goes first
};

namespace sync_internal {

// A future and its place, which is given back after the future's end.
template <Future F>
class Admitted {
 public:
  using Output = OutputOf<F>;

  Admitted(Admission admission, F future)
      : admission_(std::move(admission)), future_(std::move(future)) {}

  Poll<Output> poll(Context& cx) { return future_.poll(cx); }

 private:
  Admission admission_;
  F future_;
};

}  // namespace sync_internal

// The future of SpawnGate::Admit(). Moved only before its first poll (checked).
class [[nodiscard]] AdmitFuture {
 public:
  using Output = absl::StatusOr<Admission>;

  AdmitFuture(AdmitFuture&& other) noexcept
      : state_(std::move(other.state_)), acquire_(std::move(other.acquire_)) {}
  AdmitFuture& operator=(AdmitFuture&&) = delete;

  Poll<Output> poll(Context& cx);

 private:
  friend class SpawnGate;
  explicit AdmitFuture(std::shared_ptr<sync_internal::GateState> state)
      : state_(std::move(state)), acquire_(state_->places.Acquire()) {}

  bool IsClosed() const { return state_->closing.StopRequested(); }

  std::shared_ptr<sync_internal::GateState> state_;
  Semaphore::AcquireFuture acquire_;
  CancelRegistration on_close_;
};

// See the head of the file.
class SpawnGate {
 public:
  // Precondition (checked): max_tasks > 0.
  SpawnGate(Executor& executor, std::size_t max_tasks);
  SpawnGate(const SpawnGate&) = delete;
  SpawnGate& operator=(const SpawnGate&) = delete;
  // Closes the gate.
  ~SpawnGate() { Close(); }

  // A place if one is free and nobody waits for it; none when the gate is closed.
  std::optional<Admission> TryAdmit();

  // Blocks until there is a place. kDeadlineExceeded: there was none until then.
  absl::StatusOr<Admission> AdmitUntil(Instant deadline);

  // Waits for a place; gives a StatusOr<Admission>.
  AdmitFuture Admit() { return AdmitFuture(state_); }

  // Refuses from now on. Idempotent.
  void Close() { state_->closing.Cancel(); }
  bool IsClosed() const { return state_->closing.StopRequested(); }

  // Closes, and blocks until no admission is held and no admitted task lives: nobody spawns through
  // the gate any more, so the runtime may be shut down.
  void CloseAndWait();

  // Free places at some moment during the call.
  std::size_t available() const { return state_->places.available(); }

 private:
  const std::size_t max_tasks_;
  const std::shared_ptr<sync_internal::GateState> state_;
};

}  // namespace weft

#endif  // WEFT_SYNC_SPAWN_GATE_H_
