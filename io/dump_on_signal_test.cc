// Goal: each signal gives one dump, in the form and at the place that was asked for; a dump that
// cannot be written is reported and does not end the dumping; cancelling gives the signal back.
#include "io/dump_on_signal.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "future/poll_fn.h"
#include "future/spawn.h"
#include "future/task.h"
#include "future/task_dump_json.h"
#include "future/task_registry.h"
#include "gtest/gtest.h"
#include "io/blocking_file.h"
#include "io/testing/test_loop.h"

namespace weft {
namespace {

Task<> Wait() { co_await Never<>(); }

class DumpOnSignalTest : public testing::TestWithParam<TestLoop::Reactors> {
 protected:
  DumpOnSignalTest() { Spawn(loop_, Wait(), {.name = "the waiting one"}).Detach(); }

  // Dumps into dumps_ and errors into errors_, unless `options` say otherwise.
  JoinHandle<void> Start(DumpOnSignalOptions options = {}) {
    if (!options.write) {
      options.write = [this](std::string_view dump) {
        dumps_.emplace_back(dump);
        return absl::OkStatus();
      };
    }
    options.on_error = [this](const absl::Status& status) { errors_.push_back(status); };
    auto dumps = DumpTasksOnSignal(loop_, loop_.reactor(), std::move(options));
    EXPECT_TRUE(dumps.ok()) << dumps.status();
    return *std::move(dumps);
  }

  TestLoop loop_{GetParam(), TaskTracking::kOn};
  std::vector<std::string> dumps_;
  std::vector<absl::Status> errors_;
};

INSTANTIATE_TEST_SUITE_P(Reactors, DumpOnSignalTest,
                         testing::Values(TestLoop::Reactors::kSameThread,
                                         TestLoop::Reactors::kOtherThread));

TEST_P(DumpOnSignalTest, ASignalGivesADumpOfTheTasksThatLive) {
  Start().Detach();
  loop_.RunReady();
  kill(getpid(), SIGUSR1);
  loop_.RunUntil([&] { return !dumps_.empty(); });
  EXPECT_NE(dumps_[0].find("\"the waiting one\": waiting for "), std::string::npos) << dumps_[0];
  EXPECT_NE(dumps_[0].find("dump_on_signal_test.cc:"), std::string::npos) << dumps_[0];
  EXPECT_EQ(dumps_[0].back(), '\n');
}

TEST_P(DumpOnSignalTest, EachSignalGivesADumpAlsoOneThatCameBeforeTheTaskRan) {
  Start({.signal = SIGUSR2, .format = &ToJson}).Detach();
  raise(SIGUSR2);
  raise(SIGUSR2);
  loop_.RunUntil([&] { return dumps_.size() == 2; });
  loop_.RunReady();
  ASSERT_EQ(dumps_.size(), 2u);
  for (const std::string& dump : dumps_) {
    EXPECT_TRUE(dump.starts_with("{") && dump.ends_with("}\n")) << dump;
    EXPECT_NE(dump.find("\"name\":\"the waiting one\""), std::string::npos) << dump;
  }
}

TEST_P(DumpOnSignalTest, AWriteThatFailsOrThrowsIsReportedAndTheNextSignalIsWaitedFor) {
  int calls = 0;
  Start({.write = [&](std::string_view) -> absl::Status {
    if (++calls == 1) return absl::DataLossError("the disk is full");
    if (calls == 2) throw std::runtime_error("thrown by the writer");
    return absl::OkStatus();
  }}).Detach();
  for (int i = 0; i < 3; ++i) raise(SIGUSR1);
  loop_.RunUntil([&] { return calls == 3; });
  ASSERT_EQ(errors_.size(), 2u);
  EXPECT_EQ(errors_[0], absl::DataLossError("the disk is full"));
  EXPECT_EQ(errors_[1], absl::InternalError("writing a dump of tasks ended by an exception: "
                                            "thrown by the writer"));
}

TEST_P(DumpOnSignalTest, DescriptorsAndFilesTakeWholeDumps) {
  int pipe[2];
  ASSERT_EQ(pipe2(pipe, O_NONBLOCK | O_CLOEXEC), 0);
  const std::string path = testing::TempDir() + "/dump.txt";
  int dumps = 0;
  Start({.write = [&, to_pipe = DumpToDescriptor(pipe[1]),
                   to_file = DumpToFile(path)](std::string_view dump) {
    ++dumps;
    const absl::Status status = to_pipe(dump);
    return status.ok() ? to_file(dump) : status;
  }}).Detach();
  raise(SIGUSR1);
  loop_.RunUntil([&] { return dumps == 1; });
  EXPECT_TRUE(errors_.empty()) << errors_[0];
  std::string piped(64 * 1024, '\0');
  piped.resize(static_cast<std::size_t>(read(pipe[0], piped.data(), piped.size())));
  EXPECT_NE(piped.find("the waiting one"), std::string::npos);
  EXPECT_EQ(ReadFileBlocking(path).value(), piped);
  unlink(path.c_str());
  close(pipe[0]);
  close(pipe[1]);
}

TEST_P(DumpOnSignalTest, ADescriptorThatIsNotOpenIsNamed) {
  const absl::Status status = DumpToDescriptor(-1)("text");
  EXPECT_EQ(status.message(),
            "writing a dump of tasks to descriptor -1 failed with 4 bytes left: Bad file "
            "descriptor");
}

TEST_P(DumpOnSignalTest, CancellingEndsItAndGivesTheSignalBack) {
  signal(SIGUSR1, SIG_IGN);
  for (const bool has_begun : {false, true}) {
    JoinHandle<void> task = Start();
    if (has_begun) loop_.RunReady();
    task.Cancel();
    EXPECT_TRUE(absl::IsCancelled(loop_.Join(task)));
    raise(SIGUSR1);  // Ignored again.
    loop_.RunReady();
    EXPECT_TRUE(dumps_.empty());
  }
  signal(SIGUSR1, SIG_DFL);
}

TEST_P(DumpOnSignalTest, AnswersWhyTheSignalCannotBeTaken) {
  EXPECT_EQ(DumpTasksOnSignal(loop_, loop_.reactor(), {.signal = SIGKILL}).status().code(),
            absl::StatusCode::kInvalidArgument);
}

TEST(DumpOnSignalDeathTest, AnExecutorThatDoesNotListItsTasksSaysSo) {
  TestLoop loop;
  EXPECT_DEATH((void)DumpTasksOnSignal(loop, loop.reactor()), "make the runtime with track_tasks");
}

}  // namespace
}  // namespace weft
