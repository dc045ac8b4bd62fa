#include "dag/execute.h"

#include <atomic>
#include <deque>
#include <exception>
#include <limits>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "base/check.h"
#include "dag/flight_table.h"
#include "dag/internal/blocking.h"
#include "dag/internal/input_reader.h"
#include "dag/internal/lookup.h"
#include "future/or_return.h"
#include "nursery/nursery.h"
#include "sync/async_mutex.h"
#include "sync/semaphore.h"

namespace weft {
namespace {

constexpr StepIndex kNoStep = std::numeric_limits<StepIndex>::max();
// Outputs up to this size in all are hashed where they are; more would hold up a worker.
constexpr std::size_t kInlineHash = 32 << 10;
// A chain gives way to other tasks after so many steps.
constexpr int kStepsPerTask = 64;

std::string_view EndOf(StepOutcome outcome) {
  switch (outcome) {
    case StepOutcome::kFailed:
      return "failed";
    case StepOutcome::kWouldRun:
      return "would be executed";
    case StepOutcome::kCancelled:
      return "was cancelled";
    default:
      return "did not run";
  }
}

// What the executor keeps of a step while the run goes on. Edges:
//   (1) The task that ends a step writes its outputs and its report before it decrements `missing`
//       of a dependent with release; the task that brings `missing` to zero has read it with
//       acquire, and all decrements are one release sequence: it sees the outputs and reports of
//       all dependencies.
//   (2) A reader is done with a step's outputs before it decrements `readers` with release; the one
//       that brings it to zero acquires all of them and may clear the outputs.
struct Node {
  std::atomic<uint32_t> missing{0};
  std::atomic<uint32_t> readers{0};
  std::vector<Blob> outputs;
};

}  // namespace

class GraphRun::Impl {
 public:
  Impl(const Graph& graph, const FunctionRegistry& registry, ExecuteOptions options)
      : graph_(graph),
        registry_(registry),
        options_(std::move(options)),
        inputs_(options_.fetch_url),
        flights_(options_.flights != nullptr ? *options_.flights : own_flights_),
        nodes_(graph.size()) {
    const absl::Status checked = registry_.Check(graph_);
    WEFT_CHECK(checked.ok()) << "GraphRun: check the graph against the registry first: "
                             << checked.message();
    if (options_.max_concurrency > 0) {
      permits_.emplace(static_cast<std::size_t>(options_.max_concurrency));
    }
    report_.steps.resize(graph_.size());
    for (StepIndex i = 0; i < graph_.size(); ++i) {
      nodes_[i].missing.store(static_cast<uint32_t>(graph_.dependencies(i).size()),
                              std::memory_order_relaxed);
      nodes_[i].readers.store(static_cast<uint32_t>(graph_.dependents(i).size()),
                              std::memory_order_relaxed);
    }
    // A result has the report as one reader more.
    for (const OutputIndex result : graph_.results()) {
      nodes_[result.step].readers.fetch_add(1, std::memory_order_relaxed);
    }
  }

  Task<absl::Status> Run(Executor& executor) {
    WEFT_CHECK(executor_ == nullptr) << "GraphRun::Run: a GraphRun runs once";
    executor_ = &executor;
    const Finalizer finalizer(this);
    co_await OrReturn(co_await WithNursery(&Impl::StartSources, this));
    co_return report_.FirstError();
  }

  const RunReport& report() {
    if (executor_ == nullptr && !is_final_) Finalize();  // Cancelled before it began.
    WEFT_CHECK(is_final_) << "GraphRun::report: the run has not ended";
    return report_;
  }

 private:
  // Completes the report however Run ends.
  class Finalizer {
   public:
    explicit Finalizer(Impl* run) : run_(run) {}
    ~Finalizer() { run_->Finalize(); }

   private:
    Impl* const run_;
  };

  // Tells the observer that a step has ended, also when the step is unwound by a cancellation.
  class StepScope {
   public:
    StepScope(Impl* run, StepIndex i) : run_(run), i_(i) {
      if (RunObserver* observer = run_->options_.observer) {
        observer->OnStepStarted(i_, run_->executor_->Now());
      }
    }
    ~StepScope() {
      if (RunObserver* observer = run_->options_.observer) {
        observer->OnStepFinished(i_, run_->report_.steps[i_], run_->executor_->Now());
      }
    }

   private:
    Impl* const run_;
    const StepIndex i_;
  };

  // Body of the nursery: its children start the other steps.
  static Task<absl::Status> StartSources(Nursery& nursery, Impl* run) {
    run->nursery_ = &nursery;
    for (const StepIndex i : run->graph_.order()) {
      if (!run->graph_.dependencies(i).empty()) break;  // Kahn's order begins with the sources.
      nursery.Spawn(run->RunChain(i));
    }
    co_return absl::OkStatus();
  }

  // Runs step `i`, and then one of the steps that it made ready, and so on.
  Task<void> RunChain(StepIndex i) {
    for (int count = 1; i != kNoStep; ++count) {
      if (FindBlocker(i) == kNoStep) {
        co_await RunStep(i);
      } else {
        MarkBlocked(i);
      }
      i = Finish(i);
      if (i != kNoStep && count == kStepsPerTask) {
        nursery_->Spawn(RunChain(i));
        co_return;
      }
    }
  }

