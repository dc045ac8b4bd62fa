// runtime/internal/blocking_pool.h — threads for calls that block, started when needed.
//
// A job takes an idle thread, else a new one while there are fewer than the cap, else it queues. A
// thread that finds nothing to do for the idle time ends. Where the system has no room for a new
// thread, the job queues for those that are there, and the next job tries again; where there are
// none, the program stops with the reason, as the job might wait for ever.
#ifndef WEFT_RUNTIME_INTERNAL_BLOCKING_POOL_H_
#define WEFT_RUNTIME_INTERNAL_BLOCKING_POOL_H_

#include <cstdint>
#include <list>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/time/time.h"
#include "base/intrusive_list.h"
#include "base/mutex.h"
#include "future/executor.h"
#include "parker/parker.h"
#include "runtime/internal/thread_setup.h"

namespace weft::runtime_internal {

// Thread-safe, but for the destructor.
class BlockingPool {
 public:
  // A runtime's options max_blocking_threads and blocking_thread_idle_time. Preconditions
  // (checked): positive; not negative. `processors`: where its threads run, whoever starts them;
  // empty: where that one runs.
  BlockingPool(int max_threads, absl::Duration idle_time, std::vector<int> processors = {});
  BlockingPool(const BlockingPool&) = delete;
  BlockingPool& operator=(const BlockingPool&) = delete;
  ~BlockingPool() { Stop(); }

  // Queues a job. FIFO.
  void Schedule(Runnable* job) ABSL_LOCKS_EXCLUDED(mutex_);

  // Runs all that is queued, and ends and joins the threads. Jobs that come later run on the
  // caller's thread of the next Stop().
  void Stop() ABSL_LOCKS_EXCLUDED(mutex_);

  // Threads that are alive now.
  int threads() ABSL_LOCKS_EXCLUDED(mutex_);
  // Jobs that have been queued since the start.
  uint64_t jobs() ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  // A thread of the pool. In `idlers_` while it waits for a job.
  struct Member : IntrusiveListNode<Member> {
    Parker parker;
    RuntimeThread thread;
  };
  using Members = std::list<Member>;

  void StartThread() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Main(Members::iterator self) ABSL_LOCKS_EXCLUDED(mutex_);
  // Waits for a job; null when the thread shall end.
  Runnable* NextJob(Member* self) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void JoinFinished() ABSL_LOCKS_EXCLUDED(mutex_);

  const int max_threads_;
  const absl::Duration idle_time_;
  const std::vector<int> processors_;

  Mutex mutex_;
  CondVar thread_ended_;
  RunnableQueue queue_ ABSL_GUARDED_BY(mutex_);
  uint64_t jobs_ ABSL_GUARDED_BY(mutex_) = 0;
  bool is_stopping_ ABSL_GUARDED_BY(mutex_) = false;
  Members members_ ABSL_GUARDED_BY(mutex_);   // alive
  Members finished_ ABSL_GUARDED_BY(mutex_);  // ended, or about to; to be joined
  IntrusiveList<Member> idlers_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace weft::runtime_internal

#endif  // WEFT_RUNTIME_INTERNAL_BLOCKING_POOL_H_
