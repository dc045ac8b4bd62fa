#include "dag/execute.h"

#include <atomic>
#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "dag/internal/step_runner.h"
#include "future/or_return.h"
#include "nursery/nursery.h"

namespace weft {
namespace {

constexpr StepIndex kNoStep = std::numeric_limits<StepIndex>::max();
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
};

}  // namespace

class GraphRun::Impl {
 public:
  Impl(const Graph& graph, const FunctionRegistry& registry, ExecuteOptions options)
      : graph_(graph),
        registry_(registry),
        options_(std::move(options)),
        nodes_(graph.size()),
        outputs_(graph.size()) {
    const absl::Status checked = registry_.Check(graph_);
    WEFT_CHECK(checked.ok()) << "GraphRun: check the graph against the registry first: "
                             << checked.message();
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
    runner_.emplace(graph_, registry_, options_, executor, &report_.steps, &outputs_);
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
        co_await runner_->Run(i);
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
      outputs_[producer].clear();
    }
  }

  // Lets the outputs go at once if nobody will ever read them.
  void MaybeClear(StepIndex i) {
    if (nodes_[i].readers.load(std::memory_order_relaxed) == 0) outputs_[i].clear();
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
          succeeded ? std::optional<Blob>(outputs_[result.step][result.output]) : std::nullopt);
    }
    is_final_ = true;
  }

  const Graph& graph_;
  const FunctionRegistry& registry_;
  const ExecuteOptions options_;
  Executor* executor_ = nullptr;
  std::vector<Node> nodes_;
  // Each element of these two is written by the task that runs its step, and read by others after
  // the edge (1), or at the end.
  std::vector<std::vector<Blob>> outputs_;
  RunReport report_;
  std::optional<dag_internal::StepRunner> runner_;
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
