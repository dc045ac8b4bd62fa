#include "future/retry.h"

#include <algorithm>
#include <atomic>
#include <random>
#include <string>

#include "absl/strings/cord.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "base/check.h"
#include "future/executor.h"
#include "future/poll_fn.h"

namespace weft {
namespace {

// SplitMix64: the next of a sequence whose state is `state`.
uint64_t NextRandom(uint64_t& state) {
  uint64_t z = state += 0x9e3779b97f4a7c15;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}

// A seed that no other Retry() of this process has, and hardly one of another process.
uint64_t FreshSeed() {
  static const uint64_t kProcess = [] {
    std::random_device device;
    return uint64_t{device()} << 32 | device();
  }();
  static std::atomic<uint64_t> count{0};
  return kProcess + count.fetch_add(0x632be59bd9b4e019, std::memory_order_relaxed);
}

absl::Duration FirstBackoff(const RetryOptions& options) {
  return std::min(options.initial_backoff, options.max_backoff);
}

}  // namespace

bool IsTransient(const absl::Status& error) {
  return error.code() == absl::StatusCode::kUnavailable ||
         error.code() == absl::StatusCode::kResourceExhausted ||
         error.code() == absl::StatusCode::kAborted;
}

namespace future_internal {

RetryPolicy::RetryPolicy(RetryOptions options)
    : options_(std::move(options)),
      backoff_(FirstBackoff(options_)),
      random_(options_.seed ? *options_.seed : FreshSeed()) {
  WEFT_CHECK(options_.max_attempts >= 1)
      << "Retry(): expected at least one attempt, found max_attempts = " << options_.max_attempts;
  WEFT_CHECK(backoff_ > absl::ZeroDuration() && options_.backoff_growth >= 1)
      << "Retry(): expected backoffs of more than nothing that do not shrink, found "
      << absl::FormatDuration(backoff_) << " and a growth of " << options_.backoff_growth;
}

Poll<void> RetryPolicy::PollBegin(Context& cx) {
  if (!sleep_) return CheckStop().poll(cx);
  const Poll<void> poll = sleep_->poll(cx);
  if (!poll.IsPending()) sleep_.reset();
  return poll;
}

void RetryPolicy::OnSuccess() {
  attempts_ = 0;
  backoff_ = FirstBackoff(options_);
  if (options_.budget != nullptr) options_.budget->OnSuccess();
}

absl::Status RetryPolicy::OnError(const absl::Status& error, Context& cx) {
  ++attempts_;
  if (!options_.is_retryable(error)) return GiveUp(error, "the error is not worth a retry");
  if (attempts_ >= options_.max_attempts) return GiveUp(error, "no attempts are left");
  const Instant next = cx.executor().Now() + NextSleep();
  if (next >= options_.deadline) return GiveUp(error, "the deadline is too near");
  if (options_.budget != nullptr && !options_.budget->TryTake()) {
    return GiveUp(error, "the budget of retries is used up");
  }
  sleep_.emplace(next);
  return absl::OkStatus();
}

absl::Status RetryPolicy::GiveUp(const absl::Status& error, const char* reason) const {
  absl::Status last(error.code(),
                    absl::StrCat(error.message(), " (gave up after ", attempts_,
                                 attempts_ == 1 ? " attempt: " : " attempts: ", reason, ")"));
  error.ForEachPayload(
      [&last](absl::string_view url, const absl::Cord& payload) { last.SetPayload(url, payload); });
  return last;
}

absl::Duration RetryPolicy::NextSleep() {
  // 53 random bits: a fraction from 0 up to, but not, 1.
  const double fraction = static_cast<double>(NextRandom(random_) >> 11) * 0x1p-53;
  const absl::Duration sleep = backoff_ * fraction;
  backoff_ = std::min(backoff_ * options_.backoff_growth, options_.max_backoff);
  return sleep;
}

}  // namespace future_internal
}  // namespace weft
