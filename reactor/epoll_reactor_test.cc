// The contract of Reactor on the real kernel, with pipes and socket pairs.
#include "reactor/epoll_reactor.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "base/instant.h"
#include "gtest/gtest.h"
#include "reactor/operation.h"
#include "reactor/reactor.h"

namespace weft {
namespace {

struct Counted : Operation {
  Counted(OperationKind kind_in, int fd_in) : Operation(kind_in, fd_in, &Complete) {
    buffer = bytes.data();
    size = bytes.size();
  }
  static void Complete(Operation* operation) { ++static_cast<Counted*>(operation)->completions; }

  std::string_view Text() const {
    return {reinterpret_cast<const char*>(bytes.data()), static_cast<size_t>(result)};
  }

  std::array<std::byte, 64> bytes = {};
  int completions = 0;
};

struct Pair {
  Pair() { EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0); }
  ~Pair() {
    CloseA();
    CloseB();
  }
  void CloseA() { Close(&fds[0]); }
  void CloseB() { Close(&fds[1]); }
  static void Close(int* fd) {
    if (*fd >= 0) close(*fd);
    *fd = -1;
  }
  void Say(std::string_view text) {
    EXPECT_EQ(write(fds[1], text.data(), text.size()), static_cast<ssize_t>(text.size()));
  }
  int a() const { return fds[0]; }
  int b() const { return fds[1]; }
  int fds[2];
};

class EpollReactorTest : public testing::Test {
 protected:
  EpollReactorTest() {
    absl::StatusOr<std::unique_ptr<EpollReactor>> reactor = EpollReactor::Create();
    EXPECT_TRUE(reactor.ok()) << reactor.status();
    reactor_ = *std::move(reactor);
  }
  size_t PollNow() { return reactor_->Poll(Instant::InfinitePast()); }
  void PollUntilDone(const Counted& operation, int completions = 1) {
    while (operation.completions < completions) reactor_->Poll(Instant::InfiniteFuture());
  }

