// The reactor against a kernel that delays, duplicates, reorders, forges and shortens. What must
// hold whatever the kernel says: each Submit leads to exactly one callback, with its own result.
#include <poll.h>
#include <sys/epoll.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <random>
#include <utility>
#include <vector>

#include "base/instant.h"
#include "gtest/gtest.h"
#include "reactor/epoll_reactor.h"
#include "reactor/internal/kernel.h"
#include "reactor/internal/scripted_kernel.h"
#include "reactor/operation.h"

namespace weft {
namespace {

using reactor_internal::Kernel;
using reactor_internal::ScriptedKernel;

// An operation that counts its completions.
struct Counted : Operation {
  Counted(OperationKind kind_in, int fd_in) : Operation(kind_in, fd_in, &Complete) {
    buffer = bytes.data();
    size = bytes.size();
  }
  static void Complete(Operation* operation) { ++static_cast<Counted*>(operation)->completions; }

  std::array<std::byte, 16> bytes = {};
  int completions = 0;
};

class EpollReactorFakeKernelTest : public testing::Test {
 protected:
  EpollReactorFakeKernelTest() {
    auto kernel = std::make_unique<ScriptedKernel>();
    kernel_ = kernel.get();
    reactor_ = std::make_unique<EpollReactor>(std::move(kernel));
  }

  size_t PollWith(std::vector<epoll_event> batch) {
    kernel_->batches.push_back(std::move(batch));
    return reactor_->Poll(Instant::InfiniteFuture());
  }

