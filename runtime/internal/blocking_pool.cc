#include "runtime/internal/blocking_pool.h"

#include <iterator>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "base/check.h"
#include "base/instant.h"
#include "runtime/internal/processor_mask.h"
#include "runtime/internal/thread_setup.h"

namespace weft::runtime_internal {

BlockingPool::BlockingPool(int max_threads, absl::Duration idle_time, std::vector<int> processors)
    : max_threads_(max_threads), idle_time_(idle_time), processors_(std::move(processors)) {
  WEFT_CHECK(max_threads > 0) << "the options of a runtime: max_blocking_threads must be positive, "
                                 "found "
                              << max_threads;
  WEFT_CHECK(idle_time >= absl::ZeroDuration())
      << "the options of a runtime: blocking_thread_idle_time must not be negative, found "
      << absl::FormatDuration(idle_time);
}

void BlockingPool::Schedule(Runnable* job) {
  JoinFinished();
  MutexLock lock(&mutex_);
  queue_.Push(job);
  ++jobs_;
  if (Member* const idler = idlers_.PopFront()) {
    idler->parker.unparker().Unpark();
  } else if (static_cast<int>(members_.size()) < max_threads_ && !is_stopping_) {
    StartThread();
  }
}

void BlockingPool::StartThread() {
  const Members::iterator self = members_.emplace(members_.end());
  const absl::Status status = self->thread.Start("weft-blocking", 0, [this, self] { Main(self); });
  if (status.ok()) return;
  members_.erase(self);
  WEFT_CHECK(!members_.empty())
      << "SpawnBlocking(): no thread for blocking calls is there, and none "
         "can be started: "
      << status.ToString();
}

void BlockingPool::Main(Members::iterator self) {
  // Where that fails now, the processors have been taken away from the process: it runs elsewhere.
  if (!processors_.empty()) (void)SetAffinity(processors_);
  mutex_.Lock();
  while (Runnable* const job = NextJob(&*self)) {
    mutex_.Unlock();
    job->Run();
    mutex_.Lock();
  }
  finished_.splice(finished_.end(), members_, self);
  thread_ended_.NotifyAll();
  mutex_.Unlock();
}

Runnable* BlockingPool::NextJob(Member* self) {
  while (queue_.IsEmpty()) {
    if (is_stopping_) return nullptr;
    idlers_.PushFront(self);
    mutex_.Unlock();
    const ParkResult result = self->parker.ParkUntil(MonotonicNow() + idle_time_);
    mutex_.Lock();
    // Still linked: nobody has sent for this thread. A token may be an old one, from a time when
    // the thread found the job before it parked.
    if (self->IsLinked()) {
      self->Unlink();
      if (result == ParkResult::kDeadline) return queue_.Pop();
    }
  }
  return queue_.Pop();
}

void BlockingPool::JoinFinished() {
  Members finished;
  {
    MutexLock lock(&mutex_);
    finished.swap(finished_);
  }
  for (Member& member : finished) member.thread.Join();
}

void BlockingPool::Stop() {
  {
    MutexLock lock(&mutex_);
    is_stopping_ = true;
    while (Member* const idler = idlers_.PopFront()) idler->parker.unparker().Unpark();
    while (!members_.empty()) thread_ended_.Wait(&mutex_);
  }
  JoinFinished();
  while (true) {
    mutex_.Lock();
    Runnable* const job = queue_.Pop();
    mutex_.Unlock();
    if (job == nullptr) return;
    job->Run();
  }
}

int BlockingPool::threads() {
  MutexLock lock(&mutex_);
  return static_cast<int>(members_.size());
}

uint64_t BlockingPool::jobs() {
  MutexLock lock(&mutex_);
  return jobs_;
}

}  // namespace weft::runtime_internal
