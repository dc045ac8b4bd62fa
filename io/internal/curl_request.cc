#include "io/internal/curl_request.h"

namespace weft::io_internal {
namespace {

bool IsSpace(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

bool EqualsIgnoringCase(std::string_view a, std::string_view b) {
  return a.size() == b.size() && curl_strnequal(a.data(), b.data(), a.size()) != 0;
}

void Append(const std::string& line, CurlList* list) {
  curl_slist* const longer = curl_slist_append(list->get(), line.c_str());
  if (longer == nullptr) throw std::bad_alloc();
  static_cast<void>(list->release());  // It is the head of the longer one.
  list->reset(longer);
}

}  // namespace

std::string Trimmed(std::string_view text) {
  while (!text.empty() && IsSpace(text.front())) text.remove_prefix(1);
  while (!text.empty() && IsSpace(text.back())) text.remove_suffix(1);
  return std::string(text);
}

void CurlRequest::Put(const ExchangeRequest& request, CURL* easy) {
  const auto set = [easy](CURLoption option, auto value) { SetCurlOption(easy, option, value); };
  set(CURLOPT_NOSIGNAL, 1L);
  set(CURLOPT_FOLLOWLOCATION, 0L);
  set(CURLOPT_PROTOCOLS_STR, "http,https");
  set(CURLOPT_PROXY, "");
  set(CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
  if (!request.resolved.empty()) {
    Append(request.resolved, &resolved_);
    set(CURLOPT_RESOLVE, resolved_.get());
  }
  if (!request.ca_file.empty()) {
    set(CURLOPT_CAINFO, request.ca_file.c_str());
    set(CURLOPT_CAPATH, nullptr);
  }
  set(CURLOPT_URL, request.url.c_str());
  const bool has_body = !request.body.empty();
  if (request.method == "HEAD") {
    set(CURLOPT_NOBODY, 1L);
  } else {
    if (has_body || request.method == "POST" || request.method == "PUT") {
      set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
      set(CURLOPT_POSTFIELDS, request.body.data());
    }
    set(CURLOPT_CUSTOMREQUEST, request.method.c_str());
  }
  bool has_content_type = false;
  for (const auto& [name, value] : request.headers) {
    has_content_type |= EqualsIgnoringCase(name, "content-type");
    // "Name;" is how libcurl is told to send a header without a value; it drops one of blanks.
    Append(Trimmed(value).empty() ? name + ";" : name + ": " + value, &headers_);
  }
  Append("Expect:", &headers_);                               // Never wait for a 100.
  if (!has_content_type) Append("Content-Type:", &headers_);  // No guess of libcurl's.
  set(CURLOPT_HTTPHEADER, headers_.get());
}

}  // namespace weft::io_internal
