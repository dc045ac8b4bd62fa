// Real pipes, one polling thread and others that submit, cancel and write as fast as they can.
// Fails when a completion is lost (the test then hangs and times out) or doubled, when a cancelled
// operation ends otherwise than with -ECANCELED or its result, or when a byte is lost or doubled.
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <random>
#include <thread>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "base/instant.h"
#include "gtest/gtest.h"
#include "reactor/epoll_reactor.h"
#include "reactor/operation.h"

namespace weft {
namespace {

// One byte of a stream of numbered bytes, read by a thread that waits for each completion.
struct ByteRead : Operation {
  explicit ByteRead(int fd_in) : Operation(OperationKind::kRead, fd_in, &Complete) {
    buffer = &byte;
    size = 1;
  }
  static void Complete(Operation* operation) {
    auto* const self = static_cast<ByteRead*>(operation);
    EXPECT_FALSE(self->completed.load()) << "completed twice";
    self->completed.store(true);
  }

  std::byte byte{};
  std::atomic<bool> completed{false};
};

class Stress {
 public:
  Stress() : reactor_(*EpollReactor::Create()), poller_([this] { Run(); }) {}
  ~Stress() {
    stop_.store(true);
    reactor_->Wake();
    poller_.join();
  }

  EpollReactor* reactor() { return reactor_.get(); }

 private:
  void Run() {
    while (!stop_.load()) reactor_->Poll(Instant::InfiniteFuture());
  }

  std::unique_ptr<EpollReactor> reactor_;
  std::atomic<bool> stop_{false};
  std::thread poller_;
};

// Submits reads, cancels about half of them at a random moment, and checks that every byte of the
// stream arrives once, in order, through those that were not cancelled in time.
void ReadStream(EpollReactor* reactor, int fd, int bytes, uint64_t seed) {
  std::mt19937_64 random(seed);
  ByteRead read(fd);
  int received = 0;
  while (received < bytes) {
    read.completed.store(false);
    reactor->Submit(&read);
    if (random() % 2 == 0) {
      for (uint64_t i = random() % 64; i > 0; --i) std::this_thread::yield();
      reactor->Cancel(&read);
    }
    while (!read.completed.load()) std::this_thread::yield();
    if (read.result == -ECANCELED) continue;
    ASSERT_EQ(read.result, 1);
    ASSERT_EQ(static_cast<int>(read.byte), received % 251) << "a byte was lost or doubled";
    ++received;
  }
}

TEST(EpollReactorStressTest, CompleteAndCancelRaceWithoutLossOrDoubling) {
  constexpr int kStreams = 3;
  constexpr int kBytes = 600;
  Stress stress;
  std::vector<std::thread> threads;
  for (int stream = 0; stream < kStreams; ++stream) {
    threads.emplace_back([&stress, stream] {
      int fds[2];
      ASSERT_EQ(pipe2(fds, O_NONBLOCK | O_CLOEXEC), 0);
      std::thread writer([&fds] {
        for (int i = 0; i < kBytes; ++i) {
          const auto byte = static_cast<unsigned char>(i % 251);
          ASSERT_EQ(write(fds[1], &byte, 1), 1);
          std::this_thread::yield();
        }
      });
      ReadStream(stress.reactor(), fds[0], kBytes, static_cast<uint64_t>(stream));
      writer.join();
      close(fds[0]);
      close(fds[1]);
    });
  }
  for (std::thread& thread : threads) thread.join();
}

// Descriptor numbers come and go while the poller is in the kernel.
TEST(EpollReactorStressTest, ReusedDescriptorNumbersNeverMixUpTheirFiles) {
  Stress stress;
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 2; ++thread) {
    threads.emplace_back([&stress, thread] {
      for (int round = 0; round < 300; ++round) {
        int fds[2];
        ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
        ByteRead read(fds[0]);
        stress.reactor()->Submit(&read);
        const auto byte = static_cast<unsigned char>(round * 2 + thread);
        if (round % 3 == 0) stress.reactor()->Cancel(&read);
        ASSERT_EQ(write(fds[1], &byte, 1), 1);
        while (!read.completed.load()) std::this_thread::yield();
        if (round % 3 == 0) {
          EXPECT_EQ(read.result, -ECANCELED);
        } else {
          EXPECT_EQ(read.result, 1);
          EXPECT_EQ(static_cast<unsigned char>(read.byte), byte);
        }
        close(fds[0]);
        close(fds[1]);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

}  // namespace
}  // namespace weft
