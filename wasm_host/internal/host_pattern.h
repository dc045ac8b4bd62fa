// wasm_host/internal/host_pattern.h — which hosts a grant of http.fetch covers.
#ifndef WEFT_WASM_HOST_INTERNAL_HOST_PATTERN_H_
#define WEFT_WASM_HOST_INTERNAL_HOST_PATTERN_H_

#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace weft::wasm_host_internal {

// A parsed scope: [SCHEME "://"] HOST [":" PORT], where HOST is a name, an address, "*." and a name
// (any number of labels before it, at least one), or "*"; PORT is a number or "*".
struct HostPattern {
  std::string scheme;       // empty: http and https
  std::string host;         // lower case; without the "*."
  bool any_host = false;    // "*"
  bool subdomains = false;  // "*."
  bool any_port = false;
  std::optional<int> port;  // absent: the default port of the scheme
};

// Errors: InvalidArgument, saying what is expected.
absl::StatusOr<HostPattern> ParseHostPattern(std::string_view scope);

// Whether the pattern covers a target as the client is about to use it: `scheme` and `host` in
// lower case.
bool Covers(const HostPattern& pattern, std::string_view scheme, std::string_view host, int port);

}  // namespace weft::wasm_host_internal

#endif  // WEFT_WASM_HOST_INTERNAL_HOST_PATTERN_H_
