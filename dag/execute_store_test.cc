// The contract of dag/execute.h with a store: what is executed, what is not, and what is said about
// it.
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "dag/digest.h"
#include "dag/execute.h"
#include "dag/flight_table.h"
#include "dag/function.h"
#include "dag/graph.h"
#include "dag/result.h"
#include "dag/run_report.h"
#include "dag/spec.h"
#include "dag/store.h"
#include "dag/testing/test_graph.h"
#include "future/context.h"
#include "future/manual_executor.h"
#include "future/or_return.h"
#include "future/poll.h"
#include "future/poll_fn.h"
#include "future/spawn.h"
#include "future/task.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace weft {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

class ExecuteStoreTest : public testing::Test {
 protected:
  ExecuteStoreTest() {
    std::string pattern = testing::TempDir() + "/weft_execute_XXXXXX";
    EXPECT_NE(mkdtemp(pattern.data()), nullptr);
    directory_ = pattern;
    auto store = ResultStore::Open(directory_ + "/store");
    EXPECT_TRUE(store.ok()) << store.status();
    store_ = *std::move(store);
    registry_ = std::make_unique<FunctionRegistry>();
    RegisterTestFunctions(*registry_, &counter_);
  }
  ~ExecuteStoreTest() override {
    run_.reset();
    store_.reset();
    fs::remove_all(directory_);
  }

  ExecuteOptions Options() { return {.store = store_.get(), .graph_name = "g"}; }

  absl::Status Run(const Graph& graph, RunMode mode = RunMode::kExecute) {
    ExecuteOptions options = Options();
    options.on_error = OnError::kContinue;
    options.mode = mode;
    run_ = std::make_unique<GraphRun>(graph, *registry_, std::move(options));
    return executor_.BlockOn(run_->Run(executor_));
  }
  const RunReport& report() const { return run_->report(); }
  std::string Explanation(std::size_t i) const { return report().steps[i].explanation; }

  void Write(const std::string& name, const std::string& text) {
    std::ofstream(directory_ + "/" + name) << text;
  }

  std::string directory_;
  std::unique_ptr<ResultStore> store_;
  CallCounter counter_;
  std::unique_ptr<FunctionRegistry> registry_;
  ManualExecutor executor_;
  std::unique_ptr<GraphRun> run_;
};

Graph Diamond(const std::string& text) {
  return MakeGraph({
      TestStep("join", "a").Literal(text),
      TestStep("split", "cut").Literal(text.substr(0, 1)),
      TestStep("join", "b").Reads("cut"),
      TestStep("join", "c").Reads("a").Reads("b"),
  });
}

TEST_F(ExecuteStoreTest, SecondRunExecutesNothingAndGivesTheSame) {
  const Graph graph = Diamond("text");
  ASSERT_TRUE(Run(graph).ok());
  EXPECT_EQ(report().executed, 4);
  EXPECT_EQ(report().steps[0].reason, RunReason::kFirstRun);
  EXPECT_EQ(Explanation(0), "it has not run before in this graph");
  const std::string result = ResultText(report(), 3);
  ASSERT_TRUE(Run(graph).ok());
  EXPECT_EQ(report().executed, 0);
  EXPECT_EQ(report().cached, 4);
  EXPECT_EQ(report().steps[0].reason, RunReason::kCached);
  EXPECT_EQ(ResultText(report(), 3), result);
  EXPECT_EQ(counter_.total(), 4);
}

TEST_F(ExecuteStoreTest, ChangeRunsWhatDependsOnItUntilAnOutputIsTheSame) {
  ASSERT_TRUE(Run(Diamond("text")).ok());
  const Graph changed = Diamond("tame");
  ASSERT_TRUE(Run(changed).ok());
  EXPECT_EQ(Outcomes(changed, report()), "a:executed cut:cached b:cached c:executed");
  EXPECT_EQ(report().steps[0].reason, RunReason::kInputsChanged);
  EXPECT_EQ(Explanation(0), "input \"in0\" changed");
  EXPECT_EQ(Explanation(3), "input \"in0\" changed");
}

