#include "future/sleep.h"

#include "base/check.h"

namespace weft {

SleepUntil::SleepUntil(SleepUntil&& other) noexcept : deadline_(other.deadline_) {
  WEFT_CHECK(other.service_ == nullptr) << "a SleepUntil was moved after it had been polled";
}

Poll<void> SleepUntil::poll(Context& cx) {
  if (cx.StopRequested()) {
    Disarm();
    return kStopped;
  }
  if (cx.executor().Now() >= deadline_) {
    Disarm();
    return Poll<void>::Ready();
  }
  const bool is_armed = service_ != nullptr && slot_.is_armed.load(std::memory_order_relaxed);
  if (!is_armed || !waker_.WillWake(cx.waker())) {
    service_ = &cx.executor().timers();
    waker_ = cx.waker().Clone();
    service_->Arm(slot_, deadline_, cx.waker().Clone());
  }
  return kPending;
}

void SleepUntil::Disarm() {
  if (service_ == nullptr) return;
  service_->Cancel(slot_);
  service_ = nullptr;
  waker_.Reset();
}

Poll<void> SleepFor::poll(Context& cx) {
  if (!sleep_) sleep_.emplace(cx.executor().Now() + duration_);
  return sleep_->poll(cx);
}

}  // namespace weft
