// The contract of dag/execute.h without a store: data flow, failures, cancellation, limits.
#include "dag/execute.h"

#include <algorithm>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "base/instant.h"
#include "dag/function.h"
#include "dag/graph.h"
#include "dag/run_report.h"
#include "dag/spec.h"
#include "dag/testing/test_graph.h"
#include "future/manual_executor.h"
#include "future/sleep.h"
#include "future/spawn.h"
#include "future/task.h"
#include "future/test_pool.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace weft {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr int kChainSteps = 1'000'000;

class ExecuteTest : public testing::Test {
 protected:
  ExecuteTest() { RegisterTestFunctions(registry_, &counter_); }

  absl::Status Run(const Graph& graph, ExecuteOptions options = {}) {
    run_ = std::make_unique<GraphRun>(graph, registry_, std::move(options));
    return executor_.BlockOn(run_->Run(executor_));
  }
  const RunReport& report() const { return run_->report(); }

  CallCounter counter_;
  FunctionRegistry registry_;
  ManualExecutor executor_;
  std::unique_ptr<GraphRun> run_;
};

TEST_F(ExecuteTest, StepSeesItsDeclaredInputsInDeclaredOrder) {
  const Graph graph = MakeGraph({
      TestStep("join", "d").Reads("c").Literal("text").Reads("b").Reads("c"),
      TestStep("join", "c").Reads("a"),
      TestStep("join", "b").Reads("a"),
      TestStep("join", "a"),
  });
  EXPECT_TRUE(Run(graph).ok());
  EXPECT_EQ(ResultText(report(), 0), "d(c(a()),text,b(a()),c(a()))");
  EXPECT_EQ(report().executed, 4);
  EXPECT_EQ(counter_.total(), 4);
}

TEST_F(ExecuteTest, EachOutputGoesToWhoNamesIt) {
  const Graph graph = MakeGraph({
      TestStep("split", "s").Literal("left").Literal("right").Outputs({"l", "r"}),
      TestStep("join", "x").Reads("s", "r"),
      TestStep("join", "y").Reads("s", "l").Reads("s", "r"),
  });
  EXPECT_TRUE(Run(graph).ok());
  EXPECT_EQ(ResultText(report(), 1), "x(right)");
  EXPECT_EQ(ResultText(report(), 2), "y(left,right)");
}

TEST_F(ExecuteTest, EmptyGraphEndsAtOnce) {
  EXPECT_TRUE(Run(Graph()).ok());
  EXPECT_TRUE(report().steps.empty());
}

TEST_F(ExecuteTest, ContinueBlocksWhatDependsOnAFailureAndNothingElse) {
  const Graph graph = MakeGraph({
      TestStep("join", "last").Reads("middle").Reads("free"),
      TestStep("join", "middle").Reads("broken"),
      TestStep("fail", "broken").Reads("free"),
      TestStep("join", "free"),
      TestStep("join", "after").Reads("free"),
  });
  const absl::Status status = Run(graph, {.on_error = OnError::kContinue});
  EXPECT_EQ(status.message(), "step \"broken\" (fail): broken is meant to fail");
  EXPECT_EQ(Outcomes(graph, report()),
            "last:blocked middle:blocked broken:failed free:executed after:executed");
  EXPECT_EQ(report().steps[1].explanation, "it needs step \"broken\", which failed");
  EXPECT_EQ(report().steps[0].explanation, "it needs step \"middle\", which did not run");
  EXPECT_EQ(ResultText(report(), 4), "after(free())") << "partial results are kept";
  EXPECT_EQ(ResultText(report(), 0), "(none)");
  EXPECT_EQ(report().blocked, 2);
}

TEST_F(ExecuteTest, FailFastCancelsWhatRuns) {
  const Graph graph = MakeGraph({
      TestStep("hang", "hanging"),
      TestStep("join", "behind").Reads("hanging"),
      TestStep("fail", "broken"),
      TestStep("join", "blocked").Reads("behind").Reads("broken"),
  });
  const absl::Status status = Run(graph);
  EXPECT_EQ(status.message(), "step \"broken\" (fail): broken is meant to fail");
  EXPECT_EQ(Outcomes(graph, report()),
            "hanging:cancelled behind:cancelled broken:failed blocked:blocked");
}

TEST_F(ExecuteTest, ThrowingStepFails) {
  const Graph graph = MakeGraph({TestStep("throw", "t")});
  EXPECT_EQ(Run(graph).message(), "step \"t\" (throw): the function threw: a planted exception");
}

TEST_F(ExecuteTest, WrongNumberOfOutputsFails) {
  const Graph graph = MakeGraph({TestStep("split", "s").Literal("1").Literal("2")});
  EXPECT_EQ(Run(graph).message(), "step \"s\" (split): the function gave 2 outputs, expected 1");
}

TEST_F(ExecuteTest, UnreadableInputNamesStepInputAndFile) {
  const Graph graph = MakeGraph({TestStep("join", "s").File("/no/such/file")});
  EXPECT_THAT(std::string(Run(graph).message()),
              HasSubstr("step \"s\" (join): input \"in0\": cannot open /no/such/file"));
}

