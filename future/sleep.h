// future/sleep.h — wait for an instant of the executor's clock.
//
//   co_await weft::SleepUntil(deadline);
//   co_await weft::SleepFor(absl::Milliseconds(100));
//
// Never ready early. Needs an executor (Context::executor()). Allocates nothing.
#ifndef WEFT_FUTURE_SLEEP_H_
#define WEFT_FUTURE_SLEEP_H_

#include <optional>

#include "absl/time/time.h"
#include "base/instant.h"
#include "future/context.h"
#include "future/executor.h"
#include "future/poll.h"
#include "future/waker.h"

namespace weft {

// A future that is ready at `deadline`. Cancellation: stops at once. Safe to drop. Not movable
// after the first poll.
class [[nodiscard]] SleepUntil {
 public:
  using Output = void;

  explicit SleepUntil(Instant deadline) : deadline_(deadline) {}
  // Precondition (checked): the other has not been polled.
  SleepUntil(SleepUntil&& other) noexcept;
  ~SleepUntil() { Disarm(); }

  Poll<void> poll(Context& cx);

 private:
  void Disarm();

  Instant deadline_;
  TimerService* service_ = nullptr;  // set while the slot is or was armed
  Waker waker_;                      // what the slot was armed with
  TimerSlot slot_;
};

// A future that is ready `duration` after its first poll. Otherwise like SleepUntil.
class [[nodiscard]] SleepFor {
 public:
  using Output = void;

  explicit SleepFor(absl::Duration duration) : duration_(duration) {}

  Poll<void> poll(Context& cx);

 private:
  absl::Duration duration_;
  std::optional<SleepUntil> sleep_;
};

}  // namespace weft

#endif  // WEFT_FUTURE_SLEEP_H_
