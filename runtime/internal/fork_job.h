// runtime/internal/fork_job.h — the second half of a fork, which lies on the stack of the thread
// that forks.
#ifndef WEFT_RUNTIME_INTERNAL_FORK_JOB_H_
#define WEFT_RUNTIME_INTERNAL_FORK_JOB_H_

#include <exception>
#include <memory>
#include <type_traits>
#include <utility>

#include "deque/fork_stack.h"
#include "future/executor.h"
#include "future/poll.h"
#include "runtime/internal/job_state.h"

namespace weft::runtime_internal {

class Worker;

// Of the worker whose thread is calling, or null. The name is for CurrentJobs().
extern constinit thread_local ForkStack<Runnable>* current_jobs
    [[gnu::tls_model("initial-exec")]] asm("weft_current_jobs");

// Reads it. Compilers take the address of a thread_local for a constant of the function; a
// coroutine, into which this may be inlined, may wake up on another thread. So they do not see it.
#if defined(__x86_64__)
[[gnu::always_inline]] inline ForkStack<Runnable>* CurrentJobs() {
  ForkStack<Runnable>* jobs;
  asm volatile(
      "movq weft_current_jobs@gottpoff(%%rip), %0\n\t"
      "movq %%fs:(%0), %0"
      : "=r"(jobs));
  return jobs;
}
#else
[[gnu::noinline]] inline ForkStack<Runnable>* CurrentJobs() {
  asm volatile("");
  return current_jobs;
}
#endif

// A job without its function. Whoever steals it runs it once; then the object may be gone.
class ForkJob : public Runnable {
 protected:
  // What the thief does before and after it runs the function.
  void Begin();
  void End();

 private:
  friend class Worker;

  JobState state_;
};

// For callers on a worker: after an offer that was wanted; when a job was stolen.
void WakeForJob();
void AwaitJob(const ForkJob& job);

// How many workers the calling worker and its colleagues are; 0 on other threads.
int WorkersHere();

template <typename F>
using ResultOf = std::invoke_result_t<F&>;

template <typename F>
NonVoid<ResultOf<F>> Call(F& function) {
  if constexpr (std::is_void_v<ResultOf<F>>) {
    function();
    return {};
  } else {
    return function();
  }
}

// Room for what a function returns or throws. Run() once, then Take() or Discard() once, or
// neither.
template <typename R>
class Outcome {
 public:
  Outcome() {}
  Outcome(const Outcome&) = delete;
  Outcome& operator=(const Outcome&) = delete;
  ~Outcome() {}

  template <typename F>
  void Run(F& function) noexcept {
    try {
      std::construct_at(&value_, Call(function));
      has_value_ = true;
    } catch (...) {
      std::construct_at(&error_, std::current_exception());
      has_value_ = false;
    }
  }

  R Take() {
    if (!has_value_) {
      const std::exception_ptr error = error_;
      std::destroy_at(&error_);
      std::rethrow_exception(error);
    }
    R value = std::move(value_);
    std::destroy_at(&value_);
    return value;
  }

  void Discard() noexcept {
    if (has_value_) {
      std::destroy_at(&value_);
    } else {
      std::destroy_at(&error_);
    }
  }

 private:
  union {
    R value_;
    std::exception_ptr error_;
  };
  bool has_value_;
};

// A job that calls a G. Small functions are copied, so that those who call Join() keep what they
// capture in registers.
template <typename G>
class ForkJobOf final : public ForkJob {
  static constexpr bool kCopies = std::is_trivially_copyable_v<G> && sizeof(G) <= 4 * sizeof(void*);

 public:
  explicit ForkJobOf(G& function) : function_(function) {}

  void Run() noexcept override {
    Begin();
    outcome_.Run(function_);
    End();
  }

  // Where the job was not stolen: of the owner, as it was given.
  G& function() { return function_; }
  Outcome<NonVoid<ResultOf<G>>>& outcome() { return outcome_; }

 private:
  std::conditional_t<kCopies, G, G&> function_;
  Outcome<NonVoid<ResultOf<G>>> outcome_;
};

}  // namespace weft::runtime_internal

#endif  // WEFT_RUNTIME_INTERNAL_FORK_JOB_H_
