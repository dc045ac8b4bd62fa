// io/testing/http_server.h — a small HTTP and HTTPS server on the loopback address, for tests.
//
// One thread for each connection, blocking sockets, one request for each connection. An HTTPS
// server makes itself a certificate for 127.0.0.1 and localhost, which serves as its own authority.
#ifndef WEFT_IO_TESTING_HTTP_SERVER_H_
#define WEFT_IO_TESTING_HTTP_SERVER_H_

#include <functional>
#include <list>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "base/mutex.h"

namespace weft {

// A request as the server saw it.
struct ServerRequest {
  std::string method;
  std::string target;
  std::map<std::string, std::string> headers;  // Names in lower case.
  std::string body;
};

// What the server does about it.
struct ServerReply {
  std::string bytes;          // Sent as they are; see MakeReply.
  bool then_silence = false;  // Keeps the connection open until the client closes it.
};

// A reply with a status, a body, its length, and further header lines ("Name: value\r\n").
ServerReply MakeReply(int status, std::string_view body, std::string_view header_lines = "");

// Listens from construction to destruction, on a port that the system chooses.
class HttpServer {
 public:
  enum class Scheme { kHttp, kHttps };
  // Called by the connections' threads.
  using Handler = std::function<ServerReply(const ServerRequest& request)>;

  HttpServer(Scheme scheme, Handler handler);
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;
  // Ends all connections.
  ~HttpServer();

  int port() const { return port_; }
  // "http://127.0.0.1:port" and the path.
  std::string Url(std::string_view path, std::string_view host = "127.0.0.1") const;
  // The certificate of an HTTPS server: what to give to a client as trusted.
  const std::string& ca_file() const { return ca_file_; }
  // How many requests came.
  int requests() const;
  // Waits until a request has come, and until no connection is open.
  void WaitForRequest();
  void WaitUntilIdle();

 private:
  class Tls;
  class Connection;

  void Listen();
  void Accept();
  void Serve(Connection* connection);
  ServerReply Handle(const ServerRequest& request);

  const Handler handler_;
  std::unique_ptr<Tls> tls_;
  std::string ca_file_;
  int listener_ = -1;
  int port_ = 0;
  std::thread acceptor_;
  mutable Mutex mu_;
  mutable CondVar changed_;
  int requests_ ABSL_GUARDED_BY(mu_) = 0;
  std::list<std::unique_ptr<Connection>> connections_ ABSL_GUARDED_BY(mu_);
  int open_ ABSL_GUARDED_BY(mu_) = 0;
};

}  // namespace weft

#endif  // WEFT_IO_TESTING_HTTP_SERVER_H_
