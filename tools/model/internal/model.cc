#include "tools/model/model.h"

#include <cstdlib>
#include <utility>

#include "base/check.h"
#include "tools/model/internal/explorer.h"
#include "tools/model/internal/memory.h"
#include "tools/model/internal/place.h"

namespace weft::model {
namespace {

using model_internal::Call;
using model_internal::Explorer;
using model_internal::OutsideHeap;
using model_internal::PlaceId;

PlaceId PlaceHere(const std::source_location& where) {
  const OutsideHeap outside;
  return model_internal::PlaceOf(where, Call::kOther);
}

Explorer& Running() {
  Explorer* explorer = Explorer::Running();
  WEFT_CHECK(explorer != nullptr)
      << "model: expected a scenario of model::Explore() around this call, found none";
  return *explorer;
}

}  // namespace

Result Explore(const Options& options, const std::function<void()>& scenario) {
  model_internal::ExploreOptions internal;
  internal.max_executions = options.max_executions;
  internal.max_events = options.max_events;
  internal.spurious_failures = options.spurious_failures;
  internal.spurious_wakes = options.spurious_wakes;
  internal.load_buffering = options.load_buffering;
  const char* replay = std::getenv("WEFT_MODEL_REPLAY");
  internal.replay = options.replay.empty() && replay != nullptr ? replay : options.replay;
  Explorer explorer(internal, scenario);
  model_internal::Exploration found = explorer.Explore();
  Result result;
  result.executions = found.executions;
  result.blocked = found.blocked;
  result.failure = std::move(found.failure);
  result.trace = std::move(found.trace);
  result.schedule = std::move(found.schedule);
  if (!result.failure.empty()) {
    result.verdict = Verdict::kFailed;
  } else if (!found.complete) {
    result.verdict = Verdict::kIncomplete;
  }
  return result;
}

std::ostream& operator<<(std::ostream& out, const Result& result) {
  switch (result.verdict) {
    case Verdict::kOk:
      out << "ok";
      break;
    case Verdict::kFailed:
      out << "failed: " << result.failure << "\n"
          << result.trace << "replay: " << result.schedule << "\n";
      break;
    case Verdict::kIncomplete:
      out << "incomplete: raise Options::max_executions";
      break;
  }
  return out << " [" << result.executions << " executions, " << result.blocked << " blocked]";
}

void Assert(bool condition, std::string_view message, std::source_location where) {
  if (condition) return;
  Running().FailAssertion(message, PlaceHere(where));
}

int Choose(int count, std::source_location where) {
  WEFT_CHECK(count >= 1) << "model::Choose(count): expected at least 1, found " << count;
  return Running().Choose(count, PlaceHere(where));
}

Thread::Thread(std::function<void()> body, std::source_location where)
    : id_(Running().Spawn(std::move(body), PlaceHere(where))) {}

void Thread::Join(std::source_location where) {
  if (joined_) Running().Fail("a thread is joined twice");
  joined_ = true;
  Running().Join(id_, PlaceHere(where));
}

void Atomics::Fence(std::memory_order order, Where where) { model_internal::Fence(order, where); }
void Atomics::LightBarrier(Where where) { model_internal::LightBarrier(where); }
void Atomics::HeavyBarrier(Where where) { model_internal::HeavyBarrier(where); }
bool Atomics::Recheck(bool condition, Where where) {
  return model_internal::Recheck(condition, where);
}
void Atomics::SpinPause(Where where) { model_internal::Pause(where); }
void Atomics::Yield(Where where) { model_internal::Pause(where); }

bool Atomics::FutexWait(const Atomic<uint64_t>& word, uint64_t expected, bool has_deadline,
                        Where where) {
  return Running().FutexWait(word.word().location(), static_cast<uint32_t>(expected), has_deadline,
                             PlaceHere(where));
}
void Atomics::FutexWake(const Atomic<uint64_t>& word, int count, Where where) {
  Running().FutexWake(word.word().location(), count, PlaceHere(where));
}

void AtomicsWithoutAsymmetricBarriers::HeavyBarrier(Where) {
  Running().Fail("HeavyBarrier() is called although AsymmetricBarriersAreAvailable() is false");
}

}  // namespace weft::model
