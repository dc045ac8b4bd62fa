#include "runtime/internal/fork_job.h"

#include <algorithm>
#include <atomic>
#include <cstdint>

#include "base/backoff.h"
#include "runtime/internal/scheduler.h"
#include "runtime/internal/worker.h"

namespace weft::runtime_internal {

constinit thread_local ForkStack<Runnable>* current_jobs [[gnu::tls_model("initial-exec")]] =
    nullptr;

void ForkJob::Begin() {
  std::uintptr_t expected = kOffered;
  // Relaxed: the name of the thief is a hint. Fails when the owner has parked.
  state_.compare_exchange_strong(expected, reinterpret_cast<std::uintptr_t>(Worker::Current()),
                                 std::memory_order_relaxed, std::memory_order_relaxed);
}

void ForkJob::End() {
  const std::uintptr_t before = state_.exchange(kEnded, std::memory_order_acq_rel);  // (1) (2)
  // The job may be gone. Workers live longer than jobs.
  if ((before & kParked) != 0) reinterpret_cast<Worker*>(before - kParked)->UnparkAwait();
}

void WakeForJob() { Worker::Current()->WakeForJob(); }

void AwaitJob(const ForkJob& job) { Worker::Current()->Await(job); }

int WorkersHere() {
  const Worker* const worker = Worker::Current();
  return worker == nullptr ? 0 : worker->scheduler()->worker_count();
}

void Worker::WakeForJob() {
  WakeOne();
  // While somebody is idle, each push is to be wanted: a searcher that finds other work, and counts
  // on a fence of the owner, may be the reason why nobody was woken.
  if (scheduler_.idle_.SomebodyIsIdle()) (void)jobs_.Ask();
}

void Worker::Await(const ForkJob& job) {
  int pauses = 1;
  for (int attempt = 0; attempt < kHelpAttempts; ++attempt) {
    const std::uintptr_t state = job.state_.load(std::memory_order_acquire);  // (1)
    if (state == ForkJob::kEnded) return;
    if (HelpOthers(reinterpret_cast<Worker*>(state))) {
      attempt = 0;
      pauses = 1;
      continue;
    }
    for (int i = 0; i < pauses; ++i) CpuRelax();
    pauses = std::min(2 * pauses, 32);
  }
  std::uintptr_t state = job.state_.load(std::memory_order_acquire);  // (1)
  while (state != ForkJob::kEnded) {
    if (job.state_.compare_exchange_weak(
            state, reinterpret_cast<std::uintptr_t>(this) | ForkJob::kParked,
            std::memory_order_release, std::memory_order_acquire)) {  // (1) (2)
      break;
    }
  }
  // A token may be left from an Await() that saw the end before it parked.
  while (job.state_.load(std::memory_order_acquire) != ForkJob::kEnded)
    await_parker_.Park();  // (1)
}

bool Worker::HelpOthers(Worker* thief) {
  if (helping_ == kMostHelping) return false;
  Runnable* job = nullptr;
  // What the thief forks is part of what is waited for.
  if (thief != nullptr) job = thief->jobs_.Steal().item.value_or(nullptr);
  if (job == nullptr) job = StealJob();
  if (job == nullptr) return false;
  ++helping_;
  job->Run();
  --helping_;
  return true;
}

}  // namespace weft::runtime_internal
