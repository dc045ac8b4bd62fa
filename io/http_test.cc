// The contract of HttpFetch, against local HTTP and HTTPS servers.
#include "io/http.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "base/instant.h"
#include "future/spawn.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "io/testing/http_server.h"
#include "io/testing/refusing_reactor.h"
#include "io/testing/test_loop.h"
#include "reactor/operation.h"

namespace weft {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using Response = absl::StatusOr<HttpResponse>;

std::string Location(const std::string& url) { return "Location: " + url + "\r\n"; }

// Answers by path. "/to?..." redirects to what follows the question mark.
ServerReply Serve(const ServerRequest& request) {
  if (request.target == "/echo") {
    std::string text = request.method + "\n";
    for (const auto& [name, value] : request.headers) {
      if (name != "host" && name != "accept") text.append(name + "=" + value + "\n");
    }
    return MakeReply(200, text + "\n" + request.body, "X-Mark:  spaced  \r\n");
  }
  if (request.target.starts_with("/to?")) {
    return MakeReply(302, "moved", Location(request.target.substr(4)));
  }
  if (request.target.starts_with("/see?")) {
    return MakeReply(303, "moved", Location(request.target.substr(5)));
  }
  if (request.target.starts_with("/keep?")) {
    return MakeReply(307, "moved", Location(request.target.substr(6)));
  }
  if (request.target == "/loop") return MakeReply(302, "", Location("/loop"));
  if (request.target == "/silence") return {.bytes = "", .then_silence = true};
  if (request.target == "/half") {
    return {.bytes = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf", .then_silence = true};
  }
  if (request.target == "/cut") {
    return {.bytes = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf"};
  }
  if (request.target == "/endless") {
    return {.bytes = "HTTP/1.1 200 OK\r\n\r\n" + std::string(1 << 20, 'x'), .then_silence = true};
  }
  if (request.target == "/chunks") {
    return {.bytes =
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
                "3\r\nabc\r\n4\r\ndefg\r\n0\r\n\r\n"};
  }
  return MakeReply(404, "no " + request.target);
}

class HttpTest : public testing::TestWithParam<TestLoop::Reactors> {
 protected:
  HttpTest() : loop_(GetParam()) {}

  Response Fetch(HttpRequest request, HttpOptions options = {}) {
    return loop_.BlockOn(HttpFetch(loop_.reactor(), std::move(request), std::move(options)));
  }
  Response Get(const std::string& path) { return Fetch({.url = server_.Url(path)}); }

  HttpServer server_{HttpServer::Scheme::kHttp, &Serve};
  TestLoop loop_;
};

class HttpsTest : public HttpTest {
 protected:
  HttpOptions Trusting() {
    HttpOptions options;
    options.ca_file = secure_.ca_file();
    return options;
  }

  HttpServer secure_{HttpServer::Scheme::kHttps, &Serve};
};

constexpr auto kBothReactors = [] {
  return testing::Values(TestLoop::Reactors::kSameThread, TestLoop::Reactors::kOtherThread);
};
INSTANTIATE_TEST_SUITE_P(Reactors, HttpTest, kBothReactors());
INSTANTIATE_TEST_SUITE_P(Reactors, HttpsTest, kBothReactors());

TEST_P(HttpTest, AGetGivesStatusHeadersAndBody) {
  const Response response = Get("/echo");
  ASSERT_TRUE(response.ok()) << response.status();
  EXPECT_EQ(response->status, 200);
  EXPECT_EQ(response->body, "GET\n\n");
  EXPECT_EQ(response->Header("x-mark"), "spaced");
  EXPECT_EQ(response->Header("none"), "");
  EXPECT_EQ(response->url, server_.Url("/echo"));
  EXPECT_EQ(response->redirects, 0);
}

TEST_P(HttpTest, MethodHeadersAndBodyAreSentAsGiven) {
  const Response response = Fetch({.method = "PATCH",
                                   .url = server_.Url("/echo"),
                                   .headers = {{"X-One", "1"}, {"X-Empty", ""}, {"X-Blank", " \t"}},
                                   .body = std::string("a\0b", 3)});
  ASSERT_TRUE(response.ok()) << response.status();
  EXPECT_EQ(response->body,
            "PATCH\ncontent-length=3\nx-blank=\nx-empty=\nx-one=1\n\n" + std::string("a\0b", 3));
}

TEST_P(HttpTest, ALongBodyIsSentWithoutWaitingForAContinue) {
  HttpRequest request{.method = "POST", .url = server_.Url("/echo"), .body = {}};
  request.body.assign(3 << 20, 'b');
  request.headers = {{"Content-Type", "text/plain"}};
  const Response response = Fetch(request);
  ASSERT_TRUE(response.ok()) << response.status();
  EXPECT_TRUE(response->body ==
              "POST\ncontent-length=3145728\ncontent-type=text/plain\n\n" + request.body);
}

TEST_P(HttpTest, AHeadHasNoBody) {
  const Response response = Fetch({.method = "HEAD", .url = server_.Url("/none")});
  ASSERT_TRUE(response.ok()) << response.status();
  EXPECT_EQ(response->status, 404);
  EXPECT_EQ(response->body, "");
  EXPECT_EQ(response->Header("Content-Length"), "8");
}

TEST_P(HttpTest, AnErrorStatusIsAResponse) {
  const Response response = Get("/none");
  ASSERT_TRUE(response.ok()) << response.status();
  EXPECT_EQ(response->status, 404);
  EXPECT_EQ(response->body, "no /none");
}

TEST_P(HttpTest, ChunksArePutTogether) { EXPECT_EQ(Get("/chunks")->body, "abcdefg"); }

TEST_P(HttpTest, ANameIsResolved) {
  const Response response = Fetch({.url = server_.Url("/echo", "LocalHost")});
  ASSERT_TRUE(response.ok()) << response.status();
  EXPECT_EQ(response->url, server_.Url("/echo", "localhost"));
}

TEST_P(HttpTest, Regression_ANameOfDigitsAndDotsIsNotLeftToLibcurlsResolver) {
  for (const std::string host : {"999.999.999.999", "1.2.3.4.5"}) {
    const absl::Status status = Fetch({.url = "http://" + host + "/"}).status();
    EXPECT_THAT(std::string(status.message()), HasSubstr("resolving \"" + host + "\"")) << status;
  }
}

TEST_P(HttpTest, RedirectsAreFollowedRelativeAndAbsolute) {
  const Response relative = Get("/to?echo");
  ASSERT_TRUE(relative.ok()) << relative.status();
  EXPECT_EQ(relative->body, "GET\n\n");
  EXPECT_EQ(relative->redirects, 1);
  EXPECT_EQ(relative->url, server_.Url("/echo"));
  EXPECT_EQ(Get("/to?/to?" + server_.Url("/echo"))->redirects, 2);
}

TEST_P(HttpTest, A303TurnsAPostIntoAGetAndA307RepeatsIt) {
  HttpRequest request{.method = "POST", .url = server_.Url("/see?/echo"), .body = "body"};
  request.headers = {{"Content-Type", "text/plain"}};
  EXPECT_EQ(Fetch(request)->body, "GET\n\n");
  request.url = server_.Url("/to?/echo");
  EXPECT_EQ(Fetch(request)->body, "GET\n\n");
  request.url = server_.Url("/keep?/echo");
  EXPECT_EQ(Fetch(request)->body, "POST\ncontent-length=4\ncontent-type=text/plain\n\nbody");
}

TEST_P(HttpTest, ARedirectLoopEnds) {
  HttpOptions options;
  options.max_redirects = 3;
  EXPECT_EQ(Fetch({.url = server_.Url("/loop")}, options).status(),
            absl::FailedPreconditionError("HttpFetch(\"" + server_.Url("/loop") +
                                          "\"): expected at most 3 redirects, found one more, at " +
                                          server_.Url("/loop") +
                                          "; raise max_redirects, or is it a loop?"));
  EXPECT_EQ(server_.requests(), 4);
  options.max_redirects = 0;
  EXPECT_EQ(Fetch({.url = server_.Url("/loop")}, options)->status, 302);
  options.max_redirects = -1;
  EXPECT_EQ(Fetch({.url = server_.Url("/loop")}, options)->status, 302);
}

TEST_P(HttpTest, AllowIsAskedBeforeEachHopAndEndsTheFetchAtTheFirstRefusal) {
  HttpServer forbidden(HttpServer::Scheme::kHttp, &Serve);
  std::vector<std::string> asked;
  HttpOptions options;
  options.allow = [&](const HttpTarget& target) -> absl::Status {
    asked.push_back(target.scheme + " " + target.host + " " + target.url);
    if (target.port == server_.port()) return absl::OkStatus();
    return absl::PermissionDeniedError("not on the list: " + target.url);
  };
  const std::string start = server_.Url("/to?/to?" + forbidden.Url("/echo"));
  const Response response = Fetch({.url = start}, options);
  EXPECT_EQ(response.status(),
            absl::PermissionDeniedError("not on the list: " + forbidden.Url("/echo")));
  const std::string second = server_.Url("/to?" + forbidden.Url("/echo"));
  EXPECT_THAT(asked, ElementsAre("http 127.0.0.1 " + start, "http 127.0.0.1 " + second,
                                 "http 127.0.0.1 " + forbidden.Url("/echo")));
  EXPECT_EQ(forbidden.requests(), 0);
}

TEST_P(HttpTest, WhatAllowSeesIsNormalised) {
  std::vector<std::string> asked;
  HttpOptions options;
  options.allow = [&](const HttpTarget& target) -> absl::Status {
    asked.push_back(target.host + " " + std::to_string(target.port));
    return absl::PermissionDeniedError("no");
  };
  for (const char* const url : {"http://EXAMPLE.com", "https://example.com./x", "http://0x7f.1/",
                                "http://2130706433/", "http://[::1]:99/", "HTTP://a.b:080/#frag"}) {
    EXPECT_EQ(Fetch({.url = url}, options).status().code(), absl::StatusCode::kPermissionDenied);
  }
  EXPECT_THAT(asked, ElementsAre("example.com 80", "example.com. 443", "127.0.0.1 80",
                                 "127.0.0.1 80", "[::1] 99", "a.b 80"));
}

TEST_P(HttpTest, CredentialsAreNotSentToAnotherOrigin) {
  HttpServer other(HttpServer::Scheme::kHttp, &Serve);
  HttpRequest request{.url = server_.Url("/to?/echo")};
  request.headers = {{"Authorization", "secret"}, {"Cookie", "c"}, {"X-Kept", "k"}};
  EXPECT_EQ(Fetch(request)->body, "GET\nauthorization=secret\ncookie=c\nx-kept=k\n\n");
  request.url = server_.Url("/to?" + other.Url("/echo"));
  EXPECT_EQ(Fetch(request)->body, "GET\nx-kept=k\n\n");
}

TEST_P(HttpTest, WhatCannotBeSentIsRefused) {
  const auto refused = [&](HttpRequest request) {
    const absl::Status status = Fetch(std::move(request)).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << status;
    return std::string(status.message());
  };
  EXPECT_THAT(refused({.url = "ftp://example.com/"}),
              HasSubstr("expected the scheme http or https, found \"ftp\""));
  EXPECT_THAT(refused({.url = "file:///etc/passwd"}), HasSubstr("expected the scheme"));
  EXPECT_THAT(refused({.url = "http://user:pass@example.com/"}),
              AllOf(HasSubstr("expected no user name in the URL"), Not(HasSubstr("pass"))));
  EXPECT_THAT(refused({.url = "http://b\xc3\xbc.example/"}), HasSubstr("plain ASCII"));
  refused({.url = ""});
  refused({.url = "http://exa mple.com/"});
  EXPECT_THAT(refused({.method = "GET /", .url = server_.Url("/")}),
              HasSubstr("\"GET /\" is not an HTTP method"));
  HttpRequest smuggled{.url = server_.Url("/")};
  smuggled.headers = {{"X-A", "1\r\nX-B: 2"}};
  EXPECT_THAT(refused(smuggled), HasSubstr("the header \"X-A\" has a character"));
  HttpRequest redirected{.url = server_.Url("/to?file:///etc/passwd")};
  EXPECT_THAT(refused(redirected), HasSubstr("expected the scheme"));
}

TEST_P(HttpTest, AResponseOfExactlyTheLimitIsFineAndOneByteMoreIsNot) {
  HttpOptions options;
  options.max_response_bytes = 7;
  EXPECT_EQ(Fetch({.url = server_.Url("/chunks")}, options)->body, "abcdefg");
  options.max_response_bytes = 6;
  EXPECT_EQ(Fetch({.url = server_.Url("/chunks")}, options).status(),
            absl::ResourceExhaustedError(
                "GET " + server_.Url("/chunks") +
                ": expected a response of at most 6 bytes, found more; raise max_response_bytes or "
                "ask for less"));
}

TEST_P(HttpTest, AnEndlessResponseIsCutOffAtTheLimit) {
  HttpOptions options;
  options.max_response_bytes = 100'000;
  EXPECT_EQ(Fetch({.url = server_.Url("/endless")}, options).status().code(),
            absl::StatusCode::kResourceExhausted);
  server_.WaitUntilIdle();  // The connection is closed.
}

TEST_P(HttpTest, TheDeadlineEndsASilentServerAndClosesTheConnection) {
  for (const char* const path : {"/silence", "/half"}) {
    HttpOptions options;
    options.deadline = MonotonicNow() + absl::Milliseconds(20);
    const Response response = Fetch({.url = server_.Url(path)}, options);
    EXPECT_GE(MonotonicNow(), options.deadline);
    EXPECT_EQ(response.status(), absl::DeadlineExceededError("GET " + server_.Url(path) +
                                                             ": the deadline came first"));
    server_.WaitUntilIdle();
  }
}

TEST_P(HttpTest, BrokenConnectionsAreUnavailable) {
  EXPECT_EQ(Get("/cut").status().code(), absl::StatusCode::kUnavailable);
  // A port on which nobody listens.
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  ASSERT_EQ(bind(fd, reinterpret_cast<sockaddr*>(&address), length), 0);
  ASSERT_EQ(getsockname(fd, reinterpret_cast<sockaddr*>(&address), &length), 0);
  const std::string url = "http://127.0.0.1:" + std::to_string(ntohs(address.sin_port)) + "/";
  const absl::Status status = Fetch({.url = url}).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(status.message()), HasSubstr("GET " + url + ": Failed to connect"));
  close(fd);
}

TEST_P(HttpTest, CancelAtEachStepClosesTheConnection) {
  for (int step = 0; step < 16; ++step) {
    const std::string path = step % 2 == 0 ? "/half" : "/to?/silence";
    JoinHandle<Response> handle =
        Spawn(loop_, HttpFetch(loop_.reactor(), {.url = server_.Url(path, "localhost")}));
    const Instant patience = MonotonicNow() + absl::Milliseconds(5);
    for (int i = 0; i < step; ++i) loop_.RunOnce(patience);
    handle.Cancel();
    EXPECT_TRUE(absl::IsCancelled(loop_.Join(handle).status()));
    server_.WaitUntilIdle();
  }
}

TEST_P(HttpTest, Regression_AConnectionThatCannotBeAwaitedIsClosed) {
  for (const auto kind : {OperationKind::kPollReadable, OperationKind::kPollWritable}) {
    RefusingReactor reactor(loop_.reactor(), kind);
    const std::string url = server_.Url("/silence");
    EXPECT_EQ(loop_.BlockOn(HttpFetch(reactor, {.url = url})).status(),
              absl::ErrnoToStatus(ENOMEM, "GET " + url + ": waiting for the connection failed"));
    server_.WaitUntilIdle();
  }
}

TEST_P(HttpTest, ManyAtOnceKeepTheirResponsesApart) {
  std::vector<JoinHandle<Response>> handles;
  for (int i = 0; i < 40; ++i) {
    handles.push_back(
        Spawn(loop_, HttpFetch(loop_.reactor(), {.url = server_.Url("/n" + std::to_string(i))})));
  }
  for (int i = 0; i < 40; ++i) {
    const Response response = loop_.Join(handles[i]);
    ASSERT_TRUE(response.ok()) << response.status();
    EXPECT_EQ(response->body, "no /n" + std::to_string(i));
  }
}

TEST_P(HttpsTest, ATrustedServerIsTalkedTo) {
  for (const char* const host : {"127.0.0.1", "localhost"}) {
    const Response response = Fetch({.url = secure_.Url("/echo", host)}, Trusting());
    ASSERT_TRUE(response.ok()) << response.status();
    EXPECT_EQ(response->body, "GET\n\n");
  }
}

TEST_P(HttpsTest, AServerThatIsNotTrustedIsRefused) {
  const absl::Status status = Fetch({.url = secure_.Url("/echo")}).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kUnauthenticated) << status;
  EXPECT_THAT(std::string(status.message()),
              HasSubstr("; trust its issuer by ca_file if that is what you mean"));
  EXPECT_EQ(secure_.requests(), 0);
  HttpOptions missing;
  missing.ca_file = "/no/such/file";
  EXPECT_EQ(Fetch({.url = secure_.Url("/echo")}, missing).status().code(),
            absl::StatusCode::kFailedPrecondition);
}

TEST_P(HttpsTest, RedirectsMayRaiseTheSchemeAndNeverLowerIt) {
  EXPECT_EQ(Fetch({.url = server_.Url("/to?" + secure_.Url("/echo"))}, Trusting())->body,
            "GET\n\n");
  EXPECT_EQ(Fetch({.url = secure_.Url("/to?/echo")}, Trusting())->redirects, 1);
  const std::string start = secure_.Url("/to?" + server_.Url("/echo"));
  EXPECT_EQ(Fetch({.url = start}, Trusting()).status(),
            absl::PermissionDeniedError("HttpFetch(\"" + start + "\"): a redirect from https to " +
                                        server_.Url("/echo") + " is refused"));
}

TEST_P(HttpsTest, CancelAtEachStepClosesTheConnection) {
  for (int step = 0; step < 12; ++step) {
    JoinHandle<Response> handle =
        Spawn(loop_, HttpFetch(loop_.reactor(), {.url = secure_.Url("/silence")}, Trusting()));
    const Instant patience = MonotonicNow() + absl::Milliseconds(5);
    for (int i = 0; i < step; ++i) loop_.RunOnce(patience);
    handle.Cancel();
    EXPECT_TRUE(absl::IsCancelled(loop_.Join(handle).status()));
    secure_.WaitUntilIdle();
  }
}

}  // namespace
}  // namespace weft
