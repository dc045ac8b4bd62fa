// future/scripted.h — for tests: a future that does as it is told and refuses misuse, a fixture
// that polls by hand, and a count of what is alive.
//
//   weft::ScriptLog log;
//   auto future = weft::Map(weft::Scripted(&log, /*polls=*/1, /*value=*/20), Increment);
#ifndef WEFT_FUTURE_SCRIPTED_H_
#define WEFT_FUTURE_SCRIPTED_H_

#include <stdexcept>
#include <string>
#include <utility>

#include "base/check.h"
#include "future/cancel.h"
#include "future/context.h"
#include "future/manual_executor.h"
#include "future/poll.h"
#include "future/waker.h"
#include "gtest/gtest.h"

namespace weft {

// What happened to one Scripted future.
struct ScriptLog {
  int polls = 0;
  int ends = 0;
  int destructions = 0;
  bool saw_stop = false;
};

// Pends for a number of polls, then ends as told. After a stop request it pends for `stop_delay`
// polls, then stops. Stops the program when it is used against the contract of a future.
class Scripted {
 public:
  using Output = int;
  enum class End { kValue, kThrow, kStop };

  Scripted(ScriptLog* log, int polls, int value, End end = End::kValue, int stop_delay = 0)
      : log_(log), pends_(polls), value_(value), end_(end), stop_delay_(stop_delay) {}
  Scripted(Scripted&& other) noexcept
      : log_(std::exchange(other.log_, nullptr)),
        pends_(other.pends_),
        value_(other.value_),
        end_(other.end_),
        stop_delay_(other.stop_delay_) {
    WEFT_CHECK(log_ == nullptr || log_->polls == 0) << "moved after the first poll";
  }
  ~Scripted() {
    if (log_ == nullptr) return;
    WEFT_CHECK(log_->polls == 0 || log_->ends == 1) << "destroyed before its end";
    ++log_->destructions;
  }

  Poll<int> poll(Context& cx) {
    WEFT_CHECK(log_ != nullptr && log_->ends == 0) << "polled after its end";
    ++log_->polls;
    if (cx.StopRequested()) {
      log_->saw_stop = true;
      if (stop_delay_-- > 0) return kPending;
      ++log_->ends;
      return kStopped;
    }
    if (pends_-- > 0) return kPending;
    ++log_->ends;
    if (end_ == End::kStop) return kStopped;
    if (end_ == End::kThrow) throw std::runtime_error("shoe " + std::to_string(value_));
    return value_;
  }

 private:
  ScriptLog* log_;
  int pends_;
  int value_;
  End end_;
  int stop_delay_;
};

// Polls futures by hand, as a task does.
class ScriptedTest : public testing::Test {
 protected:
  template <typename F>
  auto Poll(F& future) {
    Context cx(waker_, source_.token(), &executor_);
    return future.poll(cx);
  }
  template <typename F>
  auto PollStopped(F& future) {
    Context cx(waker_, source_.token(), &executor_);
    Context stopping = cx.WithStop();
    return future.poll(stopping);
  }

  ManualExecutor executor_;
  Waker waker_;
  CancelSource source_;
  ScriptLog a_, b_, c_;
};

// Counts how many are alive.
class Alive {
 public:
  explicit Alive(int* count) : count_(count) { ++*count_; }
  Alive(Alive&& other) noexcept : count_(std::exchange(other.count_, nullptr)) {}
  ~Alive() {
    if (count_ != nullptr) --*count_;
  }

 private:
  int* count_;
};

}  // namespace weft

#endif  // WEFT_FUTURE_SCRIPTED_H_
