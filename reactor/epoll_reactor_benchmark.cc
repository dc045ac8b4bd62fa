// What the reactor adds to bare epoll: a byte goes to and fro between two socket pairs on one
// thread, which waits for each arrival.
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstddef>
#include <cstdlib>
#include <memory>

#include "base/instant.h"
#include "benchmark/benchmark.h"
#include "reactor/epoll_reactor.h"
#include "reactor/operation.h"

namespace weft {
namespace {

struct Sockets {
  Sockets() {
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds) != 0) std::abort();
  }
  ~Sockets() {
    close(fds[0]);
    close(fds[1]);
  }
  int fds[2];
};

void Send(int fd) {
  if (write(fd, "x", 1) != 1) std::abort();
}

void BM_EpollReactor_PingPong(benchmark::State& state) {
  const std::unique_ptr<EpollReactor> reactor = *EpollReactor::Create();
  Sockets sockets;
  std::byte byte;
  Operation reads[2];
  for (int side = 0; side < 2; ++side) {
    reads[side].kind = OperationKind::kRead;
    reads[side].fd = sockets.fds[side];
    reads[side].buffer = &byte;
    reads[side].size = 1;
    reads[side].on_complete = [](Operation*) {};
  }
  for (auto _ : state) {
    for (int side = 0; side < 2; ++side) {
      reactor->Submit(&reads[side]);
      Send(sockets.fds[1 - side]);
      while (reactor->Poll(Instant::InfiniteFuture()) == 0) {
      }
    }
  }
}
BENCHMARK(BM_EpollReactor_PingPong);

// The least that a program can do: level-triggered, registered once.
void BM_RawEpoll_PingPong(benchmark::State& state) {
  Sockets sockets;
  const int epoll = epoll_create1(0);
  for (const int fd : sockets.fds) {
    epoll_event event = {};
    event.events = EPOLLIN;
    event.data.fd = fd;
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) != 0) std::abort();
  }
  for (auto _ : state) {
    for (int side = 0; side < 2; ++side) {
      Send(sockets.fds[1 - side]);
      epoll_event event;
      if (epoll_wait(epoll, &event, 1, -1) != 1) std::abort();
      char byte;
      if (read(event.data.fd, &byte, 1) != 1) std::abort();
    }
  }
  close(epoll);
}
BENCHMARK(BM_RawEpoll_PingPong);

void BM_EpollReactor_SubmitCancelComplete(benchmark::State& state) {
  const std::unique_ptr<EpollReactor> reactor = *EpollReactor::Create();
  Sockets sockets;
  Operation poll(OperationKind::kPollReadable, sockets.fds[0], [](Operation*) {});
  for (auto _ : state) {
    reactor->Submit(&poll);
    reactor->Cancel(&poll);
    reactor->Poll(Instant::InfinitePast());
  }
}
BENCHMARK(BM_EpollReactor_SubmitCancelComplete);

}  // namespace
}  // namespace weft
