// The contract of dag/load.h: what a file means, and what each mistake is told.
#include "dag/load.h"

#include <filesystem>
#include <fstream>
#include <string>
#include <variant>

#include "absl/status/status.h"
#include "dag/graph.h"
#include "dag/spec.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace weft {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

LoadOptions At(std::map<std::string, std::string> params = {}) {
  return {std::move(params), "/where/the/user/stands"};
}

LoadedGraph Load(const std::string& text, std::map<std::string, std::string> params = {}) {
  auto loaded = ParseGraph(text, "/graphs/g.textproto", At(std::move(params)));
  EXPECT_TRUE(loaded.ok()) << loaded.status();
  return loaded.ok() ? *std::move(loaded) : LoadedGraph{};
}

std::string LoadError(const std::string& text, std::map<std::string, std::string> params = {}) {
  const auto loaded = ParseGraph(text, "g.textproto", At(std::move(params)));
  EXPECT_TRUE(absl::IsInvalidArgument(loaded.status())) << loaded.status();
  return std::string(loaded.status().message());
}

std::string ParamsOf(const StepSpec& step) {
  std::string text;
  for (const ParamSpec& param : step.params) {
    text += param.name + "=" + param.value;
    text += param.meaning == ParamSpec::Meaning::kResult ? "\n" : " (execution)\n";
  }
  return text;
}

TEST(LoadGraph, BuiltinWithEverySourceOfAnInput) {
  const LoadedGraph loaded = Load(R"(
    step {
      id: "all"
      builtin { function: "concat" param { name: "separator" value: "\n" } }
      input { name: "text" literal: "hello" }
      input { name: "file" file: "sub/../file.txt" }
      input {
        name: "tree"
        tree { root: ".." glob: "**/*.h" exclude: "out/**" text_only: true symlinks: REFUSE }
      }
      input { name: "page" url: "https://example.org/" }
      input { name: "other" step: "before" output: "o" }
      output { name: "out" }
    }
    step { id: "before" builtin { function: "f" } output { name: "o" } pure: true }
    result: "all.out")");
  const Graph& graph = loaded.graph;
  ASSERT_EQ(graph.size(), 2u);
  const StepSpec& step = graph.step(0);
  EXPECT_EQ(step.function, "concat");
  EXPECT_EQ(ParamsOf(step), "separator=\n\n");
  EXPECT_EQ(step.directory, "/graphs");
  EXPECT_EQ(step.place.ToString(), "/graphs/g.textproto:2:5");
  EXPECT_EQ(std::get<LiteralInput>(step.inputs[0].source).text, "hello");
  EXPECT_EQ(std::get<FileInput>(step.inputs[1].source).path, "/graphs/file.txt");
  const auto& tree = std::get<TreeInput>(step.inputs[2].source);
  EXPECT_EQ(tree.root, "/");
  EXPECT_THAT(tree.globs, ElementsAre("**/*.h"));
  EXPECT_THAT(tree.exclude, ElementsAre("out/**"));
  EXPECT_EQ(tree.files, TreeFiles::kTextOnly);
  EXPECT_EQ(tree.symlinks, TreeSymlinks::kRefuse);
  EXPECT_EQ(std::get<UrlInput>(step.inputs[3].source).url, "https://example.org/");
  EXPECT_EQ(graph.source(0, 4), (OutputIndex{1, 0}));
  EXPECT_EQ(graph.step(1).caching, Caching::kPure);
  EXPECT_EQ(graph.OutputName(graph.results()[0]), "all.out");
  EXPECT_EQ(loaded.file, "/graphs/g.textproto");
}

TEST(LoadGraph, ProcessBecomesParametersOfOneFunction) {
  const StepSpec step = Load(R"(
    step {
      id: "sort"
      process {
        argv: "sort" argv: "-o" argv: "${output.sorted}" argv: "${input.words}"
        env { name: "LC_ALL" value: "C" }
        dir: "data" stdin: "words" stdout: "log"
      }
      input { name: "words" literal: "b\na\n" }
      output { name: "sorted" } output { name: "log" }
    })")
                            .graph.step(0);
  EXPECT_EQ(step.function, kProcessFunction);
  EXPECT_EQ(ParamsOf(step),
            "argv=sort\nargv=-o\nargv=${output.sorted}\nargv=${input.words}\nenv=LC_ALL=C\n"
            "dir=data\nstdin=words\nstdout=log\n");
  EXPECT_EQ(step.directory, "/graphs/data");
}

