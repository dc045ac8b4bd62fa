// The contract of RunProcess, on real processes. No test waits for time to pass: they wait for what
// a process writes, or for its end.
#include "io/process.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "future/spawn.h"
#include "gtest/gtest.h"
#include "io/testing/refusing_reactor.h"
#include "io/testing/test_loop.h"
#include "reactor/operation.h"

namespace weft {
namespace {

using Result = absl::StatusOr<ProcessResult>;

ProcessOptions Shell(const std::string& script) {
  ProcessOptions options;
  options.argv = {"/bin/sh", "-c", script};
  return options;
}

int OpenDescriptors() {
  DIR* const directory = opendir("/proc/self/fd");
  int count = 0;
  while (readdir(directory) != nullptr) ++count;
  closedir(directory);
  return count;
}

// Ends when there is no such process. (A killed one may take a moment to go.)
void WaitUntilGone(pid_t pid) {
  while (kill(pid, 0) == 0) std::this_thread::yield();
  EXPECT_EQ(errno, ESRCH);
}

class ProcessTest : public testing::TestWithParam<TestLoop::Reactors> {
 protected:
  ProcessTest() : loop_(GetParam()) {}
  ~ProcessTest() override {
    EXPECT_EQ(waitpid(-1, nullptr, WNOHANG), -1) << "a child was not reaped";
    EXPECT_EQ(errno, ECHILD);
  }

  Result Run(ProcessOptions options) {
    return loop_.BlockOn(RunProcess(loop_.reactor(), std::move(options)));
  }

  // Starts a script that writes a line to `$FIFO` once it is as the test wants it; gives the line.
  JoinHandle<Result> StartAndReadLine(const std::string& script, absl::Duration grace,
                                      std::string* line) {
    const std::string fifo = testing::TempDir() + "/process_test_fifo";
    unlink(fifo.c_str());
    EXPECT_EQ(mkfifo(fifo.c_str(), 0600), 0);
    ProcessOptions options = Shell(script);
    options.environment = {{"FIFO=" + fifo, "PATH=/usr/bin:/bin"}};
    options.kill_grace = grace;
    JoinHandle<Result> handle = Spawn(loop_, RunProcess(loop_.reactor(), std::move(options)));
    loop_.RunReady();
    const int fd = open(fifo.c_str(), O_RDONLY | O_CLOEXEC);
    char byte = 0;
    while (read(fd, &byte, 1) == 1 && byte != '\n') line->push_back(byte);
    close(fd);
    return handle;
  }

  TestLoop loop_;
};

INSTANTIATE_TEST_SUITE_P(Reactors, ProcessTest,
                         testing::Values(TestLoop::Reactors::kSameThread,
                                         TestLoop::Reactors::kOtherThread));

TEST_P(ProcessTest, OutputAndExitCodeAreCollected) {
  const Result result = Run(Shell("echo out; echo err >&2; exit 7"));
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->stdout_bytes, "out\n");
  EXPECT_EQ(result->stderr_bytes, "err\n");
  EXPECT_EQ(result->exit_code, 7);
  EXPECT_EQ(result->signal, 0);
  EXPECT_FALSE(result->ok());
}

TEST_P(ProcessTest, ASignalThatEndsTheProgramIsReported) {
  const Result result = Run(Shell("kill -USR1 $$"));
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->exit_code, -1);
  EXPECT_EQ(result->signal, SIGUSR1);
}

TEST_P(ProcessTest, ALongInputAndALongOutputDoNotBlockEachOther) {
  ProcessOptions options;
  options.argv = {"cat"};
  for (int i = 0; i < 200'000; ++i) options.stdin_bytes += std::to_string(i) + "\n";
  const std::string sent = options.stdin_bytes;
  const Result result = Run(std::move(options));
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_TRUE(result->stdout_bytes == sent);
}

TEST_P(ProcessTest, AProgramThatDoesNotReadItsInputIsNoError) {
  ProcessOptions options = Shell("exit 0");
  options.stdin_bytes.assign(1 << 20, 'x');
  EXPECT_TRUE(Run(std::move(options))->ok());
  EXPECT_EQ(Run(Shell("cat"))->stdout_bytes, "") << "without input there is an end of file";
}

TEST_P(ProcessTest, EnvironmentAndDirectoryAreThoseAskedFor) {
  ProcessOptions options = Shell("echo $NAME $HOME; pwd");
  options.environment = {{"NAME=value"}};
  options.directory = "/usr";
  const Result result = Run(std::move(options));
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->stdout_bytes, "value\n/usr\n");
  setenv("PROCESS_TEST", "inherited", 1);
  EXPECT_EQ(Run(Shell("echo $PROCESS_TEST"))->stdout_bytes, "inherited\n");
}

