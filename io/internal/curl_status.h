// io/internal/curl_status.h — errors of libcurl as absl::Status.
#ifndef WEFT_IO_INTERNAL_CURL_STATUS_H_
#define WEFT_IO_INTERNAL_CURL_STATUS_H_

#include <curl/curl.h>

#include <string>

#include "absl/status/status.h"

namespace weft::io_internal {

// The error `code`, which is not CURLE_OK. The message is `doing`, then `detail` or, if that is
// empty, libcurl's words for the code, then what to do about it where that is known.
absl::Status CurlStatus(CURLcode code, std::string doing, const char* detail);

}  // namespace weft::io_internal

#endif  // WEFT_IO_INTERNAL_CURL_STATUS_H_
