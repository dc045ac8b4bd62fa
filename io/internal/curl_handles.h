// io/internal/curl_handles.h — owners for libcurl's handles.
#ifndef WEFT_IO_INTERNAL_CURL_HANDLES_H_
#define WEFT_IO_INTERNAL_CURL_HANDLES_H_

#include <curl/curl.h>
#include <curl/urlapi.h>

#include <memory>

namespace weft::io_internal {

// Frees what libcurl's functions gave.
struct CurlDelete {
  void operator()(CURL* easy) const { curl_easy_cleanup(easy); }
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
  void operator()(CURLU* url) const { curl_url_cleanup(url); }
  void operator()(char* text) const { curl_free(text); }
};

using CurlEasy = std::unique_ptr<CURL, CurlDelete>;
using CurlList = std::unique_ptr<curl_slist, CurlDelete>;
using CurlUrl = std::unique_ptr<CURLU, CurlDelete>;
using CurlText = std::unique_ptr<char, CurlDelete>;

// Initialises libcurl once. Call it before anything else of libcurl.
inline void InitialiseCurl() {
  static const CURLcode code = curl_global_init(CURL_GLOBAL_DEFAULT);
  static_cast<void>(code);
}

}  // namespace weft::io_internal

#endif  // WEFT_IO_INTERNAL_CURL_HANDLES_H_
