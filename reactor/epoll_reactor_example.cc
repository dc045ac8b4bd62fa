// Two reads wait on two pipes; a third party writes to one and cancels the other.
#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <utility>

#include "absl/status/statusor.h"
#include "base/instant.h"
#include "reactor/epoll_reactor.h"
#include "reactor/operation.h"

namespace {

struct Line : weft::Operation {
  explicit Line(int fd_in) : Operation(weft::OperationKind::kRead, fd_in, &Print) {
    buffer = bytes.data();
    size = bytes.size();
  }
  static void Print(weft::Operation* operation) {
    if (operation->result == -ECANCELED) {
      std::printf("nobody spoke on descriptor %d\n", operation->fd);
    } else {
      std::printf("descriptor %d: %.*s\n", operation->fd, static_cast<int>(operation->result),
                  reinterpret_cast<const char*>(operation->buffer));
    }
  }
  std::array<std::byte, 80> bytes;
};

}  // namespace

int main() {
  absl::StatusOr<std::unique_ptr<weft::EpollReactor>> created = weft::EpollReactor::Create();
  if (!created.ok()) {
    std::fprintf(stderr, "%s\n", created.status().ToString().c_str());
    return EXIT_FAILURE;
  }
  const std::unique_ptr<weft::EpollReactor> reactor = *std::move(created);
  int talk[2];
  int silence[2];
  if (pipe2(talk, O_NONBLOCK) != 0 || pipe2(silence, O_NONBLOCK) != 0) return EXIT_FAILURE;

  Line spoken(talk[0]);
  Line unspoken(silence[0]);
  reactor->Submit(&spoken);
  reactor->Submit(&unspoken);
  if (write(talk[1], "hello", 5) != 5) return EXIT_FAILURE;
  reactor->Cancel(&unspoken);
  size_t completed = 0;
  while (completed < 2) completed += reactor->Poll(weft::Instant::InfiniteFuture());
  return EXIT_SUCCESS;
}
