#include "io/http.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <new>
#include <optional>
#include <utility>

#include "io/internal/curl_handles.h"
#include "io/internal/http_exchange.h"
#include "io/internal/resolve.h"

namespace weft {
namespace {

using io_internal::CurlText;
using io_internal::CurlUrl;
using io_internal::Exchange;
using io_internal::ExchangeRequest;
using io_internal::ExchangeResponse;
using io_internal::Resolve;

std::string LowerCase(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return lower;
}

bool EqualsIgnoringCase(std::string_view a, std::string_view b) {
  return LowerCase(a) == LowerCase(b);
}

// What a function of libcurl's parser answered; what it left out for want of memory looks like
// something that is not there.
CURLUcode Checked(CURLUcode code) {
  if (code == CURLUE_OUT_OF_MEMORY) throw std::bad_alloc();
  return code;
}

std::string Part(const CurlUrl& url, CURLUPart part, unsigned flags = 0) {
  char* text = nullptr;
  if (Checked(curl_url_get(url.get(), part, &text, flags)) != CURLUE_OK) return "";
  const CurlText owner(text);
  return text;
}

absl::Status BadUrl(std::string_view url, std::string_view problem) {
  return absl::InvalidArgumentError("HttpFetch(\"" + std::string(url) +
                                    "\"): " + std::string(problem));
}

// Parses `text`, relative to `base` unless that is empty, with libcurl's own parser: what `allow`
// sees is what will be connected to.
absl::StatusOr<HttpTarget> ParseTarget(const std::string& base, const std::string& text) {
  io_internal::InitialiseCurl();
  const CurlUrl url(curl_url());
  if (url == nullptr) throw std::bad_alloc();
  if (!base.empty()) Checked(curl_url_set(url.get(), CURLUPART_URL, base.c_str(), 0));
  const CURLUcode code = Checked(curl_url_set(url.get(), CURLUPART_URL, text.c_str(), 0));
  if (code != CURLUE_OK) return BadUrl(text, curl_url_strerror(code));
  HttpTarget target;
  target.scheme = LowerCase(Part(url, CURLUPART_SCHEME));
  if (target.scheme != "http" && target.scheme != "https") {
    return BadUrl(text, "expected the scheme http or https, found \"" + target.scheme + "\"");
  }
  target.host = LowerCase(Part(url, CURLUPART_HOST));
  if (!Part(url, CURLUPART_USER).empty() || !Part(url, CURLUPART_PASSWORD).empty()) {
    // A message ends up in logs: it has no password in it.
    return BadUrl(target.scheme + "://...@" + target.host,
                  "expected no user name in the URL; send an Authorization header instead");
  }
  const auto is_plain = [](char c) { return c > ' ' && c < 0x7f; };
  if (target.host.empty() || !std::all_of(target.host.begin(), target.host.end(), is_plain)) {
    return BadUrl(text, "expected a host of plain ASCII characters; write others in punycode");
  }
  const std::string port = Part(url, CURLUPART_PORT, CURLU_DEFAULT_PORT);
  target.port = std::atoi(port.c_str());
  Checked(curl_url_set(url.get(), CURLUPART_FRAGMENT, nullptr, 0));
  Checked(curl_url_set(url.get(), CURLUPART_HOST, target.host.c_str(), 0));
  target.url = Part(url, CURLUPART_URL);
  return target;
}

bool IsToken(std::string_view text) {
  constexpr std::string_view kOthers = "!#$%&'*+-.^_`|~";
  return !text.empty() && std::all_of(text.begin(), text.end(), [&](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) || kOthers.find(c) != std::string_view::npos;
  });
}

absl::Status Validate(const HttpRequest& request) {
  if (!IsToken(request.method)) {
    return BadUrl(request.url, "\"" + request.method + "\" is not an HTTP method");
  }
  for (const HttpHeader& header : request.headers) {
    const bool clean =
        header.value.find_first_of(std::string_view("\r\n\0", 3)) == std::string::npos;
    if (!IsToken(header.name) || !clean) {
      return BadUrl(request.url, "the header \"" + header.name +
                                     "\" has a character in its name or value that cannot be sent");
    }
  }
  return absl::OkStatus();
}

// What is digits and dots without being an address is a name: libcurl must not resolve it either.
bool IsAddress(const std::string& host) {
  in_addr address;
  return host.front() == '[' || inet_pton(AF_INET, host.c_str(), &address) == 1;
}

std::string ResolvedEntry(const HttpTarget& target, const std::vector<std::string>& addresses) {
  std::string entry = target.host + ":" + std::to_string(target.port) + ":";
  for (size_t i = 0; i < addresses.size(); ++i) entry += (i == 0 ? "" : ",") + addresses[i];
  return entry;
}

bool IsRedirect(int status) {
  constexpr std::array<int, 5> kRedirects = {301, 302, 303, 307, 308};
  return std::find(kRedirects.begin(), kRedirects.end(), status) != kRedirects.end();
}

HttpResponse MakeResponse(ExchangeResponse exchange, const HttpTarget& target, int redirects) {
  HttpResponse response;
  response.status = exchange.status;
  response.body = std::move(exchange.body);
  response.url = target.url;
  response.redirects = redirects;
  for (auto& [name, value] : exchange.headers) {
    response.headers.push_back({.name = std::move(name), .value = std::move(value)});
  }
  return response;
}

// Changes `request` into the one for the next hop.
void FollowRedirect(int status, const HttpTarget& from, const HttpTarget& to,
                    HttpRequest* request) {
  const bool keeps_method =
      status == 307 || status == 308 || request->method == "GET" || request->method == "HEAD";
  const bool same_origin = from.scheme == to.scheme && from.host == to.host && from.port == to.port;
  std::erase_if(request->headers, [&](const HttpHeader& header) {
    const std::string name = LowerCase(header.name);
    if (!keeps_method && name.starts_with("content-")) return true;
    return !same_origin && (name == "authorization" || name == "cookie" || name == "host" ||
                            name == "proxy-authorization");
  });
  if (keeps_method) return;
  request->method = "GET";
  request->body.clear();
}

// The target of a redirect, or why it is not followed.
absl::StatusOr<HttpTarget> NextTarget(const HttpTarget& from, std::string_view location) {
  absl::StatusOr<HttpTarget> to = ParseTarget(from.url, std::string(location));
  if (to.ok() && from.scheme == "https" && to->scheme == "http") {
    return absl::PermissionDeniedError("HttpFetch(\"" + from.url +
                                       "\"): a redirect from https to " + to->url + " is refused");
  }
  return to;
}

ExchangeRequest MakeExchange(const HttpRequest& request, const HttpOptions& options,
                             const HttpTarget& target) {
  ExchangeRequest exchange;
  exchange.method = request.method;
  exchange.url = target.url;
  for (const HttpHeader& header : request.headers) {
    exchange.headers.emplace_back(header.name, header.value);
  }
  exchange.body = request.body;
  exchange.ca_file = options.ca_file;
  exchange.max_response_bytes = options.max_response_bytes;
  exchange.deadline = options.deadline;
  return exchange;
}

// One hop: asks `allow`, resolves, exchanges.
Task<absl::StatusOr<ExchangeResponse>> Hop(Reactor& reactor, const HttpRequest& request,
                                           const HttpOptions& options, const HttpTarget& target) {
  if (options.allow != nullptr) {
    const absl::Status allowed = options.allow(target);
    if (!allowed.ok()) co_return allowed;
  }
  ExchangeRequest exchange = MakeExchange(request, options, target);
  if (!IsAddress(target.host)) {
    Resolve resolve(target.host, options.deadline);
    const absl::StatusOr<std::vector<std::string>> addresses = co_await resolve;
    if (!addresses.ok()) co_return addresses.status();
    exchange.resolved = ResolvedEntry(target, *addresses);
  }
  Exchange future(reactor, std::move(exchange));
  co_return co_await future;
}

}  // namespace

