// io/http.h — an HTTP and HTTPS client.
//
//   weft::HttpRequest request{.url = "https://example.com/data"};
//   absl::StatusOr<weft::HttpResponse> response = co_await weft::HttpFetch(reactor, request);
//
// The protocol is libcurl's; waiting is done by our reactor and timers, resolving names by a job of
// the blocking pool. No thread belongs to the client.
//
// Guarantees
//   Redirects     Followed here, one request each, at most `max_redirects`. `allow` is asked before
//                 each request, so a list of allowed hosts holds for every hop. A redirect from
//                 https to http is refused. Authorization and Cookie headers are not sent to
//                 another origin. 301, 302 and 303 turn other methods than GET and HEAD into GET.
//   Schemes       http and https only; URLs with credentials in them are refused.
//   Proxies       None: proxy variables of the environment are ignored.
//   Errors        INVALID_ARGUMENT: the URL, a header or the method cannot be sent. UNAVAILABLE: no
//                 such host, no connection, or it broke. UNAUTHENTICATED: the certificate is not
//                 trusted. DEADLINE_EXCEEDED. RESOURCE_EXHAUSTED: the response is longer than
//                 allowed, or no room to wait for the connection. FAILED_PRECONDITION: too many
//                 redirects, or an unusable ca_file. PERMISSION_DENIED: https to http. What `allow`
//                 answers is passed on as it is.
//                 A response is no error, whatever its status is. std::bad_alloc: out of memory;
//                 the connection has been closed by then. (Where libcurl finds no memory, it may
//                 also say that it has no such host, UNAVAILABLE, or INTERNAL.)
//   Cancellation  The connection is closed and the future answers kStopped as soon as nothing is in
//                 flight; that takes one turn of the reactor. The request may have reached the
//                 server.
//   Complexity    A connection for each request; none is kept for the next one.
//   Resumes on    The executor that polls; completions come from the reactor.
#ifndef WEFT_IO_HTTP_H_
#define WEFT_IO_HTTP_H_

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/instant.h"
#include "future/task.h"
#include "reactor/reactor.h"

namespace weft {

struct HttpHeader {
  std::string name;
  std::string value;
};

struct HttpRequest {
  std::string method = "GET";
  std::string url;
  std::vector<HttpHeader> headers = {};
  std::string body = {};
};

// Where a request is about to go; all parts are normalised as the client uses them.
struct HttpTarget {
  std::string url;
  std::string scheme;  // "http" or "https".
  std::string host;    // Lower case; an IPv6 address has its brackets.
  int port = 0;        // Also if the URL leaves it out.
};

struct HttpOptions {
  // For all hops together, on the executor's clock.
  Instant deadline = Instant::InfiniteFuture();
  // A longer body is an error, and is not read to its end.
  size_t max_response_bytes = size_t{64} << 20;
  // 0 or less: a redirect is answered like any other response.
  int max_redirects = 10;
  // Trusted certificates, PEM. Empty: the system's.
  std::string ca_file;
  // Asked before each request, also those of redirects. An error ends the fetch. Null: all allowed.
  std::function<absl::Status(const HttpTarget& target)> allow;
};

struct HttpResponse {
  int status = 0;
  std::vector<HttpHeader> headers;
  std::string body;
  std::string url;  // Of the last hop.
  int redirects = 0;

  // The first header of that name, without regard to case; empty if there is none.
  std::string_view Header(std::string_view name) const;
};

// Performs a request. `reactor` must outlive the task.
Task<absl::StatusOr<HttpResponse>> HttpFetch(Reactor& reactor, HttpRequest request,
                                             HttpOptions options = {});

}  // namespace weft

#endif  // WEFT_IO_HTTP_H_