  // The first dependency that did not succeed; one that failed comes before one that was cancelled.
  StepIndex FindBlocker(StepIndex i) const {
    StepIndex cancelled = kNoStep;
    for (const StepIndex producer : graph_.dependencies(i)) {
      const StepOutcome end = report_.steps[producer].outcome;
      if (HasOutputs(end)) continue;
      if (end != StepOutcome::kCancelled) return producer;
      if (cancelled == kNoStep) cancelled = producer;
    }
    return cancelled;
  }

  void MarkBlocked(StepIndex i) {
    const StepIndex blocker = FindBlocker(i);
    StepReport& report = report_.steps[i];
    report.outcome = StepOutcome::kBlocked;
    report.explanation = absl::StrCat("it needs step \"", graph_.step(blocker).id, "\", which ",
                                      std::string(EndOf(report_.steps[blocker].outcome)));
  }

  // Publishes the end of step `i`; returns a step to go on with, and starts the others.
  StepIndex Finish(StepIndex i) {
    for (const StepIndex producer : graph_.dependencies(i)) DropReader(producer);
    if (graph_.dependents(i).empty()) MaybeClear(i);
    if (report_.steps[i].outcome == StepOutcome::kFailed &&
        options_.on_error == OnError::kFailFast) {
      nursery_->Cancel();
    }
    if (nursery_->StopRequested()) return kNoStep;
    StepIndex next = kNoStep;
    for (const StepIndex dependent : graph_.dependents(i)) {
      // (1)
      if (nodes_[dependent].missing.fetch_sub(1, std::memory_order_acq_rel) != 1) continue;
      if (next == kNoStep) {
        next = dependent;
      } else {
        nursery_->Spawn(RunChain(dependent));
      }
    }
    return next;
  }

  void DropReader(StepIndex producer) {
    // (2)
    if (nodes_[producer].readers.fetch_sub(1, std::memory_order_acq_rel) == 1) {
      nodes_[producer].outputs.clear();
    }
  }

  // Lets the outputs go at once if nobody will ever read them.
  void MaybeClear(StepIndex i) {
    if (nodes_[i].readers.load(std::memory_order_relaxed) == 0) nodes_[i].outputs.clear();
  }

  Task<void> RunStep(StepIndex i) {
    StepReport& report = report_.steps[i];
    report.start = executor_->Now();
    const StepScope scope(this, i);
    absl::Status status = co_await TryStep(i);
    if (status.ok()) co_return;
    const StepSpec& step = graph_.step(i);
    report.outcome = StepOutcome::kFailed;
    report.status = absl::Status(
        status.code(),
        absl::StrCat("step \"", step.id, "\" (", step.function, "): ", status.message()));
  }

  Task<absl::Status> TryStep(StepIndex i) {
    const StepSpec& step = graph_.step(i);
    std::vector<StepInput> inputs = co_await OrReturn(co_await ReadInputs(i));
    if (options_.store == nullptr) {
      co_return co_await Execute(i, std::move(inputs), nullptr, false);
    }
    const StepFunction& function = *registry_.Find(step.function);
    LastRun now = dag_internal::DescribeStep(step, function, inputs);
    report_.steps[i].key = now.key;
    if (!dag_internal::IsCacheable(step, function)) {
      co_await LookUp(i, now, false);
      co_return co_await Execute(i, std::move(inputs), &now, false);
    }
    FlightTable::Ticket ticket(flights_, now.key);
    const AsyncMutexGuard guard = co_await ticket.Lock();
    const bool found = co_await LookUp(i, now, true);
    if (found) co_return absl::OkStatus();
    co_return co_await Execute(i, std::move(inputs), &now, true);
  }

  Task<absl::StatusOr<std::vector<StepInput>>> ReadInputs(StepIndex i) {
    const StepSpec& step = graph_.step(i);
    std::vector<StepInput> inputs;
    inputs.reserve(step.inputs.size());
    for (uint32_t k = 0; k < step.inputs.size(); ++k) {
      const InputSpec& input = step.inputs[k];
      if (const auto source = graph_.source(i, k)) {
        inputs.push_back({input.name, nodes_[source->step].outputs[source->output]});
        continue;
      }
      Blob blob = co_await OrReturn(co_await inputs_.Read(*executor_, input));
      inputs.push_back({input.name, std::move(blob)});
    }
    co_return inputs;
  }

  // Asks the store; true if the step has its outputs now.
  Task<bool> LookUp(StepIndex i, const LastRun& now, bool cacheable) {
    const StepSpec& step = graph_.step(i);
    absl::StatusOr<dag_internal::Found> found = co_await dag_internal::RunBlocking(
        *executor_, [&] { return AskStore(step, now, cacheable); });
    if (!found.ok()) co_return false;
    StepReport& report = report_.steps[i];
    report.reason = found->reason;
    report.explanation = std::move(found->explanation);
    if (!found->trouble.ok()) LogTrouble(i, "reading the store", found->trouble);
    if (!found->outputs.has_value()) co_return false;
    SetOutputs(i, *std::move(found->outputs));
    report.outcome = StepOutcome::kCached;
    co_return true;
  }