  std::unique_ptr<EpollReactor> reactor_;
};

TEST_F(EpollReactorTest, AReadCompletesWithTheBytesThatCome) {
  Pair pair;
  Counted read(OperationKind::kRead, pair.a());
  reactor_->Submit(&read);
  EXPECT_EQ(PollNow(), 0u);
  pair.Say("hello");
  EXPECT_EQ(PollNow(), 1u);
  EXPECT_EQ(read.completions, 1);
  EXPECT_EQ(read.Text(), "hello");
  EXPECT_EQ(read.generation(), 1u);
}

TEST_F(EpollReactorTest, AReadOfWhatIsThereAlreadyCompletesAtTheNextPollAndNotInSubmit) {
  Pair pair;
  pair.Say("early");
  Counted read(OperationKind::kRead, pair.a());
  reactor_->Submit(&read);
  EXPECT_EQ(read.completions, 0);
  EXPECT_EQ(PollNow(), 1u);
  EXPECT_EQ(read.Text(), "early");
}

TEST_F(EpollReactorTest, AReadAtTheEndOfTheStreamCompletesWithZero) {
  Pair pair;
  Counted read(OperationKind::kRead, pair.a());
  reactor_->Submit(&read);
  pair.CloseB();
  EXPECT_EQ(PollNow(), 1u);
  EXPECT_EQ(read.result, 0);
}

TEST_F(EpollReactorTest, PollsReportReadinessAndTransferNothing) {
  Pair pair;
  Counted readable(OperationKind::kPollReadable, pair.a());
  Counted writable(OperationKind::kPollWritable, pair.a());
  reactor_->Submit(&readable);
  reactor_->Submit(&writable);
  EXPECT_EQ(PollNow(), 1u);
  EXPECT_EQ(writable.result, POLLOUT);
  pair.Say("x");
  EXPECT_EQ(PollNow(), 1u);
  EXPECT_NE(readable.result & POLLIN, 0);
  char byte = 0;
  EXPECT_EQ(read(pair.a(), &byte, 1), 1);
}

TEST_F(EpollReactorTest, AWriteWaitsForRoomAndFailsOnceThePeerIsGone) {
  int fds[2];
  ASSERT_EQ(pipe2(fds, O_NONBLOCK | O_CLOEXEC), 0);
  std::vector<char> junk(1 << 20);
  const ssize_t filled = write(fds[1], junk.data(), junk.size());
  ASSERT_GT(filled, 0);
  Counted write(OperationKind::kWrite, fds[1]);
  reactor_->Submit(&write);
  EXPECT_EQ(PollNow(), 0u);
  while (read(fds[0], junk.data(), junk.size()) > 0) {
  }
  EXPECT_EQ(PollNow(), 1u);
  EXPECT_EQ(write.result, 64);
  signal(SIGPIPE, SIG_IGN);
  close(fds[0]);
  reactor_->Submit(&write);
  EXPECT_EQ(PollNow(), 1u);
  EXPECT_EQ(write.result, -EPIPE);
  close(fds[1]);
}

TEST_F(EpollReactorTest, OperationsOfOneDirectionCompleteInTheOrderOfSubmission) {
  Pair pair;
  Counted first(OperationKind::kRead, pair.a()), second(OperationKind::kRead, pair.a());
  first.size = 3;
  reactor_->Submit(&first);
  reactor_->Submit(&second);
  pair.Say("onetwo");
  EXPECT_EQ(PollNow(), 2u);
  EXPECT_EQ(first.Text(), "one");
  EXPECT_EQ(second.Text(), "two");
}

TEST_F(EpollReactorTest, AnOperationCanBeSubmittedAgainFromItsOwnCallback) {
  struct Again : Counted {
    Again(int fd_in, Reactor* reactor_in)
        : Counted(OperationKind::kRead, fd_in), reactor(reactor_in) {
      size = 1;
      on_complete = [](Operation* operation) {
        auto* const self = static_cast<Again*>(operation);
        if (++self->completions < 3) self->reactor->Submit(self);
      };
    }
    Reactor* reactor;
  };
  Pair pair;
  Again again(pair.a(), reactor_.get());
  reactor_->Submit(&again);
  pair.Say("abc");
  PollUntilDone(again, 3);
  EXPECT_EQ(again.generation(), 3u);
}

TEST_F(EpollReactorTest, ACancelledOperationCompletesOnceWithEcanceled) {
  Pair pair;
  Counted read(OperationKind::kRead, pair.a());
  reactor_->Submit(&read);
  reactor_->Cancel(&read);
  reactor_->Cancel(&read);
  EXPECT_EQ(read.completions, 0);
  EXPECT_EQ(reactor_->Poll(Instant::InfiniteFuture()), 1u) << "must not wait";
  EXPECT_EQ(read.result, -ECANCELED);
  pair.Say("late");
  EXPECT_EQ(PollNow(), 0u);
  reactor_->Cancel(&read);
  EXPECT_EQ(PollNow(), 0u);
  EXPECT_EQ(read.completions, 1);
  reactor_->Submit(&read);
  EXPECT_EQ(PollNow(), 1u) << "the descriptor is as good as before";
  EXPECT_EQ(read.Text(), "late");
}

TEST_F(EpollReactorTest, ADescriptorNumberCanBeUsedAgainAfterItsFileWasClosed) {
  for (int round = 0; round < 3; ++round) {
    Pair pair;
    Counted abandoned(OperationKind::kPollReadable, pair.a());
    reactor_->Submit(&abandoned);
    reactor_->Cancel(&abandoned);
    PollUntilDone(abandoned);
    const int number = pair.a();
    pair.CloseA();
    Pair successor;
    ASSERT_EQ(successor.a(), number);
    Counted read(OperationKind::kRead, number);
    reactor_->Submit(&read);
    successor.Say("new");
    EXPECT_EQ(PollNow(), 1u);
    EXPECT_EQ(read.Text(), "new");
  }
}

// A duplicate keeps the old file, and so its registration, alive under the number of the new file.
TEST_F(EpollReactorTest, Regression_AnOldFileThatADuplicateKeepsAliveDisturbsNobody) {
  Pair old;
  Counted abandoned(OperationKind::kPollReadable, old.a());
  reactor_->Submit(&abandoned);
  reactor_->Cancel(&abandoned);
  PollUntilDone(abandoned);
  const int number = old.a();
  const int duplicate = dup(number);
  Pair fresh;
  ASSERT_EQ(dup2(fresh.a(), number), number);
  Counted read(OperationKind::kRead, number);
  reactor_->Submit(&read);
  old.Say("for the old file");
  EXPECT_EQ(PollNow(), 0u);
  EXPECT_EQ(read.completions, 0);
  fresh.Say("for the new file");
  EXPECT_EQ(PollNow(), 1u);
  EXPECT_EQ(read.Text(), "for the new file");
  close(duplicate);
}

TEST_F(EpollReactorTest, ErrorsOfTheKernelAreResults) {
  Counted closed(OperationKind::kRead, 1000);
  reactor_->Submit(&closed);
  EXPECT_EQ(reactor_->Poll(Instant::InfiniteFuture()), 1u);
  EXPECT_EQ(closed.result, -EBADF);

  const int file = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
  ASSERT_GE(file, 0);
  Counted regular(OperationKind::kRead, file);
  reactor_->Submit(&regular);
  EXPECT_EQ(reactor_->Poll(Instant::InfiniteFuture()), 1u);
  EXPECT_EQ(regular.result, -EPERM);
  close(file);
}

TEST_F(EpollReactorTest, PollReturnsAtItsDeadline) {
  const Instant deadline = MonotonicNow() + absl::Milliseconds(2);
  while (MonotonicNow() < deadline) EXPECT_EQ(reactor_->Poll(deadline), 0u);
}

TEST_F(EpollReactorTest, AWakeBeforeThePollMakesItReturn) {
  reactor_->Wake();
  EXPECT_EQ(reactor_->Poll(Instant::InfiniteFuture()), 0u);
}

TEST_F(EpollReactorTest, AWakeFromAnotherThreadEndsThePollThatWaits) {
  std::thread waker([&] { reactor_->Wake(); });
  EXPECT_EQ(reactor_->Poll(Instant::InfiniteFuture()), 0u);
  waker.join();
}

TEST_F(EpollReactorTest, SubmitAndCancelFromAnotherThreadReachThePollThatWaits) {
  Pair ready, silent;
  ready.Say("x");
  Counted read(OperationKind::kRead, ready.a()), cancelled(OperationKind::kRead, silent.a());
  reactor_->Submit(&cancelled);
  std::thread other([&] {
    reactor_->Submit(&read);
    reactor_->Cancel(&cancelled);
  });
  PollUntilDone(read);
  PollUntilDone(cancelled);
  other.join();
  EXPECT_EQ(read.Text(), "x");
  EXPECT_EQ(cancelled.result, -ECANCELED);
}

TEST_F(EpollReactorTest, CreateSaysWhatToDoWhenTheProcessIsOutOfDescriptors) {
  rlimit limit;
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &limit), 0);
  const rlimit none = {.rlim_cur = 0, .rlim_max = limit.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &none), 0);
  const absl::Status status = EpollReactor::Create().status();
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &limit), 0);
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(status.message(),
            "EpollReactor::Create(): epoll_create1 failed: Too many open files; raise the limit of "
            "open files (ulimit -n) or close some");
}

using EpollReactorDeathTest = EpollReactorTest;

TEST_F(EpollReactorDeathTest, MisuseIsRefused) {
  Pair pair;
  Counted read(OperationKind::kRead, pair.a());
  EXPECT_DEATH(
      {
        reactor_->Submit(&read);
        reactor_->Submit(&read);
      },
      "is in flight already; wait for its completion");
  EXPECT_DEATH(
      {
        reactor_->Submit(&read);
        reactor_.reset();
      },
      "no operation may be in flight, found 1");
  read.on_complete = nullptr;
  EXPECT_DEATH(reactor_->Submit(&read), "the operation needs on_complete, found null");
  Counted nested(OperationKind::kPollWritable, pair.a());
  nested.context = reactor_.get();
  nested.on_complete = [](Operation* operation) {
    static_cast<Reactor*>(operation->context)->Poll(Instant::InfinitePast());
  };
  EXPECT_DEATH(
      {
        reactor_->Submit(&nested);
        PollNow();
      },
      "another Poll is running");
}

}  // namespace
}  // namespace weft
