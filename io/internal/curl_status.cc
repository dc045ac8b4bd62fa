#include "io/internal/curl_status.h"

#include <string_view>

namespace weft::io_internal {
namespace {

absl::StatusCode CodeOf(CURLcode code) {
  switch (code) {
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL:
      return absl::StatusCode::kInvalidArgument;
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_CONNECT:
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
    case CURLE_GOT_NOTHING:
    case CURLE_PARTIAL_FILE:
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_WEIRD_SERVER_REPLY:
      return absl::StatusCode::kUnavailable;
    case CURLE_PEER_FAILED_VERIFICATION:
      return absl::StatusCode::kUnauthenticated;
    case CURLE_SSL_CACERT_BADFILE:
      return absl::StatusCode::kFailedPrecondition;
    case CURLE_OPERATION_TIMEDOUT:
      return absl::StatusCode::kDeadlineExceeded;
    case CURLE_OUT_OF_MEMORY:
      return absl::StatusCode::kResourceExhausted;
    default:
      return absl::StatusCode::kInternal;
  }
}

// What to do about it, for the errors where that is known.
std::string_view Advice(CURLcode code) {
  switch (code) {
    case CURLE_PEER_FAILED_VERIFICATION:
      return "; trust its issuer by ca_file if that is what you mean";
    case CURLE_SSL_CACERT_BADFILE:
      return "; ca_file must name a readable file of PEM certificates";
    default:
      return "";
  }
}

}  // namespace

absl::Status CurlStatus(CURLcode code, std::string doing, const char* detail) {
  doing.append(detail[0] != '\0' ? detail : curl_easy_strerror(code)).append(Advice(code));
  return absl::Status(CodeOf(code), doing);
}

}  // namespace weft::io_internal
