// runtime/internal/open_reactor.h — the reactor of a runtime whose constructor cannot fail.
#ifndef WEFT_RUNTIME_INTERNAL_OPEN_REACTOR_H_
#define WEFT_RUNTIME_INTERNAL_OPEN_REACTOR_H_

#include <memory>
#include <utility>

#include "absl/status/statusor.h"
#include "base/check.h"
#include "reactor/epoll_reactor.h"
#include "reactor/reactor.h"

namespace weft::runtime_internal {

// Stops the program, with the reason, where there is none to be had. `runtime`: the class's name.
inline std::unique_ptr<Reactor> OpenReactor(const char* runtime) {
  absl::StatusOr<std::unique_ptr<EpollReactor>> reactor = EpollReactor::Create();
  WEFT_CHECK(reactor.ok()) << runtime
                           << "(): opening the reactor failed: " << reactor.status().ToString()
                           << "; " << runtime << "::Create() returns this as a status";
  return *std::move(reactor);
}

}  // namespace weft::runtime_internal

#endif  // WEFT_RUNTIME_INTERNAL_OPEN_REACTOR_H_
