// http.fetch against real servers on the loopback address: the grant is asked before each hop.

#include "wasm_host/http_fetch.h"

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "future/context.h"
#include "future/poll.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "io/testing/http_server.h"
#include "io/testing/test_loop.h"
#include "wasm_host/data.h"
#include "wasm_host/error.h"
#include "wasm_host/grants.h"
#include "wasm_host/host_call.h"
#include "wasm_host/host_function.h"
#include "wasm_host/internal/host_pattern.h"
#include "wasm_host/registry.h"
#include "wasm_host/value.h"

namespace weft {
namespace {

using ::testing::HasSubstr;
using wasm_host_internal::Covers;
using wasm_host_internal::ParseHostPattern;

// Drives the host function without a guest.
class OneCall {
 public:
  using Output = absl::Status;

  OneCall(const HostFunction& function, HostCall& call, const RawValue* args, RawValue* result)
      : operation_(function.Start(call, args, result)) {}

  Poll<absl::Status> poll(Context& cx) { return operation_->poll(cx); }

 private:
  std::unique_ptr<HostOperation> operation_;
};

ServerReply Answer(const ServerRequest& request) {
  if (request.target.starts_with("/to?")) {
    return MakeReply(302, "", "Location: " + request.target.substr(4) + "\r\n");
  }
  return MakeReply(request.target == "/missing" ? 404 : 200, "body of " + request.target);
}

class HttpFetchTest : public testing::Test {
 protected:
  HttpFetchTest()
      : http_(HttpServer::Scheme::kHttp, Answer), https_(HttpServer::Scheme::kHttps, Answer) {
    AddHttpFetch(functions_, loop_.reactor(), {.max_redirects = 3, .ca_file = https_.ca_file()});
  }

  // "STATUS BODY", "no answer", or an error.
  absl::StatusOr<std::string> Fetch(const std::string& url) {
    std::string memory = std::string(4, '\0') + url;
    CallData data;
    HostCall call(guest_, grants_, data);
    call.set_memory(GuestMemory(memory.data(), memory.size()));
    const RawValue args[] = {RawValue::From(int32_t{4}),
                             RawValue::From(static_cast<uint32_t>(url.size())),
                             RawValue::From(int32_t{0}), RawValue::From(int32_t{4})};
    RawValue result;
    absl::Status status =
        loop_.BlockOn(OneCall(*functions_.Find("weft", "http_fetch"), call, args, &result));
    if (!status.ok()) return status;
    if (result.As<int32_t>() < 0) return "no answer";
    int32_t code = 0;
    memory.copy(reinterpret_cast<char*>(&code), sizeof(code));
    return std::to_string(code) + " " + **data.FindOrMake<DataTable>().Find(result.As<int32_t>());
  }

  std::string Port(const HttpServer& server) { return ":" + std::to_string(server.port()); }

