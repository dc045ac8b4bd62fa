// io/internal/http_exchange.h — one HTTP request and its response, without redirects.
#ifndef WEFT_IO_INTERNAL_HTTP_EXCHANGE_H_
#define WEFT_IO_INTERNAL_HTTP_EXCHANGE_H_

#include <cstddef>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "base/instant.h"
#include "future/context.h"
#include "future/poll.h"
#include "reactor/reactor.h"

namespace weft::io_internal {

using HeaderList = std::vector<std::pair<std::string, std::string>>;

// What to send. All parts have been validated.
struct ExchangeRequest {
  std::string method;
  std::string url;
  HeaderList headers;
  std::string body;
  // "host:port:address,address", so that libcurl resolves nothing by itself.
  std::string resolved;
  std::string ca_file;
  size_t max_response_bytes = 0;
  Instant deadline;
};

struct ExchangeResponse {
  int status = 0;
  HeaderList headers;
  std::string body;
};

// The future of one exchange: libcurl's multi-socket interface on a reactor. The multi handle is
// this future's own, so all calls into libcurl are made by its polls, one after the other.
//
// libcurl decides when a socket is closed, and may do so while the reactor holds an operation on
// it. The close is then put off until the operation has ended, so that its number is not used
// again.
class Exchange {
 public:
  using Output = absl::StatusOr<ExchangeResponse>;

  Exchange(Reactor& reactor, ExchangeRequest request);
  Exchange(Exchange&&) noexcept;
  ~Exchange();

  Poll<Output> poll(Context& cx);

 private:
  class Transfer;

  std::unique_ptr<Transfer> transfer_;
};

}  // namespace weft::io_internal

#endif  // WEFT_IO_INTERNAL_HTTP_EXCHANGE_H_
