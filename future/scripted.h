// future/scripted.h — for tests: a future and a stream that do as they are told and refuse
// misuse, a fixture that polls by hand, and a count of what is alive.
//
//   weft::ScriptLog log;
//   auto future = weft::Map(weft::Scripted(&log, /*polls=*/1, /*value=*/20), Increment);
#ifndef WEFT_FUTURE_SCRIPTED_H_
#define WEFT_FUTURE_SCRIPTED_H_

#include <optional>
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

// Gives 1 to `count`, with a yield before each; stops only at the second request. Stops the program
// when it is used against the contract of a stream.
class ScriptedCounter {
 public:
  using Item = int;

  ScriptedCounter(int count, bool* is_finished) : count_(count), is_finished_(is_finished) {}
  ScriptedCounter(ScriptedCounter&& other) noexcept
      : count_(other.count_), is_finished_(std::exchange(other.is_finished_, nullptr)) {
    WEFT_CHECK(!other.was_polled_) << "moved after the first poll";
  }
  ~ScriptedCounter() {
    WEFT_CHECK(is_finished_ == nullptr || !was_polled_ || *is_finished_) << "destroyed too early";
  }

  Poll<std::optional<int>> poll_next(Context& cx) {
    WEFT_CHECK(!*is_finished_) << "polled after its end";
    was_polled_ = true;
    if (cx.StopRequested()) {
      if (!std::exchange(is_stopping_, true)) return Again(cx);
      *is_finished_ = true;
      return kStopped;
    }
    if (std::exchange(is_due_, !is_due_)) return Again(cx);
    if (next_ > count_) {
      *is_finished_ = true;
      return std::optional<int>();
    }
    return std::optional<int>(next_++);
  }

 private:
  static Poll<std::optional<int>> Again(Context& cx) {
    cx.waker().WakeByRef();
    return kPending;
  }

  const int count_;
  bool* is_finished_;
  int next_ = 1;
  bool was_polled_ = false;
  bool is_due_ = true;
  bool is_stopping_ = false;
};

// Polls futures and streams by hand, as a task does.
class ScriptedTest : public testing::Test {
 protected:
  template <typename F>
  auto Poll(F& future) {
    Context cx(waker_, source_.token(), &executor_);
    return PollWith(future, cx);
  }
  template <typename F>
  auto PollStopped(F& future) {
    Context cx(waker_, source_.token(), &executor_);
    Context stopping = cx.WithStop();
    return PollWith(future, stopping);
  }

  template <typename F>
  static auto PollWith(F& future, Context& cx) {
    if constexpr (requires { future.poll(cx); }) {
      return future.poll(cx);
    } else {
      return future.poll_next(cx);
    }
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
  Alive& operator=(Alive&& other) noexcept {
    std::swap(count_, other.count_);
    return *this;
  }
  ~Alive() {
    if (count_ != nullptr) --*count_;
  }

 private:
  int* count_;
};

}  // namespace weft

#endif  // WEFT_FUTURE_SCRIPTED_H_
