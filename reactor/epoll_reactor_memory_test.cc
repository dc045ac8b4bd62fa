// The reactor when memory runs out: each Submit still leads to exactly one callback, and nothing is
// lost of what waits already.
#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <memory>
#include <new>

#include "base/instant.h"
#include "gtest/gtest.h"
#include "reactor/epoll_reactor.h"
#include "reactor/operation.h"
#include "tools/stress/allocations.h"

namespace weft {
namespace {

struct Counted : Operation {
  Counted() : Operation(OperationKind::kPollReadable, -1, &Complete) {}
  static void Complete(Operation* operation) { ++static_cast<Counted*>(operation)->completions; }

  int completions = 0;
};

// Enough descriptors for the reactor's tables to grow more than once.
class Descriptors {
 public:
  Descriptors() {
    fds_[0] = eventfd(1, EFD_CLOEXEC | EFD_NONBLOCK);
    for (size_t i = 1; i < fds_.size(); ++i) fds_[i] = fcntl(fds_[0], F_DUPFD_CLOEXEC, 0);
  }
  Descriptors(const Descriptors&) = delete;
  Descriptors& operator=(const Descriptors&) = delete;
  ~Descriptors() {
    for (const int fd : fds_) close(fd);
  }

  int operator[](size_t i) const { return fds_[i]; }
  static constexpr size_t size() { return 40; }

 private:
  std::array<int, 40> fds_;
};

TEST(EpollReactorMemoryTest, Regression_ASubmitWithoutMemoryEndsWithEnomemAndHarmsNoOther) {
  const Descriptors fds;
  bool happened = true;
  for (int n = 1; happened; ++n) {
    SCOPED_TRACE(testing::Message() << "allocation " << n << " fails");
    const std::unique_ptr<EpollReactor> reactor = *EpollReactor::Create();
    std::array<Counted, Descriptors::size()> operations;
    size_t refused = 0;
    for (int round = 1; round <= 2; ++round) {
      {
        stress::FailAllocation failure(n);
        for (size_t i = 0; i < operations.size(); ++i) {
          operations[i].fd = fds[i];
          reactor->Submit(&operations[i]);
        }
        if (round == 1) happened = failure.happened();
      }
      size_t completed = 0;
      while (completed < operations.size()) completed += reactor->Poll(Instant::InfiniteFuture());
      for (const Counted& operation : operations) {
        EXPECT_EQ(operation.completions, round);
        refused += operation.result == -ENOMEM;
        EXPECT_TRUE(operation.result == -ENOMEM || operation.result == POLLIN) << operation.result;
      }
      if (round == 1) {
        EXPECT_EQ(refused, happened ? 1 : 0);
      }
    }
  }
}

TEST(EpollReactorMemoryTest, Regression_ACreateWithoutMemoryClosesItsDescriptors) {
  const auto count_open = [] {
    int count = 0;
    for (int fd = 0; fd < 100; ++fd) count += fcntl(fd, F_GETFD) >= 0;
    return count;
  };
  const int before = count_open();
  bool happened = true;
  for (int n = 1; happened; ++n) {
    stress::FailAllocation failure(n);
    try {
      EXPECT_TRUE(EpollReactor::Create().ok());
    } catch (const std::bad_alloc&) {
    }
    happened = failure.happened();
    EXPECT_EQ(count_open(), before) << "allocation " << n << " fails";
  }
}

}  // namespace
}  // namespace weft
