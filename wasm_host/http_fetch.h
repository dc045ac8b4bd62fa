// wasm_host/http_fetch.h — HTTP and HTTPS for guests, within what they were granted.
//
//   weft.http_fetch(url, length, status, 4) -> i32     capability http.fetch; suspends the guest
//
// fetches with GET, writes the status of the answer (an i32) to the guest's memory and gives a
// handle (data.h) of the body; -1 if there was no answer. A host outside the grant ends the guest.
//
// A scope of the capability is [SCHEME://]HOST[:PORT]. HOST is a name or address, "*.NAME" for
// everything below NAME (not NAME itself), or "*". Names are compared label by label. Without PORT
// only the scheme's own port is granted; ":*" grants all. The scopes are asked again before each
// redirect, with the target as the client is about to use it. What a name resolves to is not
// checked: grant only names whose owner you trust.
//
// Results of guests that import it are not kept, unless the step says that it is pure.
#ifndef WEFT_WASM_HOST_HTTP_FETCH_H_
#define WEFT_WASM_HOST_HTTP_FETCH_H_

#include <cstddef>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "io/http.h"
#include "wasm_host/registry.h"

namespace weft {

inline constexpr char kHttpFetchCapability[] = "http.fetch";

// For all fetches of a registry.
struct HttpFetchOptions {
  std::size_t max_response_bytes = std::size_t{64} << 20;
  int max_redirects = 10;
  // Trusted certificates, PEM. Empty: the system's.
  std::string ca_file;
};

// Registers the function. `reactor` outlives every call of it.
void AddHttpFetch(HostFunctions& functions, Reactor& reactor, HttpFetchOptions options = {});

// Whether `scope` can be granted. Errors: InvalidArgument, saying what to change.
absl::Status CheckHttpFetchScope(std::string_view scope);

}  // namespace weft

#endif  // WEFT_WASM_HOST_HTTP_FETCH_H_
