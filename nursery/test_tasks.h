// nursery/test_tasks.h — what the tests of this package let their scopes run.
#ifndef WEFT_NURSERY_TEST_TASKS_H_
#define WEFT_NURSERY_TEST_TASKS_H_

#include <stdexcept>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "base/instant.h"
#include "future/manual_executor.h"
#include "future/scripted.h"
#include "future/sleep.h"
#include "future/task.h"
#include "gtest/gtest.h"

namespace weft {

inline Task<> SleepWhileAlive(absl::Duration duration, int* alive) {
  Alive guard(alive);
  co_await SleepFor(duration);
}

inline Task<absl::Status> FailAfter(absl::Duration duration, std::string message) {
  co_await SleepFor(duration);
  co_return absl::AbortedError(message);
}

inline Task<int> ThrowAfter(absl::Duration duration, std::string message) {
  co_await SleepFor(duration);
  throw std::runtime_error(message);
}

inline Task<int> ReturnAfter(absl::Duration duration, int value) {
  co_await SleepFor(duration);
  co_return value;
}

// Runs scopes in virtual time. `alive_` counts what must be gone when the scope answers.
class NurseryTest : public testing::Test {
 protected:
  // Runs a future and notes how long it took in virtual time.
  template <typename F>
  auto Run(F future) {
    const Instant start = executor_.Now();
    auto result = executor_.BlockOn(std::move(future));
    elapsed_ = executor_.Now() - start;
    return result;
  }

  ManualExecutor executor_;
  absl::Duration elapsed_;
  int alive_ = 0;
};

}  // namespace weft

#endif  // WEFT_NURSERY_TEST_TASKS_H_
