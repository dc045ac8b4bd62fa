// The contract of dag/graph.h: what is refused and with which words, and what a compiled graph
// answers.
#include "dag/graph.h"

#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace weft {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// A step that reads output "out" of each of `sources`.
StepSpec Step(std::string id, std::vector<std::string> sources = {}) {
  StepSpec step;
  step.id = std::move(id);
  step.function = "noop";
  step.outputs = {"out"};
  for (const std::string& source : sources) {
    step.inputs.push_back(
        {"from-" + source + std::to_string(step.inputs.size()), OutputRef{source, "out"}, {}});
  }
  return step;
}

std::string BuildError(std::vector<StepSpec> steps, std::vector<std::string> results = {}) {
  GraphBuilder builder;
  for (StepSpec& step : steps) builder.AddStep(std::move(step));
  for (std::string& result : results) builder.AddResult(std::move(result));
  absl::StatusOr<Graph> graph = std::move(builder).Build();
  EXPECT_FALSE(graph.ok());
  EXPECT_TRUE(absl::IsInvalidArgument(graph.status()));
  return std::string(graph.status().message());
}

Graph BuildOk(std::vector<StepSpec> steps, std::vector<std::string> results = {}) {
  GraphBuilder builder;
  for (StepSpec& step : steps) builder.AddStep(std::move(step));
  for (std::string& result : results) builder.AddResult(std::move(result));
  absl::StatusOr<Graph> graph = std::move(builder).Build();
  EXPECT_TRUE(graph.ok()) << graph.status();
  return *std::move(graph);
}

TEST(Graph, EmptyGraphHasNoStepsAndNoResults) {
  const Graph graph = BuildOk({});
  EXPECT_EQ(graph.size(), 0u);
  EXPECT_TRUE(graph.order().empty());
  EXPECT_TRUE(graph.results().empty());
}

TEST(Graph, DiamondHasBothDirectionsInDeclaredOrder) {
  const Graph graph = BuildOk(
      {Step("d", {"c", "b"}), Step("b", {"a"}), Step("c", {"a"}), Step("a")}, {"d.out", "a.out"});
  const StepIndex a = *graph.Find("a"), b = *graph.Find("b"), c = *graph.Find("c"),
                  d = *graph.Find("d");
  EXPECT_THAT(graph.dependencies(d), ElementsAre(c, b));
  EXPECT_THAT(graph.dependents(a), ElementsAre(b, c));
  EXPECT_THAT(graph.order(), ElementsAre(a, b, c, d));
  EXPECT_EQ(graph.source(d, 1), (OutputIndex{b, 0}));
  EXPECT_THAT(graph.results(), ElementsAre(OutputIndex{d, 0}, OutputIndex{a, 0}));
  EXPECT_EQ(graph.OutputName(graph.results()[0]), "d.out");
  EXPECT_EQ(graph.Find("e"), std::nullopt);
}

TEST(Graph, TwoInputsFromOneStepAreOneDependency) {
  const Graph graph = BuildOk({Step("a"), Step("b", {"a", "a"})});
  EXPECT_THAT(graph.dependencies(1), ElementsAre(0u));
  EXPECT_THAT(graph.dependents(0), ElementsAre(1u));
}

TEST(Graph, InputThatIsNoStepHasNoSource) {
  StepSpec step = Step("a");
  step.inputs.push_back({"text", LiteralInput{"hello"}, {}});
  const Graph graph = BuildOk({step});
  EXPECT_EQ(graph.source(0, 0), std::nullopt);
}

TEST(Graph, CycleIsReportedAsItsPathAndNothingElse) {
  EXPECT_EQ(BuildError({Step("outside", {"x"}), Step("z", {"x"}), Step("y", {"z"}),
                        Step("x", {"y"}), Step("free")}),
            "the steps form a cycle (each needs the next): z -> x -> y -> z; remove one of these "
            "inputs");
}

TEST(Graph, StepThatReadsItselfIsACycleOfOne) {
  EXPECT_THAT(BuildError({Step("a", {"a"})}), HasSubstr("a -> a;"));
}

TEST(Graph, LongCycleIsShortened) {
  std::vector<StepSpec> steps;
  for (int i = 0; i < 1000; ++i) {
    steps.push_back(Step("s" + std::to_string(i), {"s" + std::to_string((i + 1) % 1000)}));
  }
  EXPECT_THAT(BuildError(std::move(steps)), HasSubstr("s11 -> ... (988 steps) ... -> s0;"));
}

