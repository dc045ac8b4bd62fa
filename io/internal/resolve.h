// io/internal/resolve.h — the addresses of a host, asked for in the blocking pool.
#ifndef WEFT_IO_INTERNAL_RESOLVE_H_
#define WEFT_IO_INTERNAL_RESOLVE_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "base/instant.h"
#include "future/context.h"
#include "future/poll.h"
#include "future/sleep.h"
#include "future/spawn.h"

namespace weft::io_internal {

// Addresses in text form, IPv6 in brackets, in the order in which they should be tried. Blocks.
absl::StatusOr<std::vector<std::string>> ResolveBlocking(const std::string& host);

// The same as a future with a deadline. When cancelled or late, the job goes on alone and its
// result is dropped: the C library has no way to stop it.
class Resolve {
 public:
  using Output = absl::StatusOr<std::vector<std::string>>;

  Resolve(std::string host, Instant deadline) : host_(std::move(host)), deadline_(deadline) {}

  Poll<Output> poll(Context& cx);

 private:
  std::string host_;
  SleepUntil deadline_;
  std::optional<JoinHandle<Output>> job_;
};

}  // namespace weft::io_internal

#endif  // WEFT_IO_INTERNAL_RESOLVE_H_
