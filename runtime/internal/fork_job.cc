#include "runtime/internal/fork_job.h"

#include <algorithm>

#include "base/backoff.h"
#include "runtime/internal/job_state.h"
#include "runtime/internal/scheduler.h"
#include "runtime/internal/worker.h"

namespace weft::runtime_internal {

constinit thread_local ForkStack<Runnable>* current_jobs [[gnu::tls_model("initial-exec")]] =
    nullptr;

namespace {

JobState::Name NameOf(const Worker* worker) { return reinterpret_cast<JobState::Name>(worker); }

}  // namespace

void ForkJob::Begin() { state_.Begin(NameOf(Worker::Current())); }

void ForkJob::End() {
  const JobState::Name sleeper = state_.End();
  // The job may be gone. Workers live longer than jobs.
  if (sleeper != JobState::kNobody) reinterpret_cast<Worker*>(sleeper)->UnparkAwait();
}

void WakeForJob() { Worker::Current()->WakeForJob(); }

bool WouldWakeForJob() {
  const Worker* const worker = Worker::Current();
  return worker != nullptr && worker->scheduler()->SomebodyIsIdle();
}

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
    const JobState::Name state = job.state_.Look();
    if (state == JobState::kEnded) return;
    if (HelpOthers(reinterpret_cast<Worker*>(state))) {
      attempt = 0;
      pauses = 1;
      continue;
    }
    for (int i = 0; i < pauses; ++i) CpuRelax();
    pauses = std::min(2 * pauses, 32);
  }
  whereabouts_.NoteSleep();
  job.state_.AwaitEnd(NameOf(this), [this] { await_parker_.Park(); });
  whereabouts_.Return();
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
