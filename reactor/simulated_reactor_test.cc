#include "reactor/simulated_reactor.h"

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "base/instant.h"
#include "gtest/gtest.h"
#include "reactor/operation.h"

namespace weft {
namespace {

// An operation that remembers how often it completed.
struct Request : Operation {
  Request(OperationKind kind_in, int fd_in, std::string& text)
      : Operation(kind_in, fd_in, [](Operation* self) { ++static_cast<Request*>(self)->ends; }) {
    buffer = reinterpret_cast<std::byte*>(text.data());
    size = text.size();
  }
  int ends = 0;
};

// Lets time pass until the request has completed; returns its result.
int64_t Finish(SimulatedReactor& reactor, Request& request) {
  while (request.ends == 0) {
    reactor.AdvanceTo(reactor.NextEvent());
    reactor.Poll(Instant::InfinitePast());
  }
  return request.result;
}

int64_t Transfer(SimulatedReactor& reactor, OperationKind kind, int fd, std::string& text) {
  Request request(kind, fd, text);
  reactor.Submit(&request);
  return Finish(reactor, request);
}

void WriteAll(SimulatedReactor& reactor, int fd, std::string text) {
  while (!text.empty()) {
    text.erase(0, static_cast<std::size_t>(Transfer(reactor, OperationKind::kWrite, fd, text)));
  }
}

std::string ReadAll(SimulatedReactor& reactor, int fd) {
  std::string all;
  while (true) {
    std::string part(7, ' ');
    const int64_t read = Transfer(reactor, OperationKind::kRead, fd, part);
    if (read <= 0) return all;
    all += part.substr(0, static_cast<std::size_t>(read));
  }
}

TEST(SimulatedReactorTest, BytesArriveInOrderOnceUnderEachSeed) {
  for (uint64_t seed = 0; seed < 200; ++seed) {
    SimulatedReactor reactor({.seed = seed, .capacity = 16});
    const SimulatedPair pipe = reactor.OpenPipe();
    std::string text;
    for (char c = 'a'; c <= 'n'; ++c) text += c;
    WriteAll(reactor, pipe.second, text);
    reactor.Close(pipe.second);
    EXPECT_EQ(ReadAll(reactor, pipe.first), text) << "seed " << seed;
  }
}

TEST(SimulatedReactorTest, SocketsGoBothWays) {
  SimulatedReactor reactor;
  const SimulatedPair sockets = reactor.OpenSocketPair();
  WriteAll(reactor, sockets.first, "there");
  WriteAll(reactor, sockets.second, "back");
  std::string text(2, ' ');
  EXPECT_GT(Transfer(reactor, OperationKind::kRead, sockets.first, text), 0);
  EXPECT_EQ(text[0], 'b');
  EXPECT_GT(Transfer(reactor, OperationKind::kRead, sockets.second, text), 0);
  EXPECT_EQ(text[0], 't');
}

TEST(SimulatedReactorTest, NothingArrivesBeforeItsLatency) {
  SimulatedReactor reactor({.seed = 3, .max_latency = absl::Seconds(1)});
  const SimulatedPair pipe = reactor.OpenPipe();
  WriteAll(reactor, pipe.second, "x");
  std::string text(1, ' ');
  Request read(OperationKind::kRead, pipe.first, text);
  reactor.Submit(&read);
  const Instant arrival = reactor.NextEvent();
  EXPECT_GT(arrival, Instant());
  reactor.AdvanceTo(arrival - absl::Nanoseconds(1));
  for (int i = 0; i < 10; ++i) reactor.Poll(Instant::InfiniteFuture());  // does not wait
  EXPECT_EQ(read.ends, 0);
  EXPECT_EQ(Finish(reactor, read), 1);
  EXPECT_EQ(text, "x");
}

TEST(SimulatedReactorTest, AReadinessIsHeldBackForThreePollsAtMost) {
  bool was_held_back = false;
  for (uint64_t seed = 0; seed < 50; ++seed) {
    SimulatedReactor reactor({.seed = seed, .max_latency = absl::ZeroDuration()});
    const SimulatedPair pipe = reactor.OpenPipe();
    std::string text = "x";
    Request write(OperationKind::kWrite, pipe.second, text);
    reactor.Submit(&write);
    int polls = 0;
    while (write.ends == 0) {
      EXPECT_LE(reactor.NextEvent(), Instant());
      reactor.Poll(Instant::InfinitePast());
      ++polls;
    }
    EXPECT_LE(polls, SimulatedReactor::kMaxHeldBack + 1);
    was_held_back |= polls > 1;
  }
  EXPECT_TRUE(was_held_back);
}

TEST(SimulatedReactorTest, ClosedEndsAnswerAsTheKernelDoes) {
  SimulatedReactor reactor;
  const SimulatedPair pipe = reactor.OpenPipe();
  std::string text = "x";
  reactor.Close(pipe.first);
  EXPECT_EQ(Transfer(reactor, OperationKind::kWrite, pipe.second, text), -EPIPE);
  EXPECT_EQ(Transfer(reactor, OperationKind::kRead, pipe.first, text), -EBADF);
  EXPECT_EQ(Transfer(reactor, OperationKind::kRead, 0, text), -EBADF);  // the kernel's own
  EXPECT_EQ(ReadAll(reactor, reactor.OpenPipe().first + 100), "");
}

TEST(SimulatedReactorTest, WritesWaitForRoomAndReadsForBytes) {
  SimulatedReactor reactor({.seed = 1, .capacity = 4});
  const SimulatedPair pipe = reactor.OpenPipe();
  WriteAll(reactor, pipe.second, "full");
  std::string more = "!";
  Request write(OperationKind::kWrite, pipe.second, more);
  reactor.Submit(&write);
  reactor.Poll(Instant::InfinitePast());
  EXPECT_EQ(reactor.NextEvent(), Instant::InfiniteFuture());
  std::string text(4, ' ');
  EXPECT_GT(Transfer(reactor, OperationKind::kRead, pipe.first, text), 0);
  EXPECT_EQ(Finish(reactor, write), 1);
}

TEST(SimulatedReactorTest, ACancelledOperationEndsAtTheNextPoll) {
  SimulatedReactor reactor;
  const SimulatedPair pipe = reactor.OpenPipe();
  std::string text(1, ' ');
  Request read(OperationKind::kRead, pipe.first, text);
  reactor.Submit(&read);
  reactor.Cancel(&read);
  EXPECT_EQ(reactor.Poll(Instant::InfinitePast()), 1u);
  EXPECT_EQ(read.result, -ECANCELED);
}

TEST(SimulatedReactorTest, EqualSeedsGiveEqualRunsAndOthersDiffer) {
  const auto order = [](uint64_t seed) {
    SimulatedReactor reactor({.seed = seed});
    std::vector<std::string> texts(8, "x");
    std::deque<Request> writes;
    for (std::string& text : texts) {
      writes.emplace_back(OperationKind::kWrite, reactor.OpenPipe().second, text);
      reactor.Submit(&writes.back());
    }
    std::vector<std::size_t> ends;
    while (ends.size() < writes.size()) {
      reactor.Poll(Instant::InfinitePast());
      for (std::size_t i = 0; i < writes.size(); ++i) {
        if (std::exchange(writes[i].ends, 0) == 1) ends.push_back(i);
      }
    }
    return ends;
  };
  EXPECT_EQ(order(7), order(7));
  bool differs = false;
  for (uint64_t seed = 0; seed < 20; ++seed) differs |= order(seed) != order(seed + 1);
  EXPECT_TRUE(differs);
}

TEST(SimulatedReactorDeathTest, RefusesMisuse) {
  EXPECT_DEATH(SimulatedReactor({.capacity = 0}), "capacity must be positive");
  EXPECT_DEATH(SimulatedReactor({.max_latency = absl::InfiniteDuration()}), "must be finite");
  EXPECT_DEATH(SimulatedReactor().Close(4), "expected an open descriptor of this reactor, found 4");
}

}  // namespace
}  // namespace weft
