// One request over a connection of its own, beside libcurl's blocking interface doing the same.
#include <curl/curl.h>

#include <cstdlib>

#include "benchmark/benchmark.h"
#include "io/http.h"
#include "io/testing/http_server.h"
#include "io/testing/test_loop.h"

namespace weft {
namespace {

ServerReply Answer(const ServerRequest&) { return MakeReply(200, "x"); }

void BM_HttpFetch_OneRequest(benchmark::State& state) {
  HttpServer server(HttpServer::Scheme::kHttp, &Answer);
  TestLoop loop;
  for (auto _ : state) {
    HttpRequest request{.url = server.Url("/")};
    if (!loop.BlockOn(HttpFetch(loop.reactor(), request)).ok()) std::abort();
  }
}
BENCHMARK(BM_HttpFetch_OneRequest)->Iterations(50);

size_t Discard(char*, size_t size, size_t count, void*) { return size * count; }

void BM_CurlEasy_OneRequest(benchmark::State& state) {
  HttpServer server(HttpServer::Scheme::kHttp, &Answer);
  for (auto _ : state) {
    CURL* const easy = curl_easy_init();
    curl_easy_setopt(easy, CURLOPT_URL, server.Url("/").c_str());
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, &Discard);
    if (curl_easy_perform(easy) != CURLE_OK) std::abort();
    curl_easy_cleanup(easy);
  }
}
BENCHMARK(BM_CurlEasy_OneRequest)->Iterations(50);

}  // namespace
}  // namespace weft
