#include "io/internal/resolve.h"

#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <memory>
#include <utility>

#include "absl/status/status.h"
#include "future/executor.h"

namespace weft::io_internal {
namespace {

struct FreeAddresses {
  void operator()(addrinfo* list) const { freeaddrinfo(list); }
};

}  // namespace

absl::StatusOr<std::vector<std::string>> ResolveBlocking(const std::string& host) {
  addrinfo hints = {};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_ADDRCONFIG;
  addrinfo* list = nullptr;
  int error = getaddrinfo(host.c_str(), nullptr, &hints, &list);
  if (error == EAI_BADFLAGS || error == EAI_NONAME) {
    // A machine with nothing but loopback has no "configured" addresses.
    hints.ai_flags = 0;
    error = getaddrinfo(host.c_str(), nullptr, &hints, &list);
  }
  if (error != 0) {
    return absl::UnavailableError("resolving \"" + host + "\": " +
                                  (error == EAI_SYSTEM ? strerror(errno) : gai_strerror(error)));
  }
  const std::unique_ptr<addrinfo, FreeAddresses> owner(list);
  std::vector<std::string> addresses;
  for (const addrinfo* entry = list; entry != nullptr; entry = entry->ai_next) {
    std::array<char, NI_MAXHOST> text;
    if (getnameinfo(entry->ai_addr, entry->ai_addrlen, text.data(), text.size(), nullptr, 0,
                    NI_NUMERICHOST) != 0) {
      continue;
    }
    addresses.push_back(entry->ai_family == AF_INET6 ? "[" + std::string(text.data()) + "]"
                                                     : text.data());
  }
  if (addresses.empty()) return absl::UnavailableError("resolving \"" + host + "\": no address");
  return addresses;
}

Poll<Resolve::Output> Resolve::poll(Context& cx) {
  if (!job_) {
    if (cx.StopRequested()) return kStopped;
    job_.emplace(SpawnBlocking(cx.executor(), &ResolveBlocking, host_));
  }
  Poll<Output> result = job_->poll(cx);
  if (!result.IsPending()) return result;
  if (deadline_.poll(cx).IsReady()) {
    return absl::DeadlineExceededError("resolving \"" + host_ + "\": the deadline came first");
  }
  return kPending;
}

}  // namespace weft::io_internal