TEST(LoadGraph, OnlyOutputOfAProcessIsItsStandardOutput) {
  EXPECT_EQ(
      ParamsOf(
          Load("step { id: 'p' process { argv: 'date' } output { name: 'now' } }").graph.step(0)),
      "argv=date\nstdout=now\n");
}

TEST(LoadGraph, WasmModuleIsAnInputAndGrantsAreParameters) {
  const std::string directory =
      std::filesystem::path(testing::TempDir() + "/x").lexically_normal().parent_path().string();
  const std::string module = directory + "/weft_load_test.wasm";
  std::ofstream(module) << "not looked at";
  const StepSpec step = Load(R"(
    param { name: "module" type: PATH default: "none" }
    step {
      id: "count"
      wasm {
        module: "${module}"
        param { name: "mode" value: "words" }
        grants { fs_root: "../src" fs_read: "**" http_fetch: "example.org" clock: true log: true
                 capability: "db" }
        limits { fuel: 7 memory_bytes: 65536 wall_ms: 100 }
      }
      input { name: "files" literal: "" }
      output { name: "counts" }
    })",
                             {{"module", module}})
                            .graph.step(0);
  EXPECT_EQ(step.function, kWasmFunction);
  EXPECT_EQ(ParamsOf(step),
            "mode=words\n@module=" + module +
                " (execution)\n@fs_read=**\n@http_fetch=example.org\n@clock=true\n@log=true\n"
                "@capability=db\n@fuel=7 (execution)\n@memory_bytes=65536 (execution)\n"
                "@wall_ms=100 (execution)\n");
  EXPECT_EQ(step.directory, "/src");
  ASSERT_EQ(step.inputs.size(), 2u);
  EXPECT_EQ(step.inputs[1].name, kWasmModule);
  EXPECT_EQ(std::get<FileInput>(step.inputs[1].source).path, module);
  std::filesystem::remove(module);
}

TEST(LoadGraph, RepeatMakesStepsInputsAndOutputs) {
  const Graph graph = Load(R"(
    param { name: "n" type: INT default: "3" }
    step { id: "split" builtin { function: "f" } output { name: "part-${i}" repeat: "${n}" } }
    step {
      id: "count-${i}" repeat: "${n}" builtin { function: "f" }
      input { name: "part" step: "split" output: "part-${i}" }
      output { name: "o" }
    }
    step {
      id: "merge" builtin { function: "f" }
      input { name: "in-${i}" repeat: "${n}" step: "count-${i}" output: "o" }
    })",
                           {{"n", "2"}})
                          .graph;
  ASSERT_EQ(graph.size(), 4u);
  EXPECT_THAT(graph.step(0).outputs, ElementsAre("part-0", "part-1"));
  EXPECT_EQ(graph.step(2).id, "count-1");
  EXPECT_EQ(graph.source(2, 0), (OutputIndex{0, 1}));
  EXPECT_THAT(graph.dependencies(3), ElementsAre(1u, 2u));
}

TEST(LoadGraph, PathsCountFromTheGraphAndFromTheUser) {
  const std::string text = R"(
    param { name: "root" type: PATH default: "here" help: "What to read." }
    step { id: "s" builtin { function: "f" } input { name: "t" tree { root: "${root}" } } })";
  const auto root = [&](const LoadedGraph& loaded) {
    return std::get<TreeInput>(loaded.graph.step(0).inputs[0].source).root;
  };
  EXPECT_EQ(root(Load(text)), "/graphs/here");
  EXPECT_EQ(root(Load(text, {{"root", "there"}})), "/where/the/user/stands/there");
  EXPECT_EQ(root(Load(text, {{"root", "/abs"}})), "/abs");
  EXPECT_EQ(Load(text).params[0].help, "What to read.");
  EXPECT_EQ(Load(text).params[0].value, "/graphs/here");
}

