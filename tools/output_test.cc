// Goal: what the program prints is well-formed whatever steps contain. Method: values made by hand,
// pipes and temporary files; no graph runs.
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "base/instant.h"
#include "dag/blob.h"
#include "dag/graph.h"
#include "dag/run_report.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tools/console.h"
#include "tools/json.h"
#include "tools/paths.h"
#include "tools/progress.h"
#include "tools/report.h"

namespace weft::tools {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

std::string ReadFile(const std::string& path) {
  std::stringstream bytes;
  bytes << std::ifstream(path).rdbuf();
  return bytes.str();
}

TEST(Json, EscapesAndReplacesWhatIsNoUtf8AndKeepsTheOrder) {
  const Json json = {{"b\"", "\\ \n \x01 \xc3\xa9 \xff \xed\xa0\x80"}, {"a", Json::array()}};
  EXPECT_EQ(FormatCompact(json),
            "{\"b\\\"\":\"\\\\ \\n \\u0001 \xc3\xa9 \xef\xbf\xbd "
            "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\",\"a\":[]}\n");
  EXPECT_EQ(FormatDocument({{"b", 1}, {"a", 0.25}}), "{\n  \"b\": 1,\n  \"a\": 0.25\n}\n");
}

TEST(Utf8, OverlongFormsSurrogatesAndStraysAreRefused) {
  EXPECT_TRUE(IsUtf8("plain \xc3\xa9 \xe2\x82\xac \xf0\x9f\xa7\xb5"));
  for (const char* bad : {"\x80", "\xc0\xaf", "\xe0\x80\xaf", "\xed\xa0\x80", "\xf4\x90\x80\x80",
                          "\xf5\x80\x80\x80", "\xe2\x82"}) {
    EXPECT_FALSE(IsUtf8(bad));
  }
}

TEST(FitToWidth, CutsByCodePointsAndSaysSo) {
  EXPECT_EQ(FitToWidth("short", 10), "short");
  EXPECT_EQ(FitToWidth("exactly 10", 10), "exactly 10");
  EXPECT_EQ(FitToWidth("\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9", 5),
            "\xc3\xa9\xc3\xa9...");
  EXPECT_EQ(FitToWidth("abcdef", 2), "..");
  EXPECT_EQ(FitToWidth("abc", 0), "");
}

TEST(Printable, ControlCharactersCannotSteerATerminal) {
  EXPECT_EQ(Printable("a\x1b[2J\tb\nc\r"), "a\\x1b[2J\tb\nc\\x0d");
}

TEST(FormatProgress, CountsElapsedAndTheLatestStep) {
  EXPECT_EQ(FormatProgress({40, 7, 3, 2, 1}, absl::Milliseconds(1234), "merge", 200),
            "7/40 done, 3 running, 2 cached, 1 failed, 1.2 s  merge");
  EXPECT_EQ(FormatProgress({40, 7, 3, 2, 1}, absl::ZeroDuration(), "merge", 15), "7/40 done, 3...");
}

TEST(Console, WritesLinesInOrderAndAllOfThem) {
  int pipe_fds[2];
  ASSERT_EQ(pipe(pipe_fds), 0);
  {
    Console console(pipe_fds[1], nullptr);
    console.Print("one");
    console.Print("two\x1b");
    console.Finish();
    console.Finish();
  }
  close(pipe_fds[1]);
  char buffer[64];
  const ssize_t size = read(pipe_fds[0], buffer, sizeof(buffer));
  EXPECT_EQ(std::string(buffer, static_cast<size_t>(size)), "one\ntwo\\x1b\n");
  close(pipe_fds[0]);
}

TEST(Paths, CountFromTheUserUnderBazelRunToo) {
  setenv("BUILD_WORKING_DIRECTORY", "/where/the/user/stands", 1);
  EXPECT_EQ(ResolvePath(UserDirectory(), "a/../b"), "/where/the/user/stands/b");
  EXPECT_EQ(ResolvePath(UserDirectory(), "/abs"), "/abs");
  unsetenv("BUILD_WORKING_DIRECTORY");
  EXPECT_NE(UserDirectory(), "/where/the/user/stands");
}

TEST(Paths, DefaultStoreFollowsTheEnvironment) {
  setenv("XDG_CACHE_HOME", "/cache", 1);
  EXPECT_EQ(*DefaultStore(), "/cache/weft/store");
  unsetenv("XDG_CACHE_HOME");
  setenv("HOME", "/there", 1);
  EXPECT_EQ(*DefaultStore(), "/there/.cache/weft/store");
  setenv("HOME", "", 1);
  EXPECT_THAT(DefaultStore().status().message(), HasSubstr("give --store=DIR"));
}

TEST(WriteFileAtomically, ReplacesTheFileAndLeavesNothingElse) {
  const std::string path = testing::TempDir() + "/weft_output_test.txt";
  ASSERT_TRUE(WriteFileAtomically(path, "old").ok());
  ASSERT_TRUE(WriteFileAtomically(path, "new").ok());
  EXPECT_EQ(ReadFile(path), "new");
  struct stat info;
  ASSERT_EQ(stat(path.c_str(), &info), 0);
  EXPECT_NE(info.st_mode & 0400, 0u);
  unlink(path.c_str());
  EXPECT_THAT(WriteFileAtomically("/no/such/folder/f", "").ToString(),
              HasSubstr("writing /no/such/folder/f"));
  EXPECT_TRUE(WriteFileAtomically("/dev/null", "x").ok());
  ASSERT_EQ(stat("/dev/null", &info), 0);
  EXPECT_TRUE(S_ISCHR(info.st_mode));
}

// a -> b, a executed, b failed; a.o is a result of the graph.
class ReportTest : public testing::Test {
 protected:
  ReportTest() {
    StepSpec a;
    a.id = "a";
    a.function = "f";
    a.outputs = {"o"};
    StepSpec b;
    b.id = "b";
    b.function = "g";
    b.outputs = {"o"};
    b.inputs = {{"in", OutputRef{"a", "o"}, {}}};
    GraphBuilder builder;
    builder.AddStep(a).AddStep(b).AddResult("a.o").AddResult("b.o");
    graph_ = *std::move(builder).Build();
    report_.steps.resize(2);
    const Blob blob("text\xff");
    report_.steps[0].outcome = StepOutcome::kExecuted;
    report_.steps[0].reason = RunReason::kFirstRun;
    report_.steps[0].explanation = "it never ran";
    report_.steps[0].outputs = {blob.digest()};
    report_.steps[1].outcome = StepOutcome::kFailed;
    report_.steps[1].status = absl::UnknownError("step \"b\" (g): no");
    report_.results = {blob, std::nullopt};
    report_.Count();
    const Instant start = Instant::FromNanos(1000);
    times_ = {{start + absl::Microseconds(1), start + absl::Microseconds(5)},
              {start + absl::Microseconds(5), start + absl::Microseconds(6)}};
  }

