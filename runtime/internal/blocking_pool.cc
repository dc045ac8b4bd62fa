#include "runtime/internal/blocking_pool.h"

#include <iterator>
#include <system_error>
#include <thread>
#include <utility>

#include "base/check.h"
#include "base/instant.h"
#include "runtime/internal/thread_setup.h"

namespace weft::runtime_internal {

void BlockingPool::Schedule(Runnable* job) {
  JoinFinished();
  MutexLock lock(&mutex_);
  job->next_runnable = nullptr;
  (last_ == nullptr ? first_ : last_->next_runnable) = job;
  last_ = job;
  ++jobs_;
  if (Member* const idler = idlers_.PopFront()) {
    idler->parker.unparker().Unpark();
  } else if (static_cast<int>(members_.size()) < max_threads_ && !is_stopping_) {
    StartThread();
  }
}

void BlockingPool::StartThread() {
  const Members::iterator self = members_.emplace(members_.end());
  try {
    self->thread = std::thread([this, self] { Main(self); });
  } catch (const std::system_error& error) {
    members_.erase(self);
    // With a thread at work the job just waits for it.
    WEFT_CHECK(!members_.empty())
        << "Runtime: starting the first thread for blocking calls failed: " << error.what()
        << "; raise the limit of threads (ulimit -u) or use fewer";
  }
}

void BlockingPool::Main(Members::iterator self) {
  SetUpThread("weft-blocking");
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
  while (first_ == nullptr) {
    if (is_stopping_) return nullptr;
    idlers_.PushFront(self);
    mutex_.Unlock();
    const ParkResult result = self->parker.ParkUntil(MonotonicNow() + idle_time_);
    mutex_.Lock();
    // Still linked: nobody has sent for this thread. A token may be an old one, from a time when
    // the thread found the job before it parked.
    if (self->IsLinked()) {
      self->Unlink();
      if (result == ParkResult::kDeadline) return PopJob();
    }
  }
  return PopJob();
}

Runnable* BlockingPool::PopJob() {
  Runnable* const job = first_;
  if (job == nullptr) return nullptr;
  first_ = job->next_runnable;
  if (first_ == nullptr) last_ = nullptr;
  return job;
}

void BlockingPool::JoinFinished() {
  Members finished;
  {
    MutexLock lock(&mutex_);
    finished.swap(finished_);
  }
  for (Member& member : finished) member.thread.join();
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
    Runnable* const job = PopJob();
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
