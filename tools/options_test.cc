// Goal: every word of the command line is understood or refused with a message that says where and
// what to do. Method: parse lists of words; nothing runs.
#include "tools/options.h"

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "dag/execute.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace weft::tools {
namespace {

using ::testing::HasSubstr;
using Words = std::vector<std::string>;

Options Parse(const Words& words) {
  absl::StatusOr<Options> options = ParseOptions(words);
  EXPECT_TRUE(options.ok()) << options.status();
  return options.ok() ? *options : Options();
}

std::string Error(const Words& words) {
  return std::string(ParseOptions(words).status().message());
}

TEST(Options, RunTakesItsFlagsInBothSpellingsAndAnyPlace) {
  const Options options =
      Parse({"run", "--param", "a=1", "g.textproto", "--param=b==", "--workers=3",
             "--max-concurrency", "7", "--on-error=continue", "--output", "s/1.x=out=1.txt",
             "--store=/st", "--json", "--trace", "t.json", "--no-progress"});
  EXPECT_EQ(options.command, Command::kRun);
  EXPECT_EQ(options.graph, "g.textproto");
  EXPECT_EQ(options.params.at("a"), "1");
  EXPECT_EQ(options.params.at("b"), "=");
  EXPECT_EQ(options.workers, 3);
  EXPECT_EQ(options.max_concurrency, 7);
  EXPECT_EQ(options.on_error, OnError::kContinue);
  ASSERT_EQ(options.outputs.size(), 1u);
  EXPECT_EQ(options.outputs[0].reference, "s/1.x");
  EXPECT_EQ(options.outputs[0].path, "out=1.txt");
  EXPECT_EQ(options.store, "/st");
  EXPECT_TRUE(options.json);
  EXPECT_EQ(options.trace, "t.json");
  EXPECT_FALSE(options.progress);
}

TEST(Options, DefaultsAreThoseOfTheHelp) {
  const Options options = Parse({"run", "g"});
  EXPECT_EQ(options.workers, 0);
  EXPECT_EQ(options.max_concurrency, 0);
  EXPECT_EQ(options.on_error, OnError::kFailFast);
  EXPECT_TRUE(options.progress);
}

TEST(Options, OtherCommandsTakeTheirWords) {
  EXPECT_EQ(Parse({"check", "g"}).command, Command::kCheck);
  EXPECT_TRUE(Parse({"graph", "g", "--dot"}).dot);
  EXPECT_EQ(Parse({"explain", "merge"}).step, "merge");
  EXPECT_EQ(Parse({"explain", "g", "merge"}).graph, "g");
  EXPECT_EQ(Parse({"cache", "stats"}).command, Command::kCacheStats);
  EXPECT_EQ(Parse({"cache", "clear", "--store=d"}).command, Command::kCacheClear);
  EXPECT_EQ(Parse({"functions"}).command, Command::kFunctions);
  EXPECT_EQ(Parse({"--version"}).command, Command::kVersion);
  EXPECT_EQ(Parse({"--help"}).command, Command::kHelp);
  EXPECT_EQ(Parse({"run", "--help"}).help_topic, "run");
  EXPECT_EQ(Parse({"run", "g", "-h"}).help_topic, "run");
  EXPECT_EQ(Parse({"help", "cache"}).help_topic, "cache");
  EXPECT_EQ(Parse({"run", "--", "--odd-name"}).graph, "--odd-name");
  EXPECT_EQ(Parse({"explain", "run", "check"}).step, "check") << "names of commands are words here";
}

TEST(OptionsError, UnknownCommandsAndFlagsSuggestTheNearest) {
  EXPECT_EQ(Error({}), "weft: expected a command, found nothing (weft help)");
  EXPECT_EQ(Error({"rum", "g"}),
            "weft: unknown command \"rum\"; did you mean weft run? (weft help)");
  EXPECT_EQ(
      Error({"g.textproto"}),
      "weft: unknown command \"g.textproto\"; did you mean weft run g.textproto? (weft help)");
  EXPECT_EQ(Error({"run", "g", "--worker=2"}),
            "weft run: unknown flag --worker; did you mean --workers? (weft help run)");
  EXPECT_EQ(Error({"run", "g", "--zzz"}), "weft run: unknown flag --zzz (weft help run)");
  EXPECT_EQ(Error({"check", "g", "--workers=2"}),
            "weft check: this command does not take the flag --workers (weft help check)");
  for (const char* first : {"--json", "--zzz=", "--", "++", ""}) {
    EXPECT_EQ(Error({first, "run", "g"}),
              std::string("weft: unknown command \"") + first + "\" (weft help)");
  }
  EXPECT_EQ(Error({"run", "-j4", "g"}), "weft run: unknown flag -j4 (weft help run)");
}

TEST(OptionsError, WrongValuesSayWhatIsExpected) {
  EXPECT_EQ(Error({"run", "g", "--workers=zero"}),
            "weft run: --workers: expected a number from 1 to 1024, found \"zero\"; write e.g. "
            "--workers=4");
  for (const char* bad : {"0", "-1", "1025", "4x", "", "99999999999999999999"}) {
    EXPECT_THAT(Error({"run", "g", std::string("--workers=") + bad}), HasSubstr("from 1 to 1024"));
  }
  EXPECT_EQ(Error({"run", "g", "--on-error=retry"}),
            "weft run: --on-error: expected fail-fast or continue, found \"retry\"; write e.g. "
            "--on-error=continue");
  EXPECT_EQ(Error({"run", "g", "--param", "root"}),
            "weft run: --param: expected NAME=VALUE, found \"root\"; write e.g. --param root=src");
  EXPECT_THAT(Error({"run", "g", "--param=a=1", "--param=a=2"}), HasSubstr("\"a\" again"));
  for (const char* bad : {"x", "a.b", "a.b=", ".b=f", "a.=f", "ab=f.txt"}) {
    EXPECT_THAT(Error({"run", "g", "--output", bad}), HasSubstr("expected STEP.NAME=FILE"));
  }
  EXPECT_EQ(Error({"run", "g", "--json=yes"}),
            "weft run: --json: expected no value, found \"yes\"; write --json alone");
  EXPECT_EQ(Error({"run", "g", "--trace"}),
            "weft run: --trace: expected a value, found nothing; write --trace=FILE");
  EXPECT_THAT(Error({"run", "--store=", "g"}), HasSubstr("--store: expected a path, found \"\""));
}

TEST(OptionsError, MissingAndSurplusWordsShowTheUsage) {
  EXPECT_EQ(Error({"run"}),
            "weft run: expected the file of a graph, found nothing; usage: weft run GRAPH [flags]");
  EXPECT_THAT(Error({"run", "a", "b"}), HasSubstr("unexpected word \"b\"; usage: weft run GRAPH"));
  EXPECT_THAT(Error({"run", "a", "--", "b"}), HasSubstr("unexpected word \"b\"; usage: weft run"));
  EXPECT_THAT(Error({"explain"}), HasSubstr("expected the id of a step"));
  EXPECT_THAT(Error({"cache"}), HasSubstr("expected stats or clear, found nothing"));
  EXPECT_THAT(Error({"cache", "purge"}), HasSubstr("expected stats or clear, found \"purge\""));
  EXPECT_THAT(Error({"help", "rum"}), HasSubstr("unknown command \"rum\""));
}

TEST(Help, NamesEveryCommandAndEveryFlagOfACommand) {
  const std::string all = HelpText("");
  for (const char* command : {"run", "check", "graph", "explain", "cache", "functions"}) {
    EXPECT_THAT(all, HasSubstr(std::string("weft ") + command));
  }
  EXPECT_THAT(all, HasSubstr("Exit codes: 0"));
  const std::string run = HelpText("run");
  for (const char* flag :
       {"--param NAME=VALUE", "--workers N", "--max-concurrency N", "--on-error",
        "--output STEP.NAME=FILE", "--store DIR", "--json", "--trace FILE", "--no-progress"}) {
    EXPECT_THAT(run, HasSubstr(flag));
  }
  EXPECT_THAT(HelpText("check"), Not(HasSubstr("--workers")));
}

TEST(Nearest, FindsWhatIsCloseAndNothingElse) {
  EXPECT_EQ(Nearest("expalin", {"run", "explain"}), "explain");
  EXPECT_EQ(Nearest("count/11", {"count/1", "split"}), "count/1");
  EXPECT_EQ(Nearest("x", {"run", "check"}), "");
}

}  // namespace
}  // namespace weft::tools