TEST(Graph, DuplicateIdNamesBothPlaces) {
  StepSpec first = Step("a"), second = Step("a");
  first.place = {"g.textproto", 3, 1};
  second.place = {"g.textproto", 9, 1};
  EXPECT_EQ(BuildError({first, second}),
            "g.textproto:9:1: two steps have the id \"a\"; the first is g.textproto:3:1; give each "
            "step an id of its own");
}

TEST(Graph, UnknownStepAndOutputAreReportedTogetherWithAHint) {
  StepSpec reader = Step("reader", {"counter", "count"});
  reader.inputs.push_back({"other", OutputRef{"count", "total"}, {"g", 7, 5}});
  EXPECT_EQ(BuildError({Step("count"), reader}),
            "input \"from-counter0\" of step \"reader\" reads an output of step \"counter\", which "
            "does not exist; did you mean \"count\"?\n"
            "g:7:5: input \"other\" of step \"reader\" reads output \"total\" of step \"count\", "
            "whose outputs are: \"out\"");
}

TEST(Graph, BadResultIsRefused) {
  EXPECT_EQ(BuildError({Step("a")}, {"a", "b.out", "a.in"}),
            "result \"a\": expected the form STEP.OUTPUT, found \"a\"\n"
            "result \"b.out\": there is no step \"b\"\n"
            "result \"a.in\": step \"a\" has no output \"in\"; its outputs are: \"out\"");
}

TEST(Graph, BadNamesAreRefused) {
  StepSpec step = Step("a");
  step.function.clear();
  step.inputs.push_back({"in", LiteralInput{}, {}});
  step.inputs.push_back({"in", LiteralInput{}, {}});
  step.outputs = {"out", "out", "no good"};
  EXPECT_EQ(BuildError({step, Step("a.b")}),
            "step \"a\" names no function\n"
            "step \"a\" has two inputs named \"in\"\n"
            "step \"a\" has two outputs named \"out\"\n"
            "step \"a\" has an output named \"no good\"; a name is 1 to 128 letters, digits, '_', "
            "'-', '/' or '.'\n"
            "a step has the id \"a.b\"; an id is 1 to 128 letters, digits, '_', '-' or '/'");
}

TEST(Graph, ProblemsBeyondTheLimitAreCounted) {
  std::vector<StepSpec> steps(GraphBuilder::kMaxProblems + 3, Step("a"));
  EXPECT_THAT(BuildError(std::move(steps)), HasSubstr("\nand 2 problems more"));
}

TEST(Graph, ChainOfAMillionStepsIsCompiledWithoutDeepStack) {
  constexpr int kSteps = 1'000'000;
  GraphBuilder builder;
  for (int i = 0; i < kSteps; ++i) {
    StepSpec step;
    step.id = std::to_string(i);
    step.function = "noop";
    step.outputs = {"o"};
    if (i > 0) step.inputs.push_back({"i", OutputRef{std::to_string(i - 1), "o"}, {}});
    builder.AddStep(std::move(step));
  }
  const absl::StatusOr<Graph> graph = std::move(builder).Build();
  ASSERT_TRUE(graph.ok());
  EXPECT_EQ(graph->order().back(), kSteps - 1u);
}

TEST(Graph, CycleOfManyStepsIsReportedWithoutDeepStack) {
  constexpr int kSteps = 100'000;
  GraphBuilder builder;
  for (int i = 0; i < kSteps; ++i) {
    StepSpec step;
    step.id = std::to_string(i);
    step.function = "noop";
    step.outputs = {"o"};
    step.inputs.push_back({"i", OutputRef{std::to_string((i + 1) % kSteps), "o"}, {}});
    builder.AddStep(std::move(step));
  }
  const absl::StatusOr<Graph> graph = std::move(builder).Build();
  EXPECT_THAT(std::string(graph.status().message()), HasSubstr("(99988 steps)"));
}

TEST(Place, PrintsWhatIsKnown) {
  EXPECT_EQ((Place{"f", 3, 7}.ToString()), "f:3:7");
  EXPECT_EQ((Place{"f", 3, 0}.ToString()), "f:3");
  EXPECT_EQ((Place{"f", 0, 0}.ToString()), "f");
  EXPECT_EQ(Place{}.ToString(), "");
}

}  // namespace
}  // namespace weft
