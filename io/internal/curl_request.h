// io/internal/curl_request.h — a request in the words of libcurl.
#ifndef WEFT_IO_INTERNAL_CURL_REQUEST_H_
#define WEFT_IO_INTERNAL_CURL_REQUEST_H_

#include <curl/curl.h>

#include <new>
#include <string>
#include <string_view>

#include "io/internal/curl_handles.h"
#include "io/internal/http_exchange.h"

namespace weft::io_internal {

// Throws std::bad_alloc when libcurl is out of memory.
template <typename T>
void SetCurlOption(CURL* easy, CURLoption option, T value) {
  if (curl_easy_setopt(easy, option, value) == CURLE_OUT_OF_MEMORY) throw std::bad_alloc();
}

// Without white space at its ends.
std::string Trimmed(std::string_view text);

// What libcurl refers to while it works on a request.
class CurlRequest {
 public:
  // Tells `easy` what to send, and where. Called once. This and `request` must outlive the use of
  // `easy`. Throws std::bad_alloc.
  void Put(const ExchangeRequest& request, CURL* easy);

 private:
  CurlList headers_;
  CurlList resolved_;
};

}  // namespace weft::io_internal

#endif  // WEFT_IO_INTERNAL_CURL_REQUEST_H_