  static constexpr int kFd = 7;
  ScriptedKernel* kernel_ = nullptr;
  std::unique_ptr<EpollReactor> reactor_;
};

TEST_F(EpollReactorFakeKernelTest, ADuplicatedEventCompletesAnOperationOnce) {
  Counted poll(OperationKind::kPollReadable, kFd);
  reactor_->Submit(&poll);
  const epoll_event event = kernel_->EventFor(kFd, EPOLLIN);
  EXPECT_EQ(PollWith({event, event}), 1u);
  EXPECT_EQ(PollWith({event}), 0u);
  EXPECT_EQ(poll.completions, 1);
  EXPECT_EQ(poll.result, POLLIN);
}

TEST_F(EpollReactorFakeKernelTest, ADelayedEventOfACancelledOperationCompletesNothing) {
  Counted read(OperationKind::kRead, kFd);
  reactor_->Submit(&read);
  const epoll_event event = kernel_->EventFor(kFd, EPOLLIN);
  reactor_->Cancel(&read);
  EXPECT_EQ(read.completions, 0) << "a cancelled operation completes in Poll, not in Cancel";
  EXPECT_EQ(PollWith({}), 1u);
  EXPECT_EQ(read.result, -ECANCELED);
  EXPECT_EQ(PollWith({event}), 0u);
  EXPECT_EQ(read.completions, 1);
  EXPECT_EQ(kernel_->transfers, 0);
}

TEST_F(EpollReactorFakeKernelTest, EventsMayComeInAnyOrder) {
  std::vector<std::unique_ptr<Counted>> reads;
  std::vector<epoll_event> batch;
  for (int fd = 10; fd < 20; ++fd) {
    reads.push_back(std::make_unique<Counted>(OperationKind::kRead, fd));
    reactor_->Submit(reads.back().get());
    batch.insert(batch.begin(), kernel_->EventFor(fd, EPOLLIN));
  }
  EXPECT_EQ(PollWith(batch), 10u);
  for (const auto& read : reads) EXPECT_EQ(read->result, 16);
}

TEST_F(EpollReactorFakeKernelTest, AShortTransferCompletesWithWhatWasTransferred) {
  Counted read(OperationKind::kRead, kFd), write(OperationKind::kWrite, kFd);
  reactor_->Submit(&read);
  reactor_->Submit(&write);
  kernel_->transfer_results = {3, 5};
  EXPECT_EQ(PollWith({kernel_->EventFor(kFd, EPOLLIN | EPOLLOUT)}), 2u);
  EXPECT_EQ(read.result, 3);
  EXPECT_EQ(read.bytes[2], std::byte{'r'});
  EXPECT_EQ(read.bytes[3], std::byte{0});
  EXPECT_EQ(write.result, 5);
}

TEST_F(EpollReactorFakeKernelTest, AnInterruptedTransferIsTriedAgainAtOnce) {
  Counted read(OperationKind::kRead, kFd);
  reactor_->Submit(&read);
  kernel_->transfer_results = {-EINTR, -EINTR, 4};
  EXPECT_EQ(PollWith({kernel_->EventFor(kFd, EPOLLIN)}), 1u);
  EXPECT_EQ(read.result, 4);
}

TEST_F(EpollReactorFakeKernelTest, AnInterruptedWaitReturnsEarlyAndLosesNothing) {
  Counted poll(OperationKind::kPollReadable, kFd);
  reactor_->Submit(&poll);
  kernel_->wait_errors = {-EINTR};
  EXPECT_EQ(PollWith({kernel_->EventFor(kFd, EPOLLIN)}), 0u);
  EXPECT_EQ(reactor_->Poll(Instant::InfiniteFuture()), 1u);
}

// The class bug of readiness reactors: the driver forgets a readiness that comes between EAGAIN and
// the return to waiting. Here the reactor asks the kernel again, and the kernel looks by itself.
TEST_F(EpollReactorFakeKernelTest, ATransferThatWouldBlockWaitsAgainAndIsRegisteredAgain) {
  Counted first(OperationKind::kRead, kFd), second(OperationKind::kRead, kFd);
  reactor_->Submit(&first);
  reactor_->Submit(&second);
  kernel_->transfer_results = {-EAGAIN};
  const epoll_event event = kernel_->EventFor(kFd, EPOLLIN);
  kernel_->registrations[kFd].events = 0;  // One-shot: disarmed by the event.
  EXPECT_EQ(PollWith({event}), 0u);
  EXPECT_EQ(kernel_->transfers, 1) << "behind a read that would block no other is tried";
  EXPECT_EQ(kernel_->registrations[kFd].events, uint32_t{EPOLLIN | EPOLLONESHOT});
  kernel_->transfer_results = {1, 2};
  EXPECT_EQ(PollWith({kernel_->EventFor(kFd, EPOLLIN)}), 2u);
  EXPECT_EQ(first.result, 1) << "reads complete in the order of their submission";
  EXPECT_EQ(second.result, 2);
}

TEST_F(EpollReactorFakeKernelTest, TheOtherDirectionIsArmedAgainAfterAnEvent) {
  Counted read(OperationKind::kRead, kFd), write(OperationKind::kWrite, kFd);
  reactor_->Submit(&read);
  reactor_->Submit(&write);
  EXPECT_EQ(kernel_->registrations[kFd].events, uint32_t{EPOLLIN | EPOLLOUT | EPOLLONESHOT});
  EXPECT_EQ(PollWith({kernel_->EventFor(kFd, EPOLLOUT)}), 1u);
  EXPECT_EQ(kernel_->registrations[kFd].events, uint32_t{EPOLLIN | EPOLLONESHOT});
  EXPECT_EQ(PollWith({kernel_->EventFor(kFd, EPOLLIN)}), 1u);
}

TEST_F(EpollReactorFakeKernelTest, Regression_HangUpAndErrorWithoutInOrOutWakeBothDirections) {
  for (const uint32_t bits : {uint32_t{EPOLLHUP}, uint32_t{EPOLLERR}}) {
    Counted readable(OperationKind::kPollReadable, kFd),
        writable(OperationKind::kPollWritable, kFd);
    Counted read(OperationKind::kRead, kFd), write(OperationKind::kWrite, kFd);
    for (Counted* const operation : {&readable, &writable, &read, &write}) {
      reactor_->Submit(operation);
    }
    kernel_->transfer_results = {0, -EPIPE};
    EXPECT_EQ(PollWith({kernel_->EventFor(kFd, bits)}), 4u);
    EXPECT_EQ(readable.result, bits);
    EXPECT_EQ(writable.result, bits);
    EXPECT_EQ(read.result, 0);
    EXPECT_EQ(write.result, -EPIPE);
  }
}

TEST_F(EpollReactorFakeKernelTest, Regression_AnEventOfTheFileThatHadTheNumberBeforeIsIgnored) {
  Counted before(OperationKind::kRead, kFd), after(OperationKind::kRead, kFd);
  reactor_->Submit(&before);
  const epoll_event stale = kernel_->EventFor(kFd, EPOLLIN);
  PollWith({stale});
  EXPECT_EQ(before.result, 16);
  kernel_->Close(kFd);
  reactor_->Submit(&after);
  const uint64_t stale_token = stale.data.u64;
  EXPECT_NE(kernel_->registrations[kFd].token, stale_token);
  EXPECT_EQ(PollWith({stale}), 0u);
  EXPECT_EQ(PollWith({kernel_->EventFor(kFd, EPOLLIN)}), 1u);
  EXPECT_EQ(after.completions, 1);
}

// A generation of 8 or 16 bits comes round and makes a stale event look fresh.
TEST_F(EpollReactorFakeKernelTest, Regression_TokensDoNotWrapAfterManyReuses) {
  Counted first(OperationKind::kPollReadable, kFd);
  reactor_->Submit(&first);
  const epoll_event stale = kernel_->EventFor(kFd, EPOLLIN);
  PollWith({stale});
  for (int i = 0; i < 70'000; ++i) {
    kernel_->Close(kFd);
    Counted poll(OperationKind::kPollReadable, kFd);
    reactor_->Submit(&poll);
    ASSERT_EQ(PollWith({stale}), 0u) << "after " << i << " reuses";
    ASSERT_EQ(PollWith({kernel_->EventFor(kFd, EPOLLIN)}), 1u);
  }
}

TEST_F(EpollReactorFakeKernelTest, WhoWaitsForAFileThatWasClosedAndReplacedGetsEbadf) {
  Counted orphan(OperationKind::kRead, kFd), fresh(OperationKind::kRead, kFd);
  reactor_->Submit(&orphan);
  kernel_->Close(kFd);
  reactor_->Submit(&fresh);
  EXPECT_EQ(PollWith({kernel_->EventFor(kFd, EPOLLIN)}), 2u);
  EXPECT_EQ(orphan.result, -EBADF);
  EXPECT_EQ(fresh.result, 16);
}

TEST_F(EpollReactorFakeKernelTest, ATransferOverWhichTheFileIsReplacedGetsEbadfIfItWouldBlock) {
  Counted orphan(OperationKind::kRead, kFd), fresh(OperationKind::kRead, kFd);
  reactor_->Submit(&orphan);
  kernel_->transfer_results = {-EAGAIN};
  kernel_->during_transfer = [&] {
    kernel_->Close(kFd);
    reactor_->Submit(&fresh);
  };
  EXPECT_EQ(PollWith({kernel_->EventFor(kFd, EPOLLIN)}), 1u);
  EXPECT_EQ(orphan.result, -EBADF);
  EXPECT_EQ(PollWith({kernel_->EventFor(kFd, EPOLLIN)}), 1u);
  EXPECT_EQ(fresh.completions, 1);
}

TEST_F(EpollReactorFakeKernelTest, ARefusedRegistrationIsTheResultOfTheOperation) {
  for (const int error : {-EPERM, -EBADF, -ENOSPC, -ENOMEM}) {
    Counted read(OperationKind::kRead, kFd);
    kernel_->control_errors = {error};
    reactor_->Submit(&read);
    EXPECT_EQ(read.completions, 0) << "not inside Submit";
    EXPECT_EQ(reactor_->Poll(Instant::InfiniteFuture()), 1u);
    EXPECT_EQ(kernel_->last_deadline, Instant::InfinitePast()) << "it must not wait";
    EXPECT_EQ(read.result, error);
  }
  Counted read(OperationKind::kRead, kFd);
  reactor_->Submit(&read);
  EXPECT_EQ(PollWith({kernel_->EventFor(kFd, EPOLLIN)}), 1u) << "the next one starts afresh";
}

TEST_F(EpollReactorFakeKernelTest, ARegistrationThatSurvivedUnderAnotherFileIsTakenOver) {
  Counted read(OperationKind::kRead, kFd);
  kernel_->registrations[kFd] = {.events = 0, .token = 99};
  reactor_->Submit(&read);
  EXPECT_NE(kernel_->registrations[kFd].token, 99u);
  EXPECT_EQ(PollWith({kernel_->EventFor(kFd, EPOLLIN)}), 1u);
}

TEST_F(EpollReactorFakeKernelTest, ACancelDuringTheTransferYieldsToItsResult) {
  Counted read(OperationKind::kRead, kFd);
  reactor_->Submit(&read);
  kernel_->during_transfer = [&] { reactor_->Cancel(&read); };
  EXPECT_EQ(PollWith({kernel_->EventFor(kFd, EPOLLIN)}), 1u);
  EXPECT_EQ(read.result, 16);
  EXPECT_EQ(read.completions, 1);
}

TEST_F(EpollReactorFakeKernelTest, Regression_ACancelDuringATransferThatWouldBlockIsNotLost) {
  Counted read(OperationKind::kRead, kFd);
  reactor_->Submit(&read);
  kernel_->during_transfer = [&] { reactor_->Cancel(&read); };
  kernel_->transfer_results = {-EAGAIN};
  EXPECT_EQ(PollWith({kernel_->EventFor(kFd, EPOLLIN)}), 1u);
  EXPECT_EQ(read.result, -ECANCELED);
  EXPECT_EQ(PollWith({}), 0u);
}

TEST_F(EpollReactorFakeKernelTest, WakesMergeAndEachPollAfterAWakeReturns) {
  reactor_->Wake();
  reactor_->Wake();
  EXPECT_EQ(kernel_->signals, 1);
  EXPECT_EQ(PollWith({}), 0u);
  reactor_->Wake();
  EXPECT_EQ(kernel_->signals, 2);
  EXPECT_EQ(PollWith({}), 0u);
}

TEST_F(EpollReactorFakeKernelTest, ACancelWakesThePollThatWaitsAndNoOther) {
  Counted read(OperationKind::kRead, kFd);
  reactor_->Submit(&read);
  kernel_->during_wait = [&] { reactor_->Cancel(&read); };
  PollWith({});
  EXPECT_EQ(kernel_->signals, 1);
  reactor_->Poll(Instant::InfiniteFuture());
  EXPECT_EQ(read.completions, 1);
  reactor_->Submit(&read);
  reactor_->Cancel(&read);
  EXPECT_EQ(kernel_->signals, 1) << "nobody waits, so nobody is woken";
  reactor_->Poll(Instant::InfiniteFuture());
  EXPECT_EQ(read.completions, 2);
}

// All of it at random: events for anybody at any time, true or not; files replaced; errors, short
// and blocked transfers; cancels. At the end every submission has had its one completion.
TEST_F(EpollReactorFakeKernelTest, EachSubmitCompletesOnceWhateverTheKernelDoes) {
  std::mt19937_64 random(2026);
  constexpr int kOperations = 40;
  constexpr OperationKind kKinds[] = {OperationKind::kPollReadable, OperationKind::kPollWritable,
                                      OperationKind::kRead, OperationKind::kWrite};
  std::vector<std::unique_ptr<Counted>> operations;
  for (int i = 0; i < kOperations; ++i) {
    operations.push_back(std::make_unique<Counted>(kKinds[i % 4], static_cast<int>(i / 8)));
  }
  std::vector<int> submitted(kOperations, 0);
  const auto in_flight = [&](int i) { return operations[i]->completions < submitted[i]; };
  std::vector<epoll_event> history;
  for (int step = 0; step < 20'000; ++step) {
    const int i = static_cast<int>(random() % kOperations);
    const uint64_t choice = random() % 16;
    if (choice < 5 && !in_flight(i)) {
      if (random() % 20 == 0) kernel_->control_errors = {-ENOMEM};
      ++submitted[i];
      reactor_->Submit(operations[i].get());
    } else if (choice < 8) {
      reactor_->Cancel(operations[i].get());
    } else if (choice == 8) {
      kernel_->Close(operations[i]->fd);
    } else {
      std::vector<epoll_event> batch;
      for (uint64_t n = random() % 4; n > 0; --n) {
        const int fd = static_cast<int>(random() % 5);
        if (kernel_->registrations.count(fd) == 0) continue;
        history.push_back(kernel_->EventFor(fd, static_cast<uint32_t>(random()) & 0x201f));
        batch.push_back(history[random() % history.size()]);
      }
      if (random() % 2 == 0) kernel_->transfer_results = {-EAGAIN, -EINTR, 3};
      if (random() % 4 == 0) {
        kernel_->during_transfer = [&, i] { reactor_->Cancel(operations[i].get()); };
      }
      PollWith(std::move(batch));
    }
    for (int j = 0; j < kOperations; ++j) {
      ASSERT_LE(operations[j]->completions, submitted[j]) << "completed twice at step " << step;
    }
  }
  kernel_->during_transfer = nullptr;
  for (const auto& operation : operations) reactor_->Cancel(operation.get());
  kernel_->batches.clear();
  reactor_->Poll(Instant::InfiniteFuture());
  for (int j = 0; j < kOperations; ++j) EXPECT_EQ(operations[j]->completions, submitted[j]);
}

}  // namespace
}  // namespace weft
