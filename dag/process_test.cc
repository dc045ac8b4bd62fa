// The contract of dag/process.h, on real programs.
#include "dag/process.h"

#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "dag/execute.h"
#include "dag/function.h"
#include "dag/graph.h"
#include "dag/load.h"
#include "dag/run_report.h"
#include "future/spawn.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "io/testing/test_loop.h"

namespace weft {
namespace {

using ::testing::HasSubstr;

class LogLines : public RunObserver {
 public:
  void OnStepLog(StepIndex, std::string_view line) override { lines += std::string(line) + "|"; }
  std::string lines;
};

class ProcessStepTest : public testing::Test {
 protected:
  ProcessStepTest() { registry_.Register(MakeProcessFunction(loop_.reactor())); }

  absl::Status Run(const std::string& text) {
    absl::StatusOr<LoadedGraph> loaded = ParseGraph(text, "/g.textproto");
    EXPECT_TRUE(loaded.ok()) << loaded.status();
    loaded_ = *std::move(loaded);
    run_ = std::make_unique<GraphRun>(loaded_.graph, registry_, ExecuteOptions{.observer = &log_});
    return loop_.BlockOn(run_->Run(loop_));
  }
  std::string Result(std::size_t i = 0) { return **run_->report().results[i]->Load(); }

  TestLoop loop_;
  FunctionRegistry registry_;
  LoadedGraph loaded_;
  LogLines log_;
  std::unique_ptr<GraphRun> run_;
};

TEST_F(ProcessStepTest, StandardInputBecomesStandardOutput) {
  EXPECT_TRUE(Run(R"(
    step {
      id: "sort"
      process { argv: "sort" env { name: "LC_ALL" value: "C" } stdin: "words" }
      input { name: "words" literal: "b\na\nB\n" }
      output { name: "sorted" }
    }
    result: "sort.sorted")")
                  .ok());
  EXPECT_EQ(Result(), "B\na\nb\n");
}

TEST_F(ProcessStepTest, InputsAndOutputsAreFilesThatArgumentsName) {
  EXPECT_TRUE(Run(R"(
    step {
      id: "cut"
      process {
        argv: "sh" argv: "-c" argv: "cat \"$0\" \"$SECOND\" > \"$1\"; echo said; echo log >&2"
        argv: "${input.first}" argv: "${output.both}"
        env { name: "SECOND" value: "${input.second}" }
        stdout: "said"
      }
      input { name: "first" literal: "1" }
      input { name: "second" literal: "2" }
      output { name: "both" } output { name: "said" }
    }
    result: "cut.both" result: "cut.said")")
                  .ok());
  EXPECT_EQ(Result(0), "12");
  EXPECT_EQ(Result(1), "said\n");
  EXPECT_EQ(log_.lines, "log|");
}

TEST_F(ProcessStepTest, EnvironmentIsPathAndWhatTheStepSays) {
  EXPECT_TRUE(Run(R"(
    step {
      id: "env" process { argv: "/usr/bin/env" env { name: "A" value: "$${x}" } }
      output { name: "o" }
    }
    result: "env.o")")
                  .ok());
  EXPECT_EQ(Result(), std::string("PATH=") + getenv("PATH") + "\nA=${x}\n");
}

TEST_F(ProcessStepTest, DirectoryIsThatOfTheStep) {
  EXPECT_TRUE(Run("step { id: 'p' process { argv: 'pwd' dir: 'usr' } output { name: 'o' } } "
                  "result: 'p.o'")
                  .ok());
  EXPECT_EQ(Result(), "/usr\n");
}

TEST_F(ProcessStepTest, FailureNamesProgramCodeAndLastWords) {
  EXPECT_EQ(Run("step { id: 'p' process { argv: 'sh' argv: '-c' argv: 'echo oh >&2; exit 3' } }")
                .message(),
            "step \"p\" (process): the program sh returned 3; its standard error ends with: oh");
  EXPECT_EQ(Run("step { id: 'p' process { argv: 'sh' argv: '-c' argv: 'kill -9 $$' } }").message(),
            "step \"p\" (process): the program sh was ended by signal 9 (Killed); it wrote nothing "
            "to its standard error");
}

TEST_F(ProcessStepTest, MissingProgramIsNamed) {
  const absl::Status status = Run("step { id: 'p' process { argv: 'no-such-program' } }");
  EXPECT_TRUE(absl::IsNotFound(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("no-such-program"));
}

TEST_F(ProcessStepTest, OutputThatIsNotWrittenIsNamed) {
  EXPECT_EQ(Run("step { id: 'p' process { argv: 'true' argv: '${output.o}' } "
                "output { name: 'o' } }")
                .message(),
            "step \"p\" (process): the program true ended well but did not write output \"o\" "
            "(${output.o})");
}

TEST_F(ProcessStepTest, Regression_OutputThatIsNoRegularFileIsRefusedWithoutWaiting) {
  for (const char* const maker : {"mkdir", "mkfifo"}) {
    const absl::Status status = Run("step { id: 'p' process { argv: '" + std::string(maker) +
                                    "' argv: '${output.o}' } output { name: 'o' } }");
    EXPECT_THAT(std::string(status.message()), HasSubstr("output \"o\"")) << status;
    EXPECT_THAT(std::string(status.message()), HasSubstr("is no regular file that can be read"));
  }
}

TEST_F(ProcessStepTest, CancelledStepLeavesNoDirectoryBehind) {
  const std::string temporary = testing::TempDir() + "/weft_process_step_test";
  std::filesystem::create_directories(temporary);
  setenv("TMPDIR", temporary.c_str(), 1);
  absl::StatusOr<LoadedGraph> loaded =
      ParseGraph("step { id: 'p' process { argv: 'sleep' argv: '1000' } }", "/g.textproto");
  ASSERT_TRUE(loaded.ok()) << loaded.status();
  GraphRun run(loaded->graph, registry_, {});
  JoinHandle<absl::Status> handle = Spawn(loop_, run.Run(loop_));
  loop_.RunReady();
  handle.Cancel();
  EXPECT_TRUE(absl::IsCancelled(loop_.BlockOn(std::move(handle))));
  EXPECT_TRUE(std::filesystem::is_empty(temporary));
  std::filesystem::remove_all(temporary);
}

TEST_F(ProcessStepTest, ProcessIsNotPure) {
  EXPECT_FALSE(registry_.Find(kProcessFunction)->IsPure({}));
}

}  // namespace
}  // namespace weft