  FinishedRun Run() const {
    return {graph_,
            report_,
            times_,
            2,
            "/g.textproto",
            Instant::FromNanos(1000),
            absl::Milliseconds(250),
            ExitCode::kStepFailed};
  }

  Graph graph_;
  RunReport report_;
  std::vector<StepTimes> times_;
};

TEST_F(ReportTest, SummaryCountsEachStepOnce) {
  EXPECT_EQ(FormatSummary(report_, absl::Milliseconds(250)),
            "executed 1 step, 0 cached, 1 failed in 0.25 s");
}

TEST_F(ReportTest, JsonHasStatusReasonErrorAndDigestOfEachStep) {
  const std::string json = FormatJson(Run());
  for (const char* part :
       {"\"schema\": \"weft.run/1\"", "\"status\": \"failed\"", "\"exit_code\": 1",
        "\"reason\": \"first-run\"", "\"why\": \"it never ran\"", "\"duration_s\": 0.0",
        "\"message\": \"step \\\"b\\\" (g): no\"", "\"name\": \"a.o\"",
        "\"base64\": \"dGV4dP8=\""}) {
    EXPECT_THAT(json, HasSubstr(part));
  }
  EXPECT_THAT(json, HasSubstr("/5\""));
}

TEST_F(ReportTest, ResultsAreTheBytesOfThoseThatSucceeded) {
  EXPECT_EQ(*FormatResults(Run()), "text\xff");
}

TEST_F(ReportTest, TraceHasASlicePerStepAndAnArrowPerEdge) {
  const std::string trace = FormatTrace(Run());
  EXPECT_THAT(trace, HasSubstr("\"ph\":\"X\",\"pid\":1,\"tid\":1,\"ts\":1.0,\"dur\":4.0,"
                               "\"name\":\"a\",\"cat\":\"f\""));
  EXPECT_THAT(trace, HasSubstr("\"ph\":\"s\",\"id\":1"));
  EXPECT_THAT(trace, HasSubstr("\"ph\":\"f\",\"id\":1,\"bp\":\"e\""));
  EXPECT_THAT(trace, Not(HasSubstr("\"tid\":2"))) << "b begins when a has ended: one track";
}

TEST(FormatJsonError, SaysThatTheInputIsInvalid) {
  const std::string json = FormatJsonError("g", absl::InvalidArgumentError("g:1:2: no"));
  EXPECT_THAT(json, HasSubstr("\"status\": \"invalid\""));
  EXPECT_THAT(json, HasSubstr("\"exit_code\": 2"));
  EXPECT_THAT(json, HasSubstr("\"message\": \"g:1:2: no\""));
}

}  // namespace
}  // namespace weft::tools
