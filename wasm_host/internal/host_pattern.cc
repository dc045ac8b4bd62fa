#include "wasm_host/internal/host_pattern.h"

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace weft::wasm_host_internal {
namespace {

constexpr std::string_view kHostCharacters = "abcdefghijklmnopqrstuvwxyz0123456789-_.";

bool IsHost(std::string_view host) {
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') {
    return host.find_first_not_of("0123456789abcdef:.[]") == std::string_view::npos;
  }
  return !host.empty() && host.front() != '.' && host.find("..") == std::string_view::npos &&
         host.find_first_not_of(kHostCharacters) == std::string_view::npos;
}

std::string_view WithoutFinalDot(std::string_view host) {
  if (host.ends_with('.')) host.remove_suffix(1);
  return host;
}

// Takes ":PORT" off the end. Returns whether what was there is a port.
bool TakePort(std::string_view& rest, HostPattern& pattern) {
  const std::size_t colon = rest.rfind(':');
  const std::size_t bracket = rest.rfind(']');
  const bool has_port =
      colon != std::string_view::npos && (bracket == std::string_view::npos || colon > bracket);
  if (!has_port) return true;
  const std::string_view text = rest.substr(colon + 1);
  rest = rest.substr(0, colon);
  pattern.any_port = text == "*";
  if (pattern.any_port) return true;
  int port = 0;
  if (text.empty() || text.find_first_not_of("0123456789") != std::string_view::npos) return false;
  if (!absl::SimpleAtoi(absl::string_view(text.data(), text.size()), &port)) return false;
  pattern.port = port;
  return port >= 1 && port <= 65535;
}

}  // namespace

absl::StatusOr<HostPattern> ParseHostPattern(std::string_view scope) {
  const std::string lower = absl::AsciiStrToLower(absl::string_view(scope.data(), scope.size()));
  std::string_view rest = lower;
  HostPattern pattern;
  for (const std::string_view scheme : {"http", "https"}) {
    const std::string prefix = std::string(scheme) + "://";
    if (rest.starts_with(prefix)) {
      pattern.scheme = scheme;
      rest.remove_prefix(prefix.size());
      break;
    }
  }
  const bool is_port_good = TakePort(rest, pattern);
  pattern.any_host = rest == "*";
  if (!pattern.any_host && rest.starts_with("*.")) {
    pattern.subdomains = true;
    rest.remove_prefix(2);
  }
  rest = WithoutFinalDot(rest);
  if (!is_port_good || (!pattern.any_host && !IsHost(rest))) {
    return absl::InvalidArgumentError(
        absl::StrCat("expected a host such as example.org, *.example.org, localhost:8080 or "
                     "https://example.org, found ",
                     absl::string_view(scope.data(), scope.size())));
  }
  if (!pattern.any_host) pattern.host = std::string(rest);
  return pattern;
}

bool Covers(const HostPattern& pattern, std::string_view scheme, std::string_view host, int port) {
  if (!pattern.scheme.empty() && pattern.scheme != scheme) return false;
  if (!pattern.any_port) {
    const int default_port = scheme == "https" ? 443 : 80;
    if (port != pattern.port.value_or(default_port)) return false;
  }
  host = WithoutFinalDot(host);
  if (pattern.any_host) return true;
  if (!pattern.subdomains) return host == pattern.host;
  return host.size() > pattern.host.size() + 1 && host.ends_with(pattern.host) &&
         host[host.size() - pattern.host.size() - 1] == '.';
}

}  // namespace weft::wasm_host_internal
