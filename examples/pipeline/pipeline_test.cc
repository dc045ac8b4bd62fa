// Question: does the program say the truth about a tree, and end when it should end early?
#include "examples/pipeline/pipeline.h"

#include <filesystem>
#include <fstream>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "future/spawn.h"
#include "gtest/gtest.h"
#include "runtime/runtime.h"

namespace weft_examples {
namespace {

class PipelineTest : public testing::Test {
 protected:
  void SetUp() override {
    options_.root =
        testing::TempDir() + "/" + testing::UnitTest::GetInstance()->current_test_info()->name();
    std::filesystem::create_directories(options_.root + "/deep/deeper");
    for (int i = 0; i < 40; ++i) {
      const std::string folder = i % 2 == 0 ? "/" : "/deep/deeper/";
      std::ofstream(options_.root + folder + std::to_string(i)) << "one\ntwo\n";
    }
  }

  PipelineOptions options_;
  weft::Runtime runtime_;
};

void ExpectWholeTree(const absl::StatusOr<PipelineSummary>& summary) {
  ASSERT_TRUE(summary.ok()) << summary.status();
  EXPECT_EQ(summary->files, 40u);
  EXPECT_EQ(summary->bytes, 40u * 8);
  EXPECT_EQ(summary->lines, 40u * 2);
}

TEST_F(PipelineTest, SumsUpAllFiles) {
  const absl::StatusOr<PipelineSummary> summary = runtime_.BlockOn(Summarize(options_));
  ExpectWholeTree(summary);
  EXPECT_EQ(summary->unreadable, 0u);
}

TEST_F(PipelineTest, OneFileAtATimeThroughChannelsOfOneIsEnough) {
  options_.files_in_flight = 1;
  options_.channel_capacity = 1;
  ExpectWholeTree(runtime_.BlockOn(Summarize(options_)));
}

TEST_F(PipelineTest, UnreadableFilesAreCountedAndEndNothing) {
  std::filesystem::create_symlink("nowhere", options_.root + "/dangling");
  const absl::StatusOr<PipelineSummary> summary = runtime_.BlockOn(Summarize(options_));
  ExpectWholeTree(summary);
  EXPECT_EQ(summary->unreadable, 1u);
}

TEST_F(PipelineTest, RootThatCannotBeListedIsTheResult) {
  options_.root += "/absent";
  const absl::Status status = runtime_.BlockOn(Summarize(options_)).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_NE(std::string(status.message()).find("/absent"), std::string::npos) << status;
}

TEST_F(PipelineTest, DeadlineEndsAllStages) {
  options_.timeout = -absl::Seconds(1);
  const absl::Status status = runtime_.BlockOn(Summarize(options_)).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kDeadlineExceeded) << status;
}

TEST_F(PipelineTest, CancellationEndsAllStages) {
  weft::JoinHandle<absl::StatusOr<PipelineSummary>> summary =
      weft::Spawn(runtime_, Summarize(options_));
  summary.Cancel();
  const absl::StatusOr<PipelineSummary> result = runtime_.BlockOn(std::move(summary));
  if (!result.ok()) EXPECT_EQ(result.status().code(), absl::StatusCode::kCancelled);
  runtime_.Shutdown(weft::ShutdownMode::kDrain);
  EXPECT_EQ(runtime_.Stats().live_tasks, 0u);
}

}  // namespace
}  // namespace weft_examples
