// future/run_next_test_executor.h — runs nothing, and counts what a RunNext tells it.
#ifndef WEFT_FUTURE_RUN_NEXT_TEST_EXECUTOR_H_
#define WEFT_FUTURE_RUN_NEXT_TEST_EXECUTOR_H_

#include "base/check.h"
#include "base/instant.h"
#include "future/cancel.h"
#include "future/executor.h"

namespace weft {

class RunNextTestExecutor final : public Executor {
 public:
  void Schedule(Runnable*, ScheduleHint) override { Fail(); }
  void ScheduleBlocking(Runnable*) override { Fail(); }
  Instant Now() override { return {}; }
  TimerService& timers() override { Fail(); }
  const CancelToken& token() override { return token_; }
  void OnTaskSpawned() override { Fail(); }
  void OnTaskFinished() override { Fail(); }
  void OnKept() override { ++kept; }
  void OnEndCounted() override { ++ends; }
  bool MayGoOn() override { return --goes_on >= 0; }

  int kept = 0;
  int ends = 0;
  int goes_on = 0;  // so many times

 private:
  [[noreturn]] static void Fail() {
    WEFT_FATAL() << "a RunNext has called what is not for it to call";
  }

  const CancelToken token_;
};

}  // namespace weft

#endif  // WEFT_FUTURE_RUN_NEXT_TEST_EXECUTOR_H_
