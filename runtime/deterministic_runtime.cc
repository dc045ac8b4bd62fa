#include "runtime/deterministic_runtime.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <optional>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "future/waker.h"
#include "runtime/internal/turns.h"

namespace weft {
namespace {

// Steps of a 64-bit linear congruential generator: order counts.
constexpr uint64_t kDigestFactor = 6'364'136'223'846'793'005;

DeterministicRuntimeOptions Checked(const DeterministicRuntimeOptions& options) {
  WEFT_CHECK(options.max_run_time >= absl::ZeroDuration() &&
             options.max_run_time < absl::InfiniteDuration())
      << "DeterministicRuntime(options): max_run_time must be finite and not negative, found "
      << absl::FormatDuration(options.max_run_time);
  return options;
}

}  // namespace

DeterministicRuntime::DeterministicRuntime(const Options& options)
    : AnyRuntime(options.track_tasks),
      options_(Checked(options)),
      thread_(std::this_thread::get_id()),
      random_(options.seed),
      taste_(static_cast<Taste>(random_() % 3)),
      reactor_({.seed = random_(), .max_latency = options.max_io_latency}) {}

DeterministicRuntime::~DeterministicRuntime() {
  CancelAll();
  while (live_tasks_ > 0 && (Step() || JumpToNextEvent(Instant::InfiniteFuture()))) {
  }
  WEFT_CHECK(live_tasks_ == 0) << "~DeterministicRuntime(): " << live_tasks_
                               << " tasks did not end after they were cancelled ("
                               << SeedMessage(options_.seed)
                               << "); what they wait for must answer a stop request";
}

std::string DeterministicRuntime::SeedMessage(uint64_t seed) {
  return absl::StrCat("seed ", seed, "; run again with WEFT_SEED=", seed);
}

void DeterministicRuntime::CheckThread(const char* operation) const {
  WEFT_CHECK(std::this_thread::get_id() == thread_)
      << "DeterministicRuntime: " << operation
      << " from another thread, at a moment that no seed knows; keep threads out of what is "
         "simulated (a blocking call is made by the runtime itself)";
}

void DeterministicRuntime::CheckMayBlock(const char* method) const {
  CheckThread(method);
  WEFT_CHECK(!is_running_) << "DeterministicRuntime::" << method
                           << "() inside a task of this runtime: it would wait for itself; "
                              "co_await instead";
}

uint64_t DeterministicRuntime::Choose(uint64_t bound) {
  const uint64_t choice = random_() % bound;
  digest_ = (digest_ + choice + 1) * kDigestFactor;
  return choice;
}

bool DeterministicRuntime::IsNothingReady() const {
  return std::all_of(ready_.begin(), ready_.end(), [](auto& tasks) { return tasks.empty(); });
}

// Draws nothing where one class alone is ready. Precondition: one is.
std::vector<Runnable*>& DeterministicRuntime::ChooseClass() {
  std::array<std::size_t, 3> weights{};
  for (std::size_t i = 0; i < ready_.size(); ++i) {
    if (!ready_[i].empty())
      weights[i] = runtime_internal::Turns::Weight(static_cast<TaskPriority>(i));
  }
  const std::size_t total = weights[0] + weights[1] + weights[2];
  const bool is_one = std::find(weights.begin(), weights.end(), total) != weights.end();
  std::size_t chosen = 0;
  for (std::size_t rest = is_one ? 0 : Choose(total); rest >= weights[chosen]; ++chosen) {
    rest -= weights[chosen];
  }
  return ready_[chosen];
}

// Two draws for one choice where the seed has a taste: it is then only likely, never certain.
std::size_t DeterministicRuntime::ChooseReady(std::size_t count) {
  const uint64_t choice = Choose(count);
  switch (taste_) {
    case Taste::kAny:
      break;
    case Taste::kNewest:
      return static_cast<std::size_t>(std::max(choice, Choose(count)));
    case Taste::kOldest:
      return static_cast<std::size_t>(std::min(choice, Choose(count)));
  }
  return static_cast<std::size_t>(choice);
}

bool DeterministicRuntime::RunOne() {
  if (IsNothingReady()) return false;
  ++runs_;
  WEFT_CHECK(runs_ <= options_.max_runs)
      << "DeterministicRuntime: " << options_.max_runs << " runs and no end ("
      << SeedMessage(options_.seed)
      << "); tasks that wake each other for ever, or a larger Options::max_runs is needed";
  std::vector<Runnable*>& ready = ChooseClass();
  const auto chosen = ready.begin() + static_cast<std::ptrdiff_t>(ChooseReady(ready.size()));
  Runnable* const runnable = *chosen;
  ready.erase(chosen);
  is_running_ = true;
  runnable->Run();
  is_running_ = false;
  const auto most = static_cast<uint64_t>(absl::ToInt64Nanoseconds(options_.max_run_time));
  AdvanceTo(now_ + absl::Nanoseconds(static_cast<int64_t>(Choose(most + 1))));
  return true;
}

void DeterministicRuntime::AdvanceTo(Instant now) {
  now_ = std::max(now_, now);
  reactor_.AdvanceTo(now_);
  FireDue();
}

// Timers of one instant fire in the order in which they were armed; what they wake is shuffled by
// ChooseReady().
void DeterministicRuntime::FireDue() {
  while (std::optional<Waker> waker = timers_.PopDue(now_)) std::move(*waker).Wake();
}

// One run of a task or one look at the descriptors. Now and then the reactor is asked although no
// descriptor is ready: operations that were cancelled report there too.
bool DeterministicRuntime::Step() {
  const bool is_descriptor_ready = reactor_.NextEvent() <= now_;
  if (IsNothingReady() || Choose(is_descriptor_ready ? 2 : 16) == 0) {
    if (reactor_.Poll(Instant::InfinitePast()) > 0 || is_descriptor_ready) return true;
  }
  return RunOne();
}

bool DeterministicRuntime::JumpToNextEvent(Instant limit) {
  const Instant next =
      std::min(timers_.Next().value_or(Instant::InfiniteFuture()), reactor_.NextEvent());
  if (next == Instant::InfiniteFuture() || next > limit) return false;
  AdvanceTo(next);
  return true;
}

void DeterministicRuntime::RunUntil(absl::FunctionRef<bool(Context&)> is_done) {
  const Waker waker;
  const CancelToken token;
  Context cx(waker, token, this);
  while (!is_done(cx)) {
    WEFT_CHECK(Step() || JumpToNextEvent(Instant::InfiniteFuture()))
        << "DeterministicRuntime::BlockOn(): nothing is ready, no timer is armed and no bytes are "
           "on their way: the future waits for ever ("
        << SeedMessage(options_.seed) << ")";
  }
}

void DeterministicRuntime::Advance(absl::Duration duration) {
  CheckMayBlock("Advance");
  const Instant target = now_ + duration;
  while (now_ <= target && (Step() || JumpToNextEvent(target))) {
  }
  AdvanceTo(target);
}

void DeterministicRuntime::Schedule(Runnable* runnable, ScheduleHint) {
  ScheduleInClass(TaskPriority::kNormal, runnable);
}

void DeterministicRuntime::ScheduleInClass(TaskPriority priority, Runnable* runnable) {
  CheckThread("a wake or a spawn");
  ready_[static_cast<std::size_t>(priority)].push_back(runnable);
}

// As if other threads took the oldest, some or all, while the one that offers goes on.
void DeterministicRuntime::Forks::OnOffered() {
  while (runtime_.Choose(2) == 0) {
    Runnable* const fork = TakeOldestFork();
    if (fork == nullptr) return;
    runtime_.Schedule(fork, ScheduleHint::kSpawn);
  }
}

void DeterministicRuntime::ScheduleBlocking(Runnable* job) {
  CheckThread("a blocking call");
  ready_[static_cast<std::size_t>(TaskPriority::kNormal)].push_back(job);
}

std::vector<uint64_t> SeedsToTry(int count) {
  const char* const wanted = std::getenv("WEFT_SEED");
  if (wanted != nullptr) {
    uint64_t seed = 0;
    WEFT_CHECK(absl::SimpleAtoi(wanted, &seed))
        << "SeedsToTry(): WEFT_SEED must be a number of 64 bits, found '" << wanted << "'";
    return {seed};
  }
  std::vector<uint64_t> seeds;
  for (int i = 0; i < count; ++i) seeds.push_back(static_cast<uint64_t>(i) + 1);
  return seeds;
}

}  // namespace weft