TEST_F(ExecuteStoreTest, EarlyCutOffStopsAtAStepThatGivesTheSameAgain) {
  Write("in", "one two");
  registry_->Register(
      MakeTestFunction("first_word", [](StepContext& context) -> Task<absl::StatusOr<StepOutputs>> {
        const auto text =
            co_await OrReturn(co_await LoadBlob(context.executor(), context.inputs()[0].blob));
        co_return StepOutputs{text->substr(0, text->find(' '))};
      }));
  const Graph graph = MakeGraph({
      TestStep("first_word", "w").File(directory_ + "/in"),
      TestStep("join", "behind").Reads("w"),
  });
  ASSERT_TRUE(Run(graph).ok());
  Write("in", "one three");
  ASSERT_TRUE(Run(graph).ok());
  EXPECT_EQ(Outcomes(graph, report()), "w:executed behind:cached");
  Write("in", "two three");
  ASSERT_TRUE(Run(graph).ok());
  EXPECT_EQ(Outcomes(graph, report()), "w:executed behind:executed");
}

TEST_F(ExecuteStoreTest, ExplanationComparesWithTheResultThatCountedLast) {
  ASSERT_TRUE(Run(MakeGraph({TestStep("join", "s").Literal("1")})).ok());
  ASSERT_TRUE(Run(MakeGraph({TestStep("join", "s").Literal("2")})).ok());
  ASSERT_TRUE(Run(MakeGraph({TestStep("join", "s").Literal("1")})).ok());
  EXPECT_EQ(report().cached, 1) << "an older result is as good as the last one";
  ASSERT_TRUE(Run(MakeGraph({TestStep("join", "s").Literal("1").Literal("3")})).ok());
  EXPECT_EQ(Explanation(0), "input \"in1\" is new");
  ASSERT_TRUE(Run(MakeGraph({TestStep("join", "s").Literal("4")})).ok());
  EXPECT_EQ(Explanation(0), "input \"in0\" changed, input \"in1\" is gone");
}

TEST_F(ExecuteStoreTest, ParametersFunctionAndVersionAreExplained) {
  ASSERT_TRUE(Run(MakeGraph({TestStep("join", "s")})).ok());
  ASSERT_TRUE(Run(MakeGraph({TestStep("join", "s").Param("p", "1")})).ok());
  EXPECT_EQ(report().steps[0].reason, RunReason::kParamsChanged);
  EXPECT_EQ(Explanation(0), "its parameters changed");
  ASSERT_TRUE(Run(MakeGraph({TestStep("join", "s").Param("p", "1").Outputs({"o"})})).ok());
  EXPECT_EQ(Explanation(0), "the names of its outputs changed");
  ASSERT_TRUE(Run(MakeGraph({TestStep("split", "s").Outputs({})})).ok());
  EXPECT_EQ(report().steps[0].reason, RunReason::kFunctionChanged);
  EXPECT_EQ(Explanation(0), "its function was join, now it is split");
  registry_ = std::make_unique<FunctionRegistry>();
  registry_->Register(MakeTestFunction(
      "split", [](StepContext&) -> Task<absl::StatusOr<StepOutputs>> { co_return StepOutputs(); },
      {.version = "2"}));
  ASSERT_TRUE(Run(MakeGraph({TestStep("split", "s").Outputs({})})).ok());
  EXPECT_EQ(Explanation(0), "version 1 of split became version 2");
}

TEST_F(ExecuteStoreTest, ParameterOfTheExecutionAloneDoesNotCount) {
  StepSpec step = TestStep("join", "s");
  step.params.push_back({"@wall_ms", "5", ParamSpec::Meaning::kExecution});
  ASSERT_TRUE(Run(MakeGraph({step})).ok());
  step.params[0].value = "6";
  ASSERT_TRUE(Run(MakeGraph({step})).ok());
  EXPECT_EQ(report().cached, 1);
}

TEST_F(ExecuteStoreTest, UncacheableStepRunsAgainAndItsReadersDoNot) {
  const Graph graph = MakeGraph({
      TestStep("join", "always").Cache(Caching::kUncacheable),
      TestStep("join", "behind").Reads("always"),
  });
  ASSERT_TRUE(Run(graph).ok());
  ASSERT_TRUE(Run(graph).ok());
  EXPECT_EQ(Outcomes(graph, report()), "always:executed behind:cached");
  EXPECT_EQ(report().steps[0].reason, RunReason::kUncacheable);
  EXPECT_EQ(Explanation(0), "the graph says that it is uncacheable");
}

