#include "sync/spawn_gate.h"

#include <memory>
#include <utility>

#include "absl/status/status.h"
#include "base/check.h"
#include "future/block_on.h"

namespace weft {
namespace {

absl::Status ClosedError() {
  return absl::CancelledError(
      "SpawnGate: asked for admission when the gate was closed or its executor shut down; spawn "
      "before Close() and Shutdown()");
}

}  // namespace

Poll<absl::StatusOr<Admission>> AdmitFuture::poll(Context& cx) {
  if (!IsClosed()) {
    Poll<SemaphorePermit> place = acquire_.poll(cx);
    if (place.IsStopped()) return kStopped;
    if (place.IsReady()) return Output(Admission(std::move(state_), std::move(place).value()));
    on_close_.Register(state_->closing.token(), cx.waker().Clone());
    if (!IsClosed()) return kPending;
  }
  // It is not pending after a stop. A place that it got all the same goes back.
  Context stopped = cx.WithStop();
  (void)acquire_.poll(stopped);
  return Output(ClosedError());
}

SpawnGate::SpawnGate(Executor& executor, std::size_t max_tasks)
    : max_tasks_(max_tasks),
      state_(std::make_shared<sync_internal::GateState>(executor, max_tasks)) {
  WEFT_CHECK(max_tasks > 0) << "SpawnGate(executor, max_tasks): max_tasks must be positive, found "
                               "0: no task could ever be admitted";
}

std::optional<Admission> SpawnGate::TryAdmit() {
  if (IsClosed()) return std::nullopt;
  std::optional<SemaphorePermit> place = state_->places.TryAcquire();
  // Asked again: whoever closes the gate and waits for all places sees this one taken, or is seen.
  if (!place || IsClosed()) return std::nullopt;
  return Admission(state_, *std::move(place));
}

absl::StatusOr<Admission> SpawnGate::AdmitUntil(Instant deadline) {
  return BlockOnUntil(state_->executor, Admit(), deadline);
}

void SpawnGate::CloseAndWait() {
  Close();
  const SemaphorePermit all = BlockOn(state_->places.Acquire(max_tasks_));
}

}  // namespace weft
