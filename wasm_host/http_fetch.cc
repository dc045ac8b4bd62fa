#include "wasm_host/http_fetch.h"

#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "future/or_return.h"
#include "future/task.h"
#include "wasm_host/data.h"
#include "wasm_host/error.h"
#include "wasm_host/host_call.h"
#include "wasm_host/internal/host_pattern.h"

namespace weft {
namespace {

using wasm_host_internal::HostPattern;
using wasm_host_internal::ParseHostPattern;

constexpr int32_t kNoAnswer = -1;

// Asked before each hop.
absl::Status CheckTarget(const std::vector<std::string>& scopes, const HttpTarget& target) {
  for (const std::string& scope : scopes) {
    const absl::StatusOr<HostPattern> pattern = ParseHostPattern(scope);
    if (!pattern.ok()) return WithCause(pattern.status(), GuestCause::kCapabilityDenied, "");
    if (Covers(*pattern, target.scheme, target.host, target.port)) return absl::OkStatus();
  }
  return GuestError(
      GuestCause::kCapabilityDenied,
      absl::StrCat("fetching from ", target.scheme, "://", target.host, ":", target.port,
                   " is not granted; granted: ",
                   scopes.empty() ? std::string("nothing") : absl::StrJoin(scopes, ", ")));
}

// Whether the guest is told, rather than ended.
bool IsNoAnswer(const absl::Status& status) {
  return absl::IsUnavailable(status) || absl::IsDeadlineExceeded(status);
}

class Fetcher {
 public:
  Fetcher(Reactor& reactor, HttpFetchOptions options)
      : reactor_(&reactor), options_(std::move(options)) {}

  Task<absl::StatusOr<int32_t>> operator()(HostCall& call, std::string_view url,
                                           std::span<char> status) const {
    return Fetch(*reactor_, options_, call, url, status);
  }

 private:
  static Task<absl::StatusOr<int32_t>> Fetch(Reactor& reactor, HttpFetchOptions fetch_options,
                                             HostCall& call, std::string_view url,
                                             std::span<char> status_out) {
    if (status_out.size() != sizeof(int32_t)) {
      co_return GuestError(GuestCause::kBadPointer,
                           "expected 4 bytes of memory for the status of the answer");
    }
    HttpRequest request{.url = std::string(url)};
    HttpOptions options;
    options.max_response_bytes = fetch_options.max_response_bytes;
    options.max_redirects = fetch_options.max_redirects;
    options.ca_file = fetch_options.ca_file;
    const std::vector<std::string> scopes = call.grants().Scopes(kHttpFetchCapability);
    options.allow = [&scopes](const HttpTarget& target) { return CheckTarget(scopes, target); };
    Task<absl::StatusOr<HttpResponse>> fetch =
        HttpFetch(reactor, std::move(request), std::move(options));
    absl::StatusOr<HttpResponse> fetched = co_await std::move(fetch);
    if (!fetched.ok() && IsNoAnswer(fetched.status())) co_return kNoAnswer;
    HttpResponse response = co_await OrReturn(std::move(fetched));
    const int32_t code = response.status;
    std::memcpy(status_out.data(), &code, sizeof(code));
    auto body = std::make_shared<const std::string>(std::move(response.body));
    co_return call.data().FindOrMake<DataTable>().Add(std::move(body));
  }

  Reactor* reactor_;
  HttpFetchOptions options_;
};

}  // namespace

void AddHttpFetch(HostFunctions& functions, Reactor& reactor, HttpFetchOptions options) {
  functions.Add({.module = "weft",
                 .name = "http_fetch",
                 .capability = kHttpFetchCapability,
                 .check_scope = CheckHttpFetchScope},
                Fetcher(reactor, std::move(options)));
}

absl::Status CheckHttpFetchScope(std::string_view scope) {
  return ParseHostPattern(scope).status();
}

}  // namespace weft
