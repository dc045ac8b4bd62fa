// The contract of SignalWatcher, with signals that the test sends to itself.
#include "io/signal.h"

#include <signal.h>
#include <unistd.h>

#include <memory>
#include <new>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "future/spawn.h"
#include "gtest/gtest.h"
#include "io/testing/refusing_reactor.h"
#include "io/testing/test_loop.h"
#include "reactor/operation.h"
#include "tools/stress/allocations.h"

namespace weft {
namespace {

class SignalTest : public testing::TestWithParam<TestLoop::Reactors> {
 protected:
  SignalTest() : loop_(GetParam()) {}

  std::unique_ptr<SignalWatcher> Watch(std::vector<int> signals) {
    auto watcher = SignalWatcher::Create(loop_.reactor(), std::move(signals));
    EXPECT_TRUE(watcher.ok()) << watcher.status();
    return *std::move(watcher);
  }

  TestLoop loop_;
};

INSTANTIATE_TEST_SUITE_P(Reactors, SignalTest,
                         testing::Values(TestLoop::Reactors::kSameThread,
                                         TestLoop::Reactors::kOtherThread));

TEST_P(SignalTest, ASignalEndsTheWait) {
  const auto watcher = Watch({SIGUSR1, SIGUSR2});
  JoinHandle<int> next = Spawn(loop_, watcher->Next());
  loop_.RunReady();
  kill(getpid(), SIGUSR2);
  EXPECT_EQ(loop_.Join(next).value(), SIGUSR2);
}

TEST_P(SignalTest, SignalsThatComeWhileNobodyWaitsAreKept) {
  const auto watcher = Watch({SIGUSR1, SIGUSR2});
  raise(SIGUSR1);
  raise(SIGUSR2);
  EXPECT_EQ(loop_.BlockOn(watcher->Next()).value(), SIGUSR1);
  EXPECT_EQ(loop_.BlockOn(watcher->Next()).value(), SIGUSR2);
}

TEST_P(SignalTest, Regression_ACancelledWaitTakesNoSignal) {
  const auto watcher = Watch({SIGUSR1});
  for (int steps = 0; steps < 4; ++steps) {
    JoinHandle<int> cancelled = Spawn(loop_, watcher->Next());
    if (steps > 0) loop_.RunReady();
    cancelled.Cancel();
    EXPECT_TRUE(absl::IsCancelled(loop_.Join(cancelled).status()));
    raise(SIGUSR1);
    EXPECT_EQ(loop_.BlockOn(watcher->Next()).value(), SIGUSR1);
  }
}

TEST_P(SignalTest, Regression_AWaitForWhichThereIsNoMemoryThrowsAndTakesNoSignal) {
  RefusingReactor reactor(loop_.reactor(), OperationKind::kRead);
  const auto watcher = *SignalWatcher::Create(reactor, {SIGUSR1});
  raise(SIGUSR1);
  EXPECT_THROW((void)loop_.BlockOn(watcher->Next()), std::bad_alloc);
  reactor.AcceptAll();
  EXPECT_EQ(loop_.BlockOn(watcher->Next()).value(), SIGUSR1);
}

TEST_P(SignalTest, Regression_ACreateWithoutMemoryLeavesNoWatcherAndNoAction) {
  std::vector<int> signals = {SIGUSR1, SIGUSR2};
  bool happened = true;
  for (int n = 1; happened; ++n) {
    std::vector<int> copy = signals;
    stress::FailAllocation failure(n);
    try {
      EXPECT_TRUE(SignalWatcher::Create(loop_.reactor(), std::move(copy)).ok()) << n;
    } catch (const std::bad_alloc&) {
    }
    happened = failure.happened();
    for (const int signal : signals) {
      struct sigaction action = {};
      sigaction(signal, nullptr, &action);
      EXPECT_EQ(action.sa_handler, SIG_DFL) << n;
    }
  }
}

TEST_P(SignalTest, DestructionRestoresTheActionsAndTheNextWatcherStartsEmpty) {
  signal(SIGUSR1, SIG_IGN);
  Watch({SIGUSR1});
  {
    const auto watcher = Watch({SIGUSR1});
    raise(SIGUSR1);
  }
  raise(SIGUSR1);  // Ignored again.
  const auto watcher = Watch({SIGUSR2});
  raise(SIGUSR2);
  EXPECT_EQ(loop_.BlockOn(watcher->Next()).value(), SIGUSR2);
  signal(SIGUSR1, SIG_DFL);
}

TEST_P(SignalTest, CreateRefusesASecondWatcherAndSignalsThatCannotBeCaught) {
  EXPECT_EQ(SignalWatcher::Create(loop_.reactor(), {SIGUSR1, SIGKILL}).status(),
            absl::InvalidArgumentError("SignalWatcher::Create(): signal 9 cannot be caught: "
                                       "Invalid argument"));
  const auto watcher = Watch({SIGUSR1});
  EXPECT_EQ(SignalWatcher::Create(loop_.reactor(), {SIGUSR2}).status(),
            absl::FailedPreconditionError("SignalWatcher::Create(): expected no other watcher in "
                                          "this process, found one; share it or destroy it first"));
}

}  // namespace
}  // namespace weft
