// What each built-in function computes, what it refuses, and what the registry says of graphs that
// use functions wrongly.
#include "dag/builtin.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "base/instant.h"
#include "dag/digest.h"
#include "dag/execute.h"
#include "dag/function.h"
#include "dag/graph.h"
#include "dag/plain_function.h"
#include "dag/run_report.h"
#include "dag/spec.h"
#include "dag/testing/test_graph.h"
#include "dag/tree.h"
#include "future/manual_executor.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace weft {
namespace {

using ::testing::HasSubstr;

class BuiltinTest : public testing::Test {
 protected:
  BuiltinTest() { RegisterBuiltins(registry_); }

  // The first output of the step, or its error.
  std::string Run(const StepSpec& step) {
    const Graph graph = MakeGraph({step});
    EXPECT_EQ(registry_.Check(graph), absl::OkStatus());
    run_ = std::make_unique<GraphRun>(graph, registry_, ExecuteOptions());
    const absl::Status status = executor_.BlockOn(run_->Run(executor_));
    return status.ok() ? ResultText(run_->report(), 0) : std::string(status.message());
  }

  std::string CheckError(const StepSpec& step) {
    const absl::Status status = registry_.Check(MakeGraph({step}));
    EXPECT_TRUE(absl::IsInvalidArgument(status)) << status;
    return std::string(status.message());
  }