TEST(LoadGraph, ResultsOfTheUserComeAfterThoseOfTheFile) {
  const std::string text =
      "step { id: 's' builtin { function: 'f' } output { name: 'a' } output { name: 'b' } } "
      "result: 's.b'";
  LoadOptions options = At();
  options.results = {"s.a"};
  const auto loaded = ParseGraph(text, "g", options);
  ASSERT_TRUE(loaded.ok()) << loaded.status();
  EXPECT_THAT(loaded->graph.results(), ElementsAre(OutputIndex{0, 1}, OutputIndex{0, 0}));
  options.results = {"s.c"};
  EXPECT_THAT(std::string(ParseGraph(text, "g", options).status().message()),
              HasSubstr("result \"s.c\": step \"s\" has no output \"c\""));
}

TEST(LoadGraph, DollarBraceCanBeWritten) {
  const Graph graph = Load(
                          "step { id: 's' builtin { function: 'f' } "
                          "input { name: 'a' literal: '$${x} $x }' } }")
                          .graph;
  EXPECT_EQ(std::get<LiteralInput>(graph.step(0).inputs[0].source).text, "${x} $x }");
}

TEST(LoadGraphError, SyntaxErrorHasLineAndColumn) {
  EXPECT_EQ(LoadError("step {\n  id \"a\"\n}"),
            "g.textproto:2:6: Expected \":\", found \"\"a\"\".");
}

TEST(LoadGraphError, UnknownFieldHasLineAndColumn) {
  EXPECT_EQ(LoadError("step {\n  id: 'a'\n  inputs { name: 'x' }\n}"),
            "g.textproto:3:10: Message type \"weft.proto.Step\" has no field named \"inputs\".");
}

TEST(LoadGraphError, CycleAndUnknownStepCarryPlaces) {
  EXPECT_EQ(LoadError("step { id: 'a' builtin { function: 'f' } output { name: 'o' }\n"
                      "  input { name: 'i' step: 'a' output: 'o' } }"),
            "g.textproto:1:1: the steps form a cycle (each needs the next): a -> a; remove one of "
            "these inputs");
  EXPECT_EQ(LoadError("step { id: 'a' builtin { function: 'f' }\n"
                      "  input { name: 'i' step: 'b' output: 'o' } }"),
            "g.textproto:2:3: input \"i\" of step \"a\" reads an output of step \"b\", which does "
            "not exist");
}

TEST(LoadGraphError, StepWithoutKindAndInputWithoutSource) {
  EXPECT_EQ(LoadError("step { id: 'a'\n input { name: 'i' } }"),
            "g.textproto:2:2: input \"i\" has no source; add one of literal, file, tree, url and "
            "step\n"
            "g.textproto:1:1: step \"a\" says not what it does; add one of builtin, process and "
            "wasm");
}

TEST(LoadGraphError, MissingModuleIsNamed) {
  EXPECT_EQ(LoadError("step { id: 'a'\n  wasm { module: 'no/such.wasm' } }"),
            "g.textproto:2:10: module /where/the/user/stands/no/such.wasm does not exist or is no "
            "file; build it, or correct the path (it counts from the graph)");
  EXPECT_THAT(LoadError("step { id: 'a' wasm { } }"), HasSubstr("a wasm step needs module"));
}

TEST(LoadGraphError, WrongParametersOfTheGraph) {
  const std::string step = "step { id: 'a' builtin { function: 'f' } }";
  EXPECT_EQ(LoadError("param { name: 'n' type: INT default: '3' }" + step, {{"n", "x"}}),
            "g.textproto:1:1: parameter \"n\": expected a number, found \"x\"");
  EXPECT_EQ(LoadError("param { name: 'n' }" + step),
            "g.textproto:1:1: parameter \"n\" has no default; pass --param n=VALUE");
  EXPECT_EQ(LoadError("param { name: 'n' default: '' }" + step, {{"m", "x"}}),
            "g.textproto: --param m: the graph has no such parameter; it has: n");
  EXPECT_EQ(LoadError("param { name: 'n' default: '' } param { name: 'n' default: '' }" + step),
            "g.textproto:1:33: two parameters of the graph are named \"n\"");
  EXPECT_THAT(LoadError("param { name: 'i' default: '' }" + step),
              HasSubstr("a parameter of the graph cannot be named \"i\""));
}