TEST_F(ExecuteStoreTest, ImpureFunctionRunsAgainUnlessTheGraphVouchesForIt) {
  registry_->Register(MakeTestFunction(
      "impure", [](StepContext&) -> Task<absl::StatusOr<StepOutputs>> { co_return StepOutputs(1); },
      {.is_pure = false}));
  const Graph graph =
      MakeGraph({TestStep("impure", "i"), TestStep("impure", "p").Cache(Caching::kPure)});
  ASSERT_TRUE(Run(graph).ok());
  ASSERT_TRUE(Run(graph).ok());
  EXPECT_EQ(Outcomes(graph, report()), "i:executed p:cached");
  EXPECT_EQ(Explanation(0), "its function is not pure; \"pure: true\" would vouch for it");
}

TEST_F(ExecuteStoreTest, ErrorsAreNeverStored) {
  const Graph graph = MakeGraph({TestStep("fail", "f")});
  EXPECT_FALSE(Run(graph).ok());
  EXPECT_FALSE(Run(graph).ok());
  EXPECT_EQ(counter_.calls("f"), 2);
  EXPECT_EQ(store_->Stats()->results, 0);
}

TEST_F(ExecuteStoreTest, LostOrDamagedValueRunsTheStepAgain) {
  const Graph graph = MakeGraph({TestStep("split", "s").Literal(std::string(10'000, 'v'))});
  ASSERT_TRUE(Run(graph).ok());
  fs::remove_all(directory_ + "/store/values");
  ASSERT_TRUE(Run(graph).ok());
  EXPECT_EQ(report().executed, 1);
  EXPECT_EQ(report().steps[0].reason, RunReason::kResultLost);
  ASSERT_TRUE(Run(graph).ok());
  EXPECT_EQ(report().cached, 1);
  EXPECT_EQ(ResultText(report(), 0), std::string(10'000, 'v'));
}

TEST_F(ExecuteStoreTest, ClearedStoreRunsEverythingAgain) {
  const Graph graph = Diamond("text");
  ASSERT_TRUE(Run(graph).ok());
  ASSERT_TRUE(store_->Clear().ok());
  ASSERT_TRUE(Run(graph).ok());
  EXPECT_EQ(report().executed, 4);
}

TEST_F(ExecuteStoreTest, ObservedFileIsCheckedBeforeTheResultIsUsed) {
  Write("seen", "1");
  registry_->Register(
      MakeTestFunction("look", [](StepContext& context) -> Task<absl::StatusOr<StepOutputs>> {
        context.Observe(
            {Observation::Kind::kFile, "seen", *DigestOfFile(context.directory() + "/seen")});
        context.Observe({Observation::Kind::kAbsent, "unseen", {}});
        co_return StepOutputs{"x"};
      }));
  const Graph graph = MakeGraph({TestStep("look", "s").Directory(directory_)});
  ASSERT_TRUE(Run(graph).ok());
  ASSERT_TRUE(Run(graph).ok());
  EXPECT_EQ(report().cached, 1);
  Write("seen", "2");
  ASSERT_TRUE(Run(graph).ok());
  EXPECT_EQ(report().steps[0].reason, RunReason::kObservedChanged);
  EXPECT_EQ(Explanation(0), "the file seen, which it read, changed");
  Write("unseen", "");
  ASSERT_TRUE(Run(graph).ok());
  EXPECT_EQ(Explanation(0), "the file unseen, which it read, changed");
}

TEST_F(ExecuteStoreTest, Regression_ObservationsOutsideTheStepsDirectoryAreChecked) {
  Write("seen", "1");
  registry_->Register(
      MakeTestFunction("look", [this](StepContext& context) -> Task<absl::StatusOr<StepOutputs>> {
        const std::string seen = directory_ + "/seen";
        context.Observe({Observation::Kind::kFile, seen, *DigestOfFile(seen)});
        context.Observe({Observation::Kind::kAbsent, directory_ + "/unseen", {}});
        co_return StepOutputs{"x"};
      }));
  const Graph graph = MakeGraph({TestStep("look", "s").Directory(directory_ + "/store")});
  ASSERT_TRUE(Run(graph).ok());
  ASSERT_TRUE(Run(graph).ok());
  EXPECT_EQ(report().cached, 1);
  Write("unseen", "");
  ASSERT_TRUE(Run(graph).ok());
  EXPECT_EQ(Explanation(0), "the file " + directory_ + "/unseen, which it read, changed");
}

TEST_F(ExecuteStoreTest, DryRunExecutesNothingAndSaysWhatWould) {
  ASSERT_TRUE(Run(Diamond("text")).ok());
  const Graph changed = Diamond("tame");
  ASSERT_TRUE(Run(changed, RunMode::kDryRun).ok());
  EXPECT_EQ(Outcomes(changed, report()), "a:would-run cut:cached b:cached c:blocked");
  EXPECT_EQ(Explanation(0), "input \"in0\" changed");
  EXPECT_EQ(Explanation(3), "it needs step \"a\", which would be executed");
  EXPECT_EQ(counter_.calls("a"), 1);
}

TEST_F(ExecuteStoreTest, FileThatChangesWhileItIsUsedFailsTheStep) {
  Write("moving", "before");
  registry_->Register(MakeTestFunction(
      "disturb", [this](StepContext& context) -> Task<absl::StatusOr<StepOutputs>> {
        Write("moving", "after");
        const auto text =
            co_await OrReturn(co_await LoadBlob(context.executor(), context.inputs()[0].blob));
        co_return StepOutputs{*text};
      }));
  const Graph graph = MakeGraph({TestStep("disturb", "s").File(directory_ + "/moving")});
  EXPECT_EQ(Run(graph).message(), "step \"s\" (disturb): " + directory_ +
                                      "/moving changed while the graph was running; run it again");
}

TEST_F(ExecuteStoreTest, EqualStepsOfOneRunExecuteOnce) {
  const Graph graph = MakeGraph({
      TestStep("split", "x").Literal("same"),
      TestStep("split", "y").Literal("same"),
      TestStep("split", "z").Literal("same"),
  });
  ASSERT_TRUE(Run(graph).ok());
  EXPECT_EQ(counter_.total(), 1);
  EXPECT_EQ(report().executed, 1);
  EXPECT_EQ(report().cached, 2);
  EXPECT_EQ(ResultText(report(), 2), "same");
}

TEST_F(ExecuteStoreTest, CancelledProducerHandsItsKeyToWhoWaits) {
  FlightTable flights;
  bool may_finish = false;
  int begun = 0;
  registry_->Register(
      MakeTestFunction("slow", [&](StepContext&) -> Task<absl::StatusOr<StepOutputs>> {
        ++begun;
        co_await PollFn([&](Context& cx) -> Poll<void> {
          if (cx.StopRequested()) return kStopped;
          if (!may_finish) return kPending;
          return Poll<void>::Ready();
        });
        co_return StepOutputs{"done"};
      }));
  const Graph graph = MakeGraph({TestStep("slow", "s")});
  ExecuteOptions options = Options();
  options.flights = &flights;
  GraphRun first(graph, *registry_, options), second(graph, *registry_, options);
  JoinHandle<absl::Status> a = Spawn(executor_, first.Run(executor_));
  executor_.RunUntilStalled();
  JoinHandle<absl::Status> b = Spawn(executor_, second.Run(executor_));
  executor_.RunUntilStalled();
  EXPECT_EQ(begun, 1) << "the second run waits for the first";
  may_finish = true;
  a.Cancel();
  EXPECT_TRUE(executor_.BlockOn(std::move(b)).ok());
  EXPECT_TRUE(absl::IsCancelled(executor_.BlockOn(std::move(a))));
  EXPECT_EQ(begun, 2);
  EXPECT_EQ(Outcomes(graph, first.report()), "s:cancelled");
  EXPECT_EQ(Outcomes(graph, second.report()), "s:executed");
}

TEST_F(ExecuteStoreTest, FailedProducerHandsItsKeyToWhoWaits) {
  const Graph graph = MakeGraph({TestStep("fail", "x"), TestStep("fail", "y")});
  EXPECT_FALSE(Run(graph).ok());
  EXPECT_EQ(counter_.total(), 2);
  EXPECT_THAT(std::string(report().steps[1].status.message()), HasSubstr("y is meant to fail"));
}

TEST_F(ExecuteStoreTest, StoreInTroubleCostsTimeNotResults) {
  const Graph graph = MakeGraph({TestStep("split", "s").Literal(std::string(10'000, 'v'))});
  fs::remove_all(directory_ + "/store/values");
  fs::remove_all(directory_ + "/store/temporary");
  EXPECT_TRUE(Run(graph).ok());
  EXPECT_EQ(report().executed, 1);
  EXPECT_EQ(ResultText(report(), 0), std::string(10'000, 'v'));
}

}  // namespace
}  // namespace weft