TEST_F(ExecuteTest, UrlWithoutAFetcherFailsAndWithOneIsFetched) {
  StepSpec step = TestStep("join", "s");
  step.inputs.push_back({"page", UrlInput{"http://example.org/"}, {}});
  const Graph graph = MakeGraph({step});
  EXPECT_THAT(std::string(Run(graph).message()), HasSubstr("this program has no HTTP client"));
  ExecuteOptions options;
  options.fetch_url = [](std::string url) -> Task<absl::StatusOr<std::string>> {
    co_return "body of " + url;
  };
  EXPECT_TRUE(Run(graph, std::move(options)).ok());
  EXPECT_EQ(ResultText(report(), 0), "s(body of http://example.org/)");
}

TEST_F(ExecuteTest, CancelledRunReportsWhatWasDone) {
  const Graph graph = MakeGraph({
      TestStep("join", "done"),
      TestStep("hang", "hanging").Reads("done"),
      TestStep("join", "behind").Reads("hanging"),
  });
  GraphRun run(graph, registry_, {});
  JoinHandle<absl::Status> handle = Spawn(executor_, run.Run(executor_));
  executor_.RunUntilStalled();
  handle.Cancel();
  EXPECT_TRUE(absl::IsCancelled(executor_.BlockOn(std::move(handle))));
  EXPECT_EQ(Outcomes(graph, run.report()), "done:executed hanging:cancelled behind:cancelled");
}

TEST_F(ExecuteTest, RunCancelledBeforeItBeganHasAReport) {
  const Graph graph = MakeGraph({TestStep("join", "a")});
  GraphRun run(graph, registry_, {});
  JoinHandle<absl::Status> handle = Spawn(executor_, run.Run(executor_));
  handle.Cancel();
  EXPECT_TRUE(absl::IsCancelled(executor_.BlockOn(std::move(handle))));
  EXPECT_EQ(Outcomes(graph, run.report()), "a:cancelled");
}

// Counts how many steps are between their start and their end.
class Overlap {
 public:
  TestBody Body() {
    return [this](StepContext&) -> Task<absl::StatusOr<StepOutputs>> {
      ++now_;
      most_ = std::max(most_, now_);
      co_await SleepFor(absl::Milliseconds(10));
      --now_;
      co_return StepOutputs{"x"};
    };
  }
  int most() const { return most_; }

 private:
  int now_ = 0, most_ = 0;
};

TEST_F(ExecuteTest, StepsThatWaitOverlapUnlessLimited) {
  Overlap overlap;
  registry_.Register(MakeTestFunction("wait", overlap.Body()));
  std::vector<StepSpec> steps;
  for (int i = 0; i < 50; ++i) steps.push_back(TestStep("wait", "s" + std::to_string(i)));
  const Graph graph = MakeGraph(std::move(steps));
  EXPECT_TRUE(Run(graph, {.max_concurrency = 3}).ok());
  EXPECT_EQ(overlap.most(), 3);
  EXPECT_TRUE(Run(graph).ok());
  EXPECT_EQ(overlap.most(), 50);
}

class EventLog : public RunObserver {
 public:
  void OnStepStarted(StepIndex step, Instant) override { Add("start", step); }
  void OnStepExecuting(StepIndex step, Instant) override { Add("execute", step); }
  void OnStepFinished(StepIndex step, const StepReport& report, Instant) override {
    Add(std::string(ToString(report.outcome)), step);
  }
  void OnStepLog(StepIndex step, std::string_view line) override { Add(std::string(line), step); }

  std::vector<std::string> events;

 private:
  void Add(const std::string& what, StepIndex step) {
    events.push_back(what + " " + std::to_string(step));
  }
};

TEST_F(ExecuteTest, ObserverSeesStartsLogsAndEndsInOrder) {
  registry_.Register(
      MakeTestFunction("say", [](StepContext& context) -> Task<absl::StatusOr<StepOutputs>> {
        context.Log("hello");
        co_return StepOutputs{"x"};
      }));
  const Graph graph = MakeGraph(
      {TestStep("say", "a"), TestStep("fail", "b").Reads("a"), TestStep("join", "c").Reads("b")});
  EventLog log;
  EXPECT_FALSE(Run(graph, {.on_error = OnError::kContinue, .observer = &log}).ok());
  EXPECT_THAT(log.events, ElementsAre("start 0", "execute 0", "hello 0", "executed 0", "start 1",
                                      "execute 1", "failed 1"));
}

TEST_F(ExecuteTest, CancelledStepIsReportedToTheObserver) {
  const Graph graph = MakeGraph({TestStep("hang", "h")});
  EventLog log;
  GraphRun run(graph, registry_, {.observer = &log});
  JoinHandle<absl::Status> handle = Spawn(executor_, run.Run(executor_));
  executor_.RunUntilStalled();
  handle.Cancel();
  EXPECT_FALSE(executor_.BlockOn(std::move(handle)).ok());
  EXPECT_THAT(log.events, ElementsAre("start 0", "execute 0", "cancelled 0"));
}

