// Fetches a page, with a list of allowed hosts that holds for redirects too. A program of your own
// takes //runtime in the place of TestLoop, and the network in the place of HttpServer.
#include <cstdio>
#include <cstdlib>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "io/http.h"
#include "io/testing/http_server.h"
#include "io/testing/test_loop.h"

int main() {
  weft::HttpServer server(weft::HttpServer::Scheme::kHttp, [](const weft::ServerRequest& request) {
    if (request.target == "/away") {
      return weft::MakeReply(302, "", "Location: http://elsewhere.example/\r\n");
    }
    return weft::MakeReply(200, "hello from the loom\n");
  });
  weft::TestLoop loop;
  weft::HttpOptions options;
  options.allow = [](const weft::HttpTarget& target) -> absl::Status {
    if (target.host == "127.0.0.1") return absl::OkStatus();
    return absl::PermissionDeniedError("the host " + target.host + " is not on the list");
  };

  weft::HttpRequest request{.url = server.Url("/")};
  const absl::StatusOr<weft::HttpResponse> page =
      loop.BlockOn(weft::HttpFetch(loop.reactor(), request, options));
  if (!page.ok()) return EXIT_FAILURE;
  std::printf("%d: %s", page->status, page->body.c_str());

  request.url = server.Url("/away");
  const absl::Status refused =
      loop.BlockOn(weft::HttpFetch(loop.reactor(), request, options)).status();
  std::printf("%s\n", refused.ToString().c_str());
  return refused.code() == absl::StatusCode::kPermissionDenied ? EXIT_SUCCESS : EXIT_FAILURE;
}