  HttpServer http_;
  HttpServer https_;
  TestLoop loop_;
  HostFunctions functions_;
  const std::string guest_ = "guest";
  Grants grants_;
};

TEST_F(HttpFetchTest, FetchesWhatIsGranted) {
  grants_.Allow("http.fetch", "127.0.0.1" + Port(http_))
      .Allow("http.fetch", "https://localhost" + Port(https_));
  EXPECT_EQ(*Fetch(http_.Url("/a")), "200 body of /a");
  EXPECT_EQ(*Fetch(http_.Url("/missing")), "404 body of /missing");
  EXPECT_EQ(*Fetch(https_.Url("/b", "localhost")), "200 body of /b");
  EXPECT_EQ(*Fetch(http_.Url("/to?/c")), "200 body of /c");
  EXPECT_EQ(*Fetch(http_.Url("/to?" + https_.Url("/d", "localhost"))), "200 body of /d");
}

TEST_F(HttpFetchTest, EachRedirectIsAskedAgain) {
  grants_.Allow("http.fetch", "127.0.0.1" + Port(http_));
  const absl::Status status = Fetch(http_.Url("/to?" + https_.Url("/secret"))).status();
  EXPECT_EQ(CauseOf(status), GuestCause::kCapabilityDenied);
  EXPECT_EQ(status.message(), "fetching from https://127.0.0.1" + Port(https_) +
                                  " is not granted; granted: 127.0.0.1" + Port(http_));
  EXPECT_EQ(https_.requests(), 0);
  EXPECT_EQ(CauseOf(Fetch(http_.Url("/to?" + http_.Url("/x", "localhost"))).status()),
            GuestCause::kCapabilityDenied);
}

TEST_F(HttpFetchTest, NothingIsSentWithoutAGrant) {
  EXPECT_EQ(CauseOf(Fetch(http_.Url("/a")).status()), GuestCause::kCapabilityDenied);
  grants_.Allow("http.fetch", "127.0.0.1");  // The default port only.
  EXPECT_EQ(CauseOf(Fetch(http_.Url("/a")).status()), GuestCause::kCapabilityDenied);
  grants_.Allow("http.fetch", "https://127.0.0.1:*");
  EXPECT_EQ(CauseOf(Fetch(http_.Url("/a")).status()), GuestCause::kCapabilityDenied);
  EXPECT_EQ(http_.requests(), 0);
}

TEST_F(HttpFetchTest, TricksWithUrlsAreRefused) {
  grants_.Allow("http.fetch", "example.org").Allow("http.fetch", "*.internal");
  const std::string port = Port(http_);
  const std::string kTricks[] = {
      "http://example.org@127.0.0.1" + port + "/",
      "http://127.0.0.1" + port + "#@example.org/",
      "http://127.0.0.1" + port + "/?x=example.org",
      "http://127.0.0.1" + port + "/.internal",
      "http://127.0.0.1" + port + "\\@example.org/",
      "http://example.org:80:" + std::to_string(http_.port()) + "/",
      "http://evilinternal/",
      "file:///etc/passwd",
      "x",
      "",
  };
  for (const std::string& url : kTricks) {
    EXPECT_FALSE(Fetch(url).ok()) << url;
  }
  EXPECT_EQ(http_.requests(), 0);
}

TEST_F(HttpFetchTest, AServerThatIsNotThereIsNoAnswer) {
  grants_.Allow("http.fetch", "127.0.0.1:1");
  EXPECT_EQ(*Fetch("http://127.0.0.1:1/"), "no answer");
}

TEST(HostPatternTest, ComparesLabelByLabel) {
  const auto covers = [](const char* scope, const char* scheme, const char* host, int port) {
    return Covers(*ParseHostPattern(scope), scheme, host, port);
  };
  EXPECT_TRUE(covers("example.org", "http", "example.org", 80));
  EXPECT_TRUE(covers("Example.ORG", "https", "example.org", 443));
  EXPECT_TRUE(covers("example.org", "https", "example.org.", 443));
  EXPECT_TRUE(covers("*.internal", "http", "a.internal", 80));
  EXPECT_TRUE(covers("*.internal", "http", "a.b.internal", 80));
  EXPECT_TRUE(covers("*", "http", "anything", 80));
  EXPECT_TRUE(covers("*:*", "http", "anything", 8080));
  EXPECT_TRUE(covers("[::1]:8080", "http", "[::1]", 8080));
  EXPECT_FALSE(covers("*.internal", "http", "internal", 80));
  EXPECT_FALSE(covers("*.internal", "http", "evilinternal", 80));
  EXPECT_FALSE(covers("*.internal", "http", ".internal", 80));
  EXPECT_FALSE(covers("example.org", "http", "example.org.evil.com", 80));
  EXPECT_FALSE(covers("example.org", "http", "www.example.org", 80));
  EXPECT_FALSE(covers("example.org", "http", "example.org", 443));
  EXPECT_FALSE(covers("example.org:8080", "http", "example.org", 80));
  EXPECT_FALSE(covers("https://example.org", "http", "example.org", 443));
  EXPECT_FALSE(covers("*", "http", "anything", 22));
}

TEST(HostPatternTest, RefusesWhatIsNoHost) {
  for (const char* scope :
       {"", "http://", "ftp://example.org", "example.org/path", "user@host", "a..b", ".a",
        "host:", "host:0", "host:65536", "host:x", "*x.org", "a.*.org", "a b", "*."}) {
    EXPECT_FALSE(CheckHttpFetchScope(scope).ok()) << scope;
  }
  EXPECT_THAT(CheckHttpFetchScope("a b").message(),
              HasSubstr("expected a host such as example.org"));
}

}  // namespace
}  // namespace weft