std::string_view HttpResponse::Header(std::string_view name) const {
  for (const HttpHeader& header : headers) {
    if (EqualsIgnoringCase(header.name, name)) return header.value;
  }
  return "";
}

Task<absl::StatusOr<HttpResponse>> HttpFetch(Reactor& reactor, HttpRequest request,
                                             HttpOptions options) {
  const absl::Status valid = Validate(request);
  if (!valid.ok()) co_return valid;
  absl::StatusOr<HttpTarget> target = ParseTarget("", request.url);
  for (int redirects = 0; target.ok(); ++redirects) {
    Task<absl::StatusOr<ExchangeResponse>> hop = Hop(reactor, request, options, *target);
    absl::StatusOr<ExchangeResponse> exchange = co_await std::move(hop);
    if (!exchange.ok()) co_return exchange.status();
    HttpResponse response = MakeResponse(*std::move(exchange), *target, redirects);
    const std::string_view location = response.Header("location");
    if (!IsRedirect(response.status) || location.empty() || options.max_redirects <= 0) {
      co_return response;
    }
    if (redirects == options.max_redirects) {
      co_return absl::FailedPreconditionError(
          "HttpFetch(\"" + request.url + "\"): expected at most " +
          std::to_string(options.max_redirects) + " redirects, found one more, at " + target->url +
          "; raise max_redirects, or is it a loop?");
    }
    absl::StatusOr<HttpTarget> next = NextTarget(*target, location);
    if (next.ok()) FollowRedirect(response.status, *target, *next, &request);
    target = std::move(next);
  }
  co_return target.status();
}

}  // namespace weft