  FunctionRegistry registry_;
  ManualExecutor executor_;
  std::unique_ptr<GraphRun> run_;
};

TEST_F(BuiltinTest, Concat) {
  EXPECT_EQ(Run(TestStep("concat", "s").Literal("a").Literal("b")), "ab");
  EXPECT_EQ(Run(TestStep("concat", "s").Literal("a").Literal("b").Param("separator", ", ")),
            "a, b");
  EXPECT_EQ(Run(TestStep("concat", "s")), "");
}

TEST_F(BuiltinTest, SortLines) {
  EXPECT_EQ(Run(TestStep("sort_lines", "s").Literal("b\na\nb").Literal("A\n")), "A\na\nb\nb\n");
  EXPECT_EQ(Run(TestStep("sort_lines", "s").Literal("b\na\nb\n").Param("unique", "true")),
            "a\nb\n");
}

TEST_F(BuiltinTest, HeadAndCountLines) {
  EXPECT_EQ(Run(TestStep("head", "s").Literal("1\n2\n3\n").Param("lines", "2")), "1\n2\n");
  EXPECT_EQ(Run(TestStep("head", "s").Literal("1\n2").Param("lines", "5")), "1\n2\n");
  EXPECT_EQ(Run(TestStep("count_lines", "s").Literal("1\n2\n").Literal("3")), "3\n");
}

TEST_F(BuiltinTest, WordCountsAreTablesThatMergeAndRank) {
  EXPECT_EQ(Run(TestStep("word_counts", "s").Literal("b a\tb\n").Literal("a\v b")), "a\t2\nb\t3\n");
  EXPECT_EQ(Run(TestStep("merge_counts", "s").Literal("a\t2\nc\t1\n").Literal("a\t5\nb\t1\n")),
            "a\t7\nb\t1\nc\t1\n");
  EXPECT_EQ(Run(TestStep("top_counts", "s").Literal("a\t1\nb\t3\nc\t3\nd\t2\n").Param("n", "3")),
            "3\tb\n3\tc\n2\td\n");
}

TEST_F(BuiltinTest, LargeInputIsWorkedOnInTheBlockingPool) {
  std::string text;
  for (int i = 0; i < 20'000; ++i) text += "word ";
  EXPECT_EQ(Run(TestStep("word_counts", "s").Literal(text)), "word\t20000\n");
}

TEST_F(BuiltinTest, TableErrorsNameInputAndLine) {
  EXPECT_EQ(Run(TestStep("merge_counts", "s").Literal("a\t1\n").Literal("a\t1\nb 2\n")),
            "step \"s\" (merge_counts): input \"in1\", line 2: expected \"KEY<TAB>COUNT\", found "
            "\"b 2\"");
}

TEST_F(BuiltinTest, Sum) {
  EXPECT_EQ(Run(TestStep("sum", "s").Literal("1\n20\n").Literal(" 300")), "321\n");
  EXPECT_THAT(Run(TestStep("sum", "s").Literal("1 x")), HasSubstr("expected numbers, found \"x\""));
}

TEST_F(BuiltinTest, Template) {
  EXPECT_EQ(
      Run(TestStep("template", "s").Literal("A").Literal("B").Param("text", "{{in1}}-{{in0}}!{{")),
      "B-A!{{");
  EXPECT_THAT(Run(TestStep("template", "s").Param("text", "{{x}}")),
              HasSubstr("{{x}}: the step has no input of this name"));
}

std::string Listing(int files, const std::string& content) {
  std::vector<ListedFile> entries;
  for (int i = 0; i < files; ++i)
    entries.push_back({"dir/f" + std::to_string(i), DigestOf(content)});
  return FormatTree(entries);
}

TEST_F(BuiltinTest, TreePaths) {
  EXPECT_EQ(Run(TestStep("tree_paths", "s").Literal(Listing(2, ""))), "dir/f0\ndir/f1\n");
}

TEST_F(BuiltinTest, ShardListSpreadsEveryFileOnceAndByItsPathAlone) {
  const auto shard = [&](const std::string& content) {
    std::vector<std::string> shards;
    const Graph graph = [&] {
      GraphBuilder builder;
      builder.AddStep(
          TestStep("shard_list", "s").Literal(Listing(100, content)).Outputs({"s0", "s1", "s2"}));
      for (const char* output : {"s.s0", "s.s1", "s.s2"}) builder.AddResult(output);
      return *std::move(builder).Build();
    }();
    GraphRun run(graph, registry_, {});
    EXPECT_TRUE(executor_.BlockOn(run.Run(executor_)).ok());
    for (std::size_t i = 0; i < 3; ++i) shards.push_back(ResultText(run.report(), i));
    return shards;
  };
  const std::vector<std::string> before = shard("x"), after = shard("y");
  std::size_t files = 0;
  for (std::size_t i = 0; i < 3; ++i) {
    const auto entries = *ParseTree(before[i]), changed = *ParseTree(after[i]);
    EXPECT_GT(entries.size(), 20u) << "100 files are spread about evenly";
    files += entries.size();
    ASSERT_EQ(entries.size(), changed.size());
    for (std::size_t k = 0; k < entries.size(); ++k) EXPECT_EQ(entries[k].path, changed[k].path);
  }
  EXPECT_EQ(files, 100u);
}

TEST_F(BuiltinTest, SleepTakesItsTime) {
  const Instant begin = executor_.Now();
  EXPECT_EQ(Run(TestStep("sleep", "s").Literal("a").Param("ms", "250")), "a");
  EXPECT_EQ(executor_.Now() - begin, absl::Milliseconds(250));
}

TEST_F(BuiltinTest, Fail) {
  EXPECT_EQ(Run(TestStep("fail", "s").Param("message", "no")), "step \"s\" (fail): no");
}

TEST_F(BuiltinTest, WrongUseIsRefusedBeforeAnythingRuns) {
  EXPECT_EQ(CheckError(TestStep("concat", "s").Param("sep", "")),
            "step \"s\": function \"concat\" has no parameter \"sep\"; it has: \"separator\"");
  EXPECT_EQ(CheckError(TestStep("sleep", "s")),
            "step \"s\": function \"sleep\" needs the parameter \"ms\"");
  EXPECT_EQ(CheckError(TestStep("sleep", "s").Param("ms", "soon")),
            "step \"s\": parameter \"ms\": expected a number from 0 to 86400000, found \"soon\"");
  EXPECT_EQ(CheckError(TestStep("head", "s")), "step \"s\": expected 1 inputs, found 0");
  EXPECT_EQ(CheckError(TestStep("shard_list", "s").Literal("").Outputs({})),
            "step \"s\": expected 1 or more outputs, found 0");
}

TEST_F(BuiltinTest, UnknownFunctionIsReportedWithItsPlaceAndWhatThereIs) {
  StepSpec step = TestStep("conact", "s");
  step.place = {"g", 3, 1};
  EXPECT_THAT(CheckError(step),
              HasSubstr("g:3:1: step \"s\": unknown function \"conact\"; known are: \"concat\", "
                        "\"count_lines\","));
}

TEST_F(BuiltinTest, MissingFunctionIsReportedWithAdvice) {
  registry_.RegisterMissing("wasm", "this program was built without Wasmtime; run ./setup");
  EXPECT_EQ(CheckError(TestStep("wasm", "s")),
            "step \"s\": this program was built without Wasmtime; run ./setup");
}

TEST(PlainFunction, AnOrdinaryFunctionIsAStep) {
  FunctionRegistry registry;
  registry.Register(MakePlainFunction(
      {.name = "reverse", .version = "1", .shape = {.min_inputs = 1, .max_inputs = 1}},
      [](const PlainCall& call) -> absl::StatusOr<StepOutputs> {
        return StepOutputs{std::string(call.input(0).rbegin(), call.input(0).rend())};
      }));
  const Graph graph = MakeGraph({TestStep("reverse", "s").Literal("weft")});
  ManualExecutor executor;
  GraphRun run(graph, registry, {});
  EXPECT_TRUE(executor.BlockOn(run.Run(executor)).ok());
  EXPECT_EQ(ResultText(run.report(), 0), "tfew");
}

TEST(RegistryDeathTest, TwoFunctionsOfOneNameAreABug) {
  FunctionRegistry registry;
  RegisterBuiltins(registry);
  EXPECT_DEATH(RegisterBuiltins(registry), "two functions are named \"concat\"");
}

}  // namespace
}  // namespace weft