TEST_P(ProcessTest, TheProgramSeesNoDescriptorOfThisProcess) {
  const int leaky = open("/dev/null", O_RDONLY);  // NOT close-on-exec, as careless code does it.
  ProcessOptions options;
  options.argv = {"ls", "/proc/self/fd"};
  EXPECT_EQ(Run(std::move(options))->stdout_bytes, "0\n1\n2\n3\n") << "3 is the directory itself";
  close(leaky);
}

TEST_P(ProcessTest, TheProgramStartsWithDefaultSignals) {
  signal(SIGPIPE, SIG_IGN);
  sigset_t set;
  sigset_t before;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &set, &before);
  const Result result = Run(Shell("grep -E 'Sig(Blk|Ign)' /proc/self/status"));
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  signal(SIGPIPE, SIG_DFL);
  // The C library's own two signals, 32 and 33, stay ignored in a child of posix_spawn.
  EXPECT_EQ(result->stdout_bytes, "SigBlk:\t0000000000000000\nSigIgn:\t0000000180000000\n");
}

TEST_P(ProcessTest, NoDescriptorIsLeaked) {
  EXPECT_TRUE(Run(Shell("true")).ok());
  const int before = OpenDescriptors();
  for (int i = 0; i < 5; ++i) {
    EXPECT_TRUE(Run(Shell("echo x")).ok());
    ProcessOptions missing;
    missing.argv = {"/no/such/program"};
    EXPECT_FALSE(Run(std::move(missing)).ok());
  }
  EXPECT_EQ(OpenDescriptors(), before);
}

TEST_P(ProcessTest, AStartThatFailsSaysWhyAndWhatToDo) {
  const auto error = [&](std::vector<std::string> argv, const std::string& directory = "") {
    ProcessOptions options;
    options.argv = std::move(argv);
    options.directory = directory;
    return Run(std::move(options)).status();
  };
  EXPECT_EQ(error({}), absl::InvalidArgumentError(
                           "starting a process: expected argv with a program, found none"));
  const char* const path = getenv("PATH");
  EXPECT_EQ(error({"no-such-program"}),
            absl::NotFoundError("starting \"no-such-program\": no such program in PATH (" +
                                std::string(path == nullptr ? "not set" : path) +
                                "); install it or give its full path"));
  EXPECT_EQ(error({"/no/such"}),
            absl::NotFoundError("starting \"/no/such\": no such file, or the interpreter that it "
                                "names is missing"));
  EXPECT_EQ(error({"/etc/passwd"}),
            absl::PermissionDeniedError(
                "starting \"/etc/passwd\": not executable; set its permissions (chmod +x)"));
  EXPECT_EQ(error({"true"}, "/no/such"),
            absl::NotFoundError("starting \"true\": the directory \"/no/such\" does not exist; "
                                "create it or name another one"));
  EXPECT_EQ(error({"true", std::string("a\0b", 3)}).code(), absl::StatusCode::kInvalidArgument);
  ProcessOptions options = Shell("true");
  options.environment = {{"NOVALUE"}};
  EXPECT_EQ(Run(std::move(options)).status(),
            absl::InvalidArgumentError("starting \"/bin/sh\": expected NAME=value in the "
                                       "environment, found \"NOVALUE\""));
}

TEST_P(ProcessTest, OutputBeyondTheLimitKillsTheProgram) {
  ProcessOptions options;
  options.argv = {"yes"};
  options.max_stdout_bytes = 100'000;
  const Result result = Run(std::move(options));
  EXPECT_EQ(result.status(),
            absl::ResourceExhaustedError("running \"yes\": expected at most 100000 bytes on "
                                         "stdout, found more; raise the limit or write to a file"));
}

TEST_P(ProcessTest, OutputOfExactlyTheLimitIsFine) {
  ProcessOptions options = Shell("printf 12345; printf 123 >&2");
  options.max_stdout_bytes = 5;
  options.max_stderr_bytes = 3;
  EXPECT_EQ(Run(std::move(options))->stdout_bytes, "12345");
}

TEST_P(ProcessTest, BackgroundJobsOfTheProgramDoNotOutliveIt) {
  const Result result = Run(Shell("sleep 1000 & echo $!"));
  ASSERT_TRUE(result.ok()) << result.status();
  WaitUntilGone(std::atoi(result->stdout_bytes.c_str()));
}

TEST_P(ProcessTest, AProcessThatLeftTheGroupAndHoldsThePipesIsNotWaitedFor) {
  const Result result = Run(Shell("setsid sleep 1000 & echo $!"));
  ASSERT_TRUE(result.ok()) << result.status();
  kill(std::atoi(result->stdout_bytes.c_str()), SIGKILL);
}