TEST_F(ExecuteTest, ChainOfAMillionStepsUsesNoStack) {
  registry_.Register(MakeTestFunction(
      "noop", [](StepContext&) -> Task<absl::StatusOr<StepOutputs>> { co_return StepOutputs(1); }));
  GraphBuilder builder;
  for (int i = 0; i < kChainSteps; ++i) {
    TestStep step("noop", std::to_string(i));
    if (i > 0) step.Reads(std::to_string(i - 1));
    builder.AddStep(step);
  }
  const absl::StatusOr<Graph> graph = std::move(builder).Build();
  ASSERT_TRUE(graph.ok());
  EXPECT_TRUE(Run(*graph).ok());
  EXPECT_EQ(report().executed, kChainSteps);
}

// The conformance suite: one graph, every policy, limit, executor and order gives the same.

struct Conformance {
  std::string outcomes;
  std::vector<std::string> outputs;
  std::string error;

  bool operator==(const Conformance&) const = default;
};

Graph RandomGraph(std::mt19937* random) {
  constexpr int kSteps = 40;
  std::vector<StepSpec> steps;
  for (int i = 0; i < kSteps; ++i) {
    const bool fails = (*random)() % 12 == 0;
    TestStep step(fails ? "fail" : "jitter", "s" + std::to_string(i));
    for (int k = 0; i > 0 && k < 3; ++k) {
      if ((*random)() % 3 != 0) step.Reads("s" + std::to_string((*random)() % i));
    }
    steps.push_back(step);
  }
  std::shuffle(steps.begin(), steps.end(), *random);
  return MakeGraph(std::move(steps));
}

Conformance Describe(const Graph& graph, const absl::Status& status, const RunReport& report) {
  Conformance result;
  result.outcomes = Outcomes(graph, report);
  for (const StepReport& step : report.steps) {
    result.outputs.push_back(step.outputs.empty() ? "" : step.outputs[0].ToString());
  }
  result.error = std::string(status.message());
  return result;
}

class ConformanceTest : public testing::TestWithParam<int> {
 protected:
  ConformanceTest() : random_(static_cast<unsigned>(GetParam())) {
    RegisterTestFunctions(registry_, &counter_);
  }

  // "jitter" is "join" after a delay drawn anew for each call.
  void RegisterJitter(bool has_timers) {
    StepFunction* const join = registry_.Find("join");
    registry_.Register(MakeTestFunction(
        "jitter",
        [this, join, has_timers](StepContext& context) -> Task<absl::StatusOr<StepOutputs>> {
          if (has_timers) co_await SleepFor(absl::Milliseconds(random_() % 20));
          co_return co_await join->Run(context);
        }));
  }

  Conformance RunManually(const Graph& graph, OnError on_error, int64_t limit) {
    ManualExecutor executor;
    GraphRun run(graph, registry_, {.on_error = on_error, .max_concurrency = limit});
    const absl::Status status = executor.BlockOn(run.Run(executor));
    return Describe(graph, status, run.report());
  }

  std::mt19937 random_;
  CallCounter counter_;
  FunctionRegistry registry_;
};

TEST_P(ConformanceTest, ContinueGivesTheSameInEveryOrder) {
  RegisterJitter(true);
  const Graph graph = RandomGraph(&random_);
  const Conformance expected = RunManually(graph, OnError::kContinue, 1);
  for (const int64_t limit : {0, 1, 2, 5}) {
    for (int repeat = 0; repeat < 5; ++repeat) {
      EXPECT_EQ(RunManually(graph, OnError::kContinue, limit), expected);
    }
  }
}

TEST_P(ConformanceTest, FailFastGivesAPartOfWhatContinueGives) {
  RegisterJitter(true);
  const Graph graph = RandomGraph(&random_);
  const Conformance whole = RunManually(graph, OnError::kContinue, 1);
  const bool fails = !whole.error.empty();
  for (const int64_t limit : {0, 1, 3}) {
    const Conformance part = RunManually(graph, OnError::kFailFast, limit);
    EXPECT_EQ(!part.error.empty(), fails);
    if (!fails) EXPECT_EQ(part, whole);
    for (std::size_t i = 0; i < part.outputs.size(); ++i) {
      if (!part.outputs[i].empty()) EXPECT_EQ(part.outputs[i], whole.outputs[i]);
    }
  }
}

TEST_P(ConformanceTest, ThreadsGiveTheSameAsOneThread) {
  RegisterJitter(false);
  const Graph graph = RandomGraph(&random_);
  const Conformance expected = RunManually(graph, OnError::kContinue, 0);
  for (const int threads : {1, 2, 4}) {
    TestPool pool(threads);
    GraphRun run(graph, registry_, {.on_error = OnError::kContinue});
    absl::Status status;
    auto body = [](GraphRun* graph_run, Executor* executor, absl::Status* out) -> Task<void> {
      *out = co_await graph_run->Run(*executor);
    };
    Spawn(pool, body(&run, &pool, &status)).Detach();
    pool.WaitUntilIdle();
    EXPECT_EQ(Describe(graph, status, run.report()), expected);
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, ConformanceTest, testing::Range(1, 9));

}  // namespace
}  // namespace weft