TEST(LoadGraphError, UnknownNameInATextIsReportedWhereItStands) {
  EXPECT_EQ(LoadError("param { name: 'n' default: '' }\n"
                      "step { id: 'a' builtin { function: 'f' }\n"
                      "  input { name: 'x' literal: '${m}' } }"),
            "g.textproto:3:21: ${m} stands for nothing here; known are: n");
  EXPECT_THAT(LoadError("step { id: '${a' builtin { function: 'f' } }"),
              HasSubstr("g.textproto:1:8: \"${\" without its \"}\""));
}

TEST(LoadGraphError, WrongRepeat) {
  EXPECT_EQ(LoadError("step { id: 'a' repeat: '-1' builtin { function: 'f' } }"),
            "g.textproto:1:16: repeat: expected a number from 0 to 1000000, found \"-1\"");
}

TEST(LoadGraphError, WrongProcess) {
  EXPECT_EQ(LoadError("step { id: 'a' process { } }"),
            "g.textproto:1:16: a process needs at least one argv: the program to run");
  EXPECT_EQ(
      LoadError("step { id: 'a' process { argv: 'x${input.no}' stdin: 'in' stdout: 'out' } }"),
      "g.textproto:1:47: stdin: the step has no input \"in\"\n"
      "g.textproto:1:59: stdout: the step has no output \"out\"\n"
      "g.textproto:1:16: ${input.no}: the step has no input \"no\"");
  EXPECT_THAT(LoadError("step { id: 'a' process { argv: 'x' } output { name: 'o' } "
                        "output { name: 'p' } }"),
              HasSubstr("nothing writes output \"o\"; add stdout: \"o\" or an argv with "
                        "${output.o}"));
}

TEST(LoadGraphError, ContradictionsAndReservedNames) {
  EXPECT_THAT(LoadError("step { id: 'a' builtin { function: 'f' } pure: true uncacheable: true }"),
              HasSubstr("g.textproto:1:53: a step cannot be both pure and uncacheable"));
  EXPECT_THAT(LoadError("step { id: 'a' builtin { function: 'wasm' } }"),
              HasSubstr("\"wasm\" is no builtin; write wasm { ... }"));
  EXPECT_THAT(LoadError("step { id: 'a' builtin { function: 'f' } "
                        "input { name: '@x' literal: '' output: 'y' } }"),
              HasSubstr("names that begin with '@' are reserved"));
  EXPECT_THAT(LoadError("step { id: 'a' builtin { function: 'f' } "
                        "input { name: 'x' literal: '' output: 'y' } }"),
              HasSubstr("output: only an input with step"));
  EXPECT_THAT(LoadError(""), HasSubstr("g.textproto: the graph has no step"));
}

TEST(LoadGraph, FurtherResultsComeAfterThoseOfTheFile) {
  LoadOptions options = At();
  options.results = {"a.o"};
  const std::string text =
      "step { id: 'a' builtin { function: 'f' } output { name: 'o' } output { name: 'p' } } "
      "result: 'a.p'";
  const auto loaded = ParseGraph(text, "g.textproto", options);
  ASSERT_TRUE(loaded.ok()) << loaded.status();
  ASSERT_EQ(loaded->graph.results().size(), 2u);
  EXPECT_EQ(loaded->graph.OutputName(loaded->graph.results()[1]), "a.o");
  options.results = {"b.o"};
  EXPECT_THAT(ParseGraph(text, "g.textproto", options).status().message(),
              HasSubstr("--output b.o: "));
}

TEST(LoadGraphError, MissingFileIsNamedAsGivenAndInFull) {
  const auto loaded = LoadGraph("no.textproto", At());
  EXPECT_TRUE(absl::IsNotFound(loaded.status()));
  EXPECT_EQ(loaded.status().message(),
            "reading the graph no.textproto: expected a file, found none at "
            "/where/the/user/stands/no.textproto; correct the path");
  EXPECT_THAT(LoadGraph("/", At()).status().message(), HasSubstr("found a directory at /"));
}

}  // namespace
}  // namespace weft