TEST_P(ProcessTest, CancelTerminatesAndReapsTheWholeGroup) {
  std::string line;
  JoinHandle<Result> handle =
      StartAndReadLine("sleep 1000 & echo $$ $! > $FIFO; wait", absl::Hours(1), &line);
  handle.Cancel();
  EXPECT_TRUE(absl::IsCancelled(loop_.Join(handle).status()));
  WaitUntilGone(std::atoi(line.c_str()));
  WaitUntilGone(std::atoi(line.substr(line.find(' ')).c_str()));
}

TEST_P(ProcessTest, CancelKillsAGroupThatIgnoresSigtermAfterTheGrace) {
  std::string line;
  JoinHandle<Result> handle = StartAndReadLine(
      "trap '' TERM; sleep 1000 & echo $$ $! > $FIFO; wait", absl::Milliseconds(2), &line);
  handle.Cancel();
  EXPECT_TRUE(absl::IsCancelled(loop_.Join(handle).status()));
  WaitUntilGone(std::atoi(line.c_str()));
  WaitUntilGone(std::atoi(line.substr(line.find(' ')).c_str()));
}

TEST_P(ProcessTest, CancelLetsTheProgramCleanUpWithinTheGrace) {
  std::string line;
  const std::string mark = testing::TempDir() + "/process_test_mark";
  unlink(mark.c_str());
  JoinHandle<Result> handle =
      StartAndReadLine("trap 'echo x > " + mark + "; exit' TERM; echo $$ > $FIFO; " +
                           "while true; do sleep 0.01; done",
                       absl::Hours(1), &line);
  handle.Cancel();
  EXPECT_TRUE(absl::IsCancelled(loop_.Join(handle).status()));
  EXPECT_EQ(access(mark.c_str(), F_OK), 0);
}

TEST_P(ProcessTest, CancelAtEachStepLeavesNoChildAndNoDescriptor) {
  EXPECT_TRUE(Run(Shell("true")).ok());
  const int before = OpenDescriptors();
  for (int step = 0; step < 12; ++step) {
    ProcessOptions options = Shell("echo x");
    JoinHandle<Result> handle = Spawn(loop_, RunProcess(loop_.reactor(), std::move(options)));
    for (int i = 0; i < step && loop_.live_tasks() > 0; ++i) loop_.RunOnce();
    handle.Cancel();
    const Result result = loop_.Join(handle);
    EXPECT_TRUE(result.ok() || absl::IsCancelled(result.status())) << result.status();
    EXPECT_EQ(waitpid(-1, nullptr, WNOHANG), -1) << "a child was left at step " << step;
    EXPECT_EQ(OpenDescriptors(), before) << step;
  }
}

TEST_P(ProcessTest, Regression_AProgramWhoseEndCannotBeAwaitedIsKilledAndReaped) {
  for (const int error : {ENOMEM, ENOSPC}) {
    RefusingReactor reactor(loop_.reactor(), OperationKind::kPollReadable, error);
    const Result result = loop_.BlockOn(RunProcess(reactor, Shell("exec sleep 1000")));
    EXPECT_EQ(result.status(),
              absl::ErrnoToStatus(error, "running \"/bin/sh\": waiting for its end failed"));
    EXPECT_EQ(result.status().code(), absl::StatusCode::kResourceExhausted);
  }
}

TEST_P(ProcessTest, Regression_AProgramWhoseOutputCannotBeAwaitedIsKilledAndReaped) {
  RefusingReactor reactor(loop_.reactor(), OperationKind::kRead);
  const Result result = loop_.BlockOn(RunProcess(reactor, Shell("exec sleep 1000")));
  EXPECT_EQ(result.status(),
            absl::ResourceExhaustedError(
                "running \"/bin/sh\": reading stdout failed: Cannot allocate memory"));
}

TEST_P(ProcessTest, ManyRunAtOnceWithoutMixingUpTheirOutput) {
  std::vector<JoinHandle<Result>> handles;
  for (int i = 0; i < 24; ++i) {
    handles.push_back(Spawn(
        loop_, RunProcess(loop_.reactor(),
                          Shell("echo " + std::to_string(i) + "; exit " + std::to_string(i)))));
  }
  for (int i = 0; i < 24; ++i) {
    const Result result = loop_.Join(handles[i]);
    ASSERT_TRUE(result.ok()) << result.status();
    EXPECT_EQ(result->stdout_bytes, std::to_string(i) + "\n");
    EXPECT_EQ(result->exit_code, i);
  }
}

}  // namespace
}  // namespace weft