  dag_internal::Found AskStore(const StepSpec& step, const LastRun& now, bool cacheable) {
    dag_internal::Found found =
        dag_internal::LookUp(*options_.store, options_.graph_name, step, now, cacheable);
    if (found.to_record.has_value() && options_.mode == RunMode::kExecute) {
      found.trouble.Update(options_.store->PutLastRun(*found.to_record));
    }
    return found;
  }

  // Executes the step, and stores its result if `now` is not null.
  Task<absl::Status> Execute(StepIndex i, std::vector<StepInput> inputs, LastRun* now,
                             bool cacheable) {
    StepReport& report = report_.steps[i];
    if (options_.mode == RunMode::kDryRun) {
      report.outcome = StepOutcome::kWouldRun;
      co_return absl::OkStatus();
    }
    std::optional<SemaphorePermit> permit;
    if (permits_.has_value()) permit.emplace(co_await permits_->Acquire());
    const Instant begin = executor_->Now();
    if (options_.observer != nullptr) options_.observer->OnStepExecuting(i, begin);
    StepContext context(graph_.step(i), std::move(inputs), *executor_, MakeLog(i));
    absl::StatusOr<StepOutputs> outputs = co_await CallFunction(context);
    report.duration = executor_->Now() - begin;
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

  // A step that throws fails.
  Task<absl::StatusOr<StepOutputs>> CallFunction(StepContext& context) {
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

  // Makes blobs of the outputs, and stores them if `now` is not null.
  Task<void> Keep(StepIndex i, StepContext& context, StepOutputs values, LastRun* now,
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
    absl::Status stored = co_await dag_internal::RunBlocking(*executor_, [&] {
      std::vector<Blob> outputs;
      for (std::string& value : values) outputs.emplace_back(std::move(value));
      absl::Status status;
      if (now != nullptr) status = Store(i, context, outputs, now, cacheable);
      SetOutputs(i, std::move(outputs));
      return status;
    });
    if (!stored.ok()) LogTrouble(i, "writing the store", stored);
  }

  absl::Status Store(StepIndex i, StepContext& context, const std::vector<Blob>& outputs,
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
    const StoredResult result{now->outputs, now->observations, report_.steps[i].duration};
    return options_.store->PutResult(now->key, result, values, has_record ? &record : nullptr);
  }

  void SetOutputs(StepIndex i, std::vector<Blob> outputs) {
    StepReport& report = report_.steps[i];
    report.outputs.clear();
    for (const Blob& output : outputs) report.outputs.push_back(output.digest());
    nodes_[i].outputs = std::move(outputs);
  }

  StepLog MakeLog(StepIndex i) {
    if (options_.observer == nullptr) return nullptr;
    return [this, i](std::string_view line) { options_.observer->OnStepLog(i, line); };
  }

  // A store in trouble costs time, not results: it is reported, and the run goes on.
  void LogTrouble(StepIndex i, const char* doing, const absl::Status& trouble) {
    if (options_.observer == nullptr) return;
    options_.observer->OnStepLog(i, absl::StrCat(doing, ": ", trouble.message()));
  }

  void Finalize() {
    for (const StepIndex i : graph_.order()) {
      if (report_.steps[i].outcome != StepOutcome::kCancelled) continue;
      const StepIndex blocker = FindBlocker(i);
      // What waits for a cancelled step might have run: only a failure blocks.
      if (blocker != kNoStep && report_.steps[blocker].outcome != StepOutcome::kCancelled) {
        MarkBlocked(i);
      }
    }
    report_.Count();
    for (const OutputIndex result : graph_.results()) {
      const bool succeeded = HasOutputs(report_.steps[result.step].outcome);
      report_.results.push_back(
          succeeded ? std::optional<Blob>(nodes_[result.step].outputs[result.output])
                    : std::nullopt);
    }
    is_final_ = true;
  }

  const Graph& graph_;
  const FunctionRegistry& registry_;
  const ExecuteOptions options_;
  Executor* executor_ = nullptr;
  dag_internal::InputReader inputs_;
  FlightTable own_flights_;
  FlightTable& flights_;
  std::optional<Semaphore> permits_;
  std::vector<Node> nodes_;
  // Each element is written by the task that runs its step; read after the edge (1), or at the end.
  RunReport report_;
  bool is_final_ = false;
  // Set by the body of the nursery, which outlives all steps.
  Nursery* nursery_ = nullptr;
};

GraphRun::GraphRun(const Graph& graph, const FunctionRegistry& registry, ExecuteOptions options)
    : impl_(std::make_unique<Impl>(graph, registry, std::move(options))) {}

GraphRun::~GraphRun() = default;

Task<absl::Status> GraphRun::Run(Executor& executor) { return impl_->Run(executor); }

const RunReport& GraphRun::report() const { return impl_->report(); }

}  // namespace weft
