#include "dag/internal/step_runner.h"

#include <exception>
#include <string>
#include <string_view>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "base/instant.h"
#include "dag/internal/blocking.h"
#include "dag/store.h"
#include "future/or_return.h"
#include "sync/async_mutex.h"

namespace weft::dag_internal {
namespace {

// Outputs up to this size in all are hashed where they are; more would hold up a worker.
constexpr std::size_t kInlineHash = 32 << 10;

}  // namespace

// Tells the observer that a step has ended, also when the step is unwound by a cancellation.
class StepRunner::StepScope {
 public:
  StepScope(StepRunner* run, StepIndex i) : run_(run), i_(i) {
    if (RunObserver* observer = run_->options_.observer) {
      observer->OnStepStarted(i_, run_->executor_.Now());
    }
  }
  ~StepScope() {
    if (RunObserver* observer = run_->options_.observer) {
      observer->OnStepFinished(i_, run_->reports_[i_], run_->executor_.Now());
    }
  }

 private:
  StepRunner* const run_;
  const StepIndex i_;
};

StepRunner::StepRunner(const Graph& graph, const FunctionRegistry& registry,
                       const ExecuteOptions& options, Executor& executor,
                       std::vector<StepReport>* reports, std::vector<std::vector<Blob>>* outputs)
    : graph_(graph),
      registry_(registry),
      options_(options),
      executor_(executor),
      reports_(*reports),
      outputs_(*outputs),
      inputs_(options.fetch_url),
      flights_(options.flights != nullptr ? *options.flights : own_flights_) {
  if (options.max_concurrency > 0) {
    permits_.emplace(static_cast<std::size_t>(options.max_concurrency));
  }
}

Task<void> StepRunner::Run(StepIndex i) {
  StepReport& report = reports_[i];
  report.start = executor_.Now();
  const StepScope scope(this, i);
  absl::Status status = co_await TryStep(i);
  if (status.ok()) co_return;
  const StepSpec& step = graph_.step(i);
  report.outcome = StepOutcome::kFailed;
  report.status = absl::Status(status.code(), absl::StrCat("step \"", step.id, "\" (",
                                                           step.function, "): ", status.message()));
}

Task<absl::Status> StepRunner::TryStep(StepIndex i) {
  const StepSpec& step = graph_.step(i);
  std::vector<StepInput> inputs = co_await OrReturn(co_await ReadInputs(i));
  if (options_.store == nullptr) {
    co_return co_await Execute(i, std::move(inputs), nullptr, false);
  }
  const StepFunction& function = *registry_.Find(step.function);
  LastRun now = DescribeStep(step, function, inputs);
  reports_[i].key = now.key;
  if (!IsCacheable(step, function)) {
    co_await TakeFromStore(i, now, false);
    co_return co_await Execute(i, std::move(inputs), &now, false);
  }
  FlightTable::Ticket ticket(flights_, now.key);
  const AsyncMutexGuard guard = co_await ticket.Lock();
  const bool found = co_await TakeFromStore(i, now, true);
  if (found) co_return absl::OkStatus();
  co_return co_await Execute(i, std::move(inputs), &now, true);
}

Task<absl::StatusOr<std::vector<StepInput>>> StepRunner::ReadInputs(StepIndex i) {
  const StepSpec& step = graph_.step(i);
  std::vector<StepInput> inputs;
  inputs.reserve(step.inputs.size());
  for (uint32_t k = 0; k < step.inputs.size(); ++k) {
    const InputSpec& input = step.inputs[k];
    if (const auto source = graph_.source(i, k)) {
      inputs.push_back({input.name, outputs_[source->step][source->output]});
      continue;
    }
    Blob blob = co_await OrReturn(co_await inputs_.Read(executor_, input));
    inputs.push_back({input.name, std::move(blob)});
  }
  co_return inputs;
}

Task<bool> StepRunner::TakeFromStore(StepIndex i, const LastRun& now, bool cacheable) {
  const StepSpec& step = graph_.step(i);
  absl::StatusOr<Found> found =
      co_await RunBlocking(executor_, [&] { return AskStore(step, now, cacheable); });
  if (!found.ok()) co_return false;
  StepReport& report = reports_[i];
  report.reason = found->reason;
  report.explanation = std::move(found->explanation);
  if (!found->trouble.ok()) LogTrouble(i, "reading the store", found->trouble);
  if (!found->outputs.has_value()) co_return false;
  SetOutputs(i, *std::move(found->outputs));
  report.outcome = StepOutcome::kCached;
  co_return true;
}

Found StepRunner::AskStore(const StepSpec& step, const LastRun& now, bool cacheable) {
  Found found = dag_internal::LookUp(*options_.store, options_.graph_name, step, now, cacheable);
  if (found.to_record.has_value() && options_.mode == RunMode::kExecute) {
    found.trouble.Update(options_.store->PutLastRun(*found.to_record));
  }
  return found;
}

Task<absl::Status> StepRunner::Execute(StepIndex i, std::vector<StepInput> inputs, LastRun* now,
                                       bool cacheable) {
  StepReport& report = reports_[i];
  if (options_.mode == RunMode::kDryRun) {
    report.outcome = StepOutcome::kWouldRun;
    co_return absl::OkStatus();
  }
  std::optional<SemaphorePermit> permit;
  if (permits_.has_value()) permit.emplace(co_await permits_->Acquire());
  const Instant begin = executor_.Now();
  if (options_.observer != nullptr) options_.observer->OnStepExecuting(i, begin);
  StepContext context(graph_.step(i), std::move(inputs), executor_, MakeLog(i));
  absl::StatusOr<StepOutputs> outputs = co_await CallFunction(context);
  report.duration = executor_.Now() - begin;
  permit.reset();
  StepOutputs values = co_await OrReturn(std::move(outputs));
  const std::size_t expected = graph_.step(i).outputs.size();
  if (values.size() != expected) {
    co_return absl::InternalError(
        absl::StrCat("the function gave ", values.size(), " outputs, expected ", expected));
  }
  co_await Keep(i, context, std::move(values), now, cacheable);
  report.outcome = StepOutcome::kExecuted;
  co_return absl::OkStatus();
}

Task<absl::StatusOr<StepOutputs>> StepRunner::CallFunction(StepContext& context) {
  StepFunction* const function = registry_.Find(context.spec().function);
  std::string thrown;
  try {
    co_return co_await function->Run(context);
  } catch (const std::exception& error) {
    thrown = error.what();
  } catch (...) {
    thrown = "something that is no std::exception";
  }
  co_return absl::InternalError(absl::StrCat("the function threw: ", thrown));
}

Task<void> StepRunner::Keep(StepIndex i, StepContext& context, StepOutputs values, LastRun* now,
                            bool cacheable) {
  std::size_t size = 0;
  for (const std::string& value : values) size += value.size();
  if (now == nullptr && size <= kInlineHash) {
    std::vector<Blob> outputs;
    outputs.reserve(values.size());
    for (std::string& value : values) outputs.emplace_back(std::move(value));
    SetOutputs(i, std::move(outputs));
    co_return;
  }
  absl::Status stored = co_await RunBlocking(executor_, [&] {
    std::vector<Blob> outputs;
    for (std::string& value : values) outputs.emplace_back(std::move(value));
    absl::Status status;
    if (now != nullptr) status = Store(i, context, outputs, now, cacheable);
    SetOutputs(i, std::move(outputs));
    return status;
  });
  if (!stored.ok()) LogTrouble(i, "writing the store", stored);
}

absl::Status StepRunner::Store(StepIndex i, StepContext& context, const std::vector<Blob>& outputs,
                               LastRun* now, bool cacheable) {
  const StepSpec& step = graph_.step(i);
  std::vector<std::string_view> values;
  for (std::size_t k = 0; k < outputs.size(); ++k) {
    now->outputs.push_back({step.outputs[k], outputs[k].digest()});
    values.push_back(*outputs[k].bytes());
  }
  now->observations = context.TakeObservations();
  now->when = absl::Now();
  const RunRecord record{options_.graph_name, step.id, *now};
  const bool has_record = !options_.graph_name.empty();
  if (!cacheable) {
    return has_record ? options_.store->PutLastRun(record) : absl::OkStatus();
  }
  const StoredResult result{now->outputs, now->observations, reports_[i].duration};
  return options_.store->PutResult(now->key, result, values, has_record ? &record : nullptr);
}

void StepRunner::SetOutputs(StepIndex i, std::vector<Blob> outputs) {
  StepReport& report = reports_[i];
  report.outputs.clear();
  for (const Blob& output : outputs) report.outputs.push_back(output.digest());
  outputs_[i] = std::move(outputs);
}

StepLog StepRunner::MakeLog(StepIndex i) {
  if (options_.observer == nullptr) return nullptr;
  return [this, i](std::string_view line) { options_.observer->OnStepLog(i, line); };
}

void StepRunner::LogTrouble(StepIndex i, const char* doing, const absl::Status& trouble) {
  if (options_.observer == nullptr) return;
  options_.observer->OnStepLog(i, absl::StrCat(doing, ": ", trouble.message()));
}

}  // namespace weft::dag_internal
