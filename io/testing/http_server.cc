#include "io/testing/http_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cctype>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <utility>

#include "base/check.h"

namespace weft {
namespace {

// A self-signed certificate, fit to be its own authority.
X509* MakeCertificate(EVP_PKEY* key) {
  X509* const certificate = X509_new();
  X509_set_version(certificate, 2);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
  X509_gmtime_adj(X509_getm_notBefore(certificate), -86'400);
  X509_gmtime_adj(X509_getm_notAfter(certificate), 86'400);
  X509_set_pubkey(certificate, key);
  X509_NAME* const name = X509_get_subject_name(certificate);
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>("weft test"), -1, -1, 0);
  X509_set_issuer_name(certificate, name);
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, certificate, certificate, nullptr, nullptr, 0);
  const std::pair<int, const char*> extensions[] = {
      {NID_basic_constraints, "critical,CA:TRUE"},
      {NID_subject_alt_name, "IP:127.0.0.1,DNS:localhost"},
  };
  for (const auto& [nid, value] : extensions) {
    X509_EXTENSION* const extension = X509V3_EXT_conf_nid(nullptr, &context, nid, value);
    X509_add_ext(certificate, extension, -1);
    X509_EXTENSION_free(extension);
  }
  WEFT_CHECK(X509_sign(certificate, key, EVP_sha256()) > 0)
      << "HttpServer(): signing the certificate failed";
  return certificate;
}

std::string WriteCertificate(X509* certificate) {
  const char* const directory = std::getenv("TEST_TMPDIR");
  std::string name = std::string(directory == nullptr ? "." : directory) + "/weft_ca_XXXXXX";
  const int fd = mkstemp(name.data());
  FILE* const file = fdopen(fd, "w");
  WEFT_CHECK(file != nullptr && PEM_write_X509(file, certificate) == 1)
      << "HttpServer(): writing the certificate to " << name << " failed";
  std::fclose(file);
  return name;
}

}  // namespace

ServerReply MakeReply(int status, std::string_view body, std::string_view header_lines) {
  return {.bytes =
              "HTTP/1.1 " + std::to_string(status) +
              " Status\r\nConnection: close\r\nContent-Length: " + std::to_string(body.size()) +
              "\r\n" + std::string(header_lines) + "\r\n" + std::string(body)};
}

// The server's key, certificate and settings.
class HttpServer::Tls {
 public:
  Tls() : context_(SSL_CTX_new(TLS_server_method())) {
    EVP_PKEY* const key = EVP_EC_gen("P-256");
    X509* const certificate = MakeCertificate(key);
    WEFT_CHECK(SSL_CTX_use_certificate(context_, certificate) == 1 &&
               SSL_CTX_use_PrivateKey(context_, key) == 1)
        << "HttpServer(): the certificate is not accepted";
    file_ = WriteCertificate(certificate);
    X509_free(certificate);
    EVP_PKEY_free(key);
  }
  ~Tls() {
    SSL_CTX_free(context_);
    unlink(file_.c_str());
  }
  SSL_CTX* context() { return context_; }
  const std::string& file() const { return file_; }

 private:
  SSL_CTX* const context_;
  std::string file_;
};

// One accepted socket and the thread that serves it.
class HttpServer::Connection {
 public:
  explicit Connection(int fd) : fd_(fd) {}
  ~Connection() {
    thread.join();
    close(fd_);
  }

  // Called by another thread: all blocking calls return.
  void Shutdown() { shutdown(fd_, SHUT_RDWR); }

  bool Handshake(Tls* tls) {
    if (tls == nullptr) return true;
    ssl_ = SSL_new(tls->context());
    SSL_set_fd(ssl_, fd_);
    return SSL_accept(ssl_) == 1;
  }

  // Returns 0 at the end or on an error.
  size_t Read(char* buffer, size_t size) {
    const long count = ssl_ != nullptr ? SSL_read(ssl_, buffer, static_cast<int>(size))
                                       : recv(fd_, buffer, size, 0);
    return count > 0 ? static_cast<size_t>(count) : 0;
  }
  bool Write(std::string_view bytes) {
    while (!bytes.empty()) {
      const long count = ssl_ != nullptr
                             ? SSL_write(ssl_, bytes.data(), static_cast<int>(bytes.size()))
                             : send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (count <= 0) return false;
      bytes.remove_prefix(static_cast<size_t>(count));
    }
    return true;
  }
  // Waits until the client has closed its end.
  void WaitForClose() {
    char buffer[1024];
    while (Read(buffer, sizeof buffer) > 0) {
    }
  }
  void Finish() {
    if (ssl_ != nullptr) {
      SSL_shutdown(ssl_);
      SSL_free(std::exchange(ssl_, nullptr));
    }
    Shutdown();
  }

  // Reads one request; none if the client went away or speaks nonsense.
  std::optional<ServerRequest> ReadRequest() {
    std::string bytes;
    size_t head = std::string::npos;
    while ((head = bytes.find("\r\n\r\n")) == std::string::npos) {
      if (!ReadMore(&bytes)) return std::nullopt;
    }
    ServerRequest request = ParseHead(bytes.substr(0, head + 2));
    request.body = bytes.substr(head + 4);
    const auto found = request.headers.find("content-length");
    const size_t length =
        found == request.headers.end() ? 0 : std::strtoul(found->second.c_str(), nullptr, 10);
    while (request.body.size() < length) {
      if (!ReadMore(&request.body)) return std::nullopt;
    }
    return request;
  }

  std::thread thread;

 private:
  bool ReadMore(std::string* bytes) {
    char buffer[16'384];
    const size_t count = Read(buffer, sizeof buffer);
    bytes->append(buffer, count);
    return count > 0;
  }

  // `head` is the request line and the header lines, each with its end.
  static ServerRequest ParseHead(const std::string& head) {
    ServerRequest request;
    size_t end = head.find("\r\n");
    const std::string first = head.substr(0, end);
    const size_t space = first.find(' ');
    request.method = first.substr(0, space);
    request.target = first.substr(space + 1, first.rfind(' ') - space - 1);
    for (size_t start = end + 2; start < head.size(); start = end + 2) {
      end = head.find("\r\n", start);
      const std::string line = head.substr(start, end - start);
      const size_t colon = line.find(':');
      const size_t value = line.find_first_not_of(' ', colon + 1);
      std::string name = line.substr(0, colon);
      for (char& c : name) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
      request.headers[name] = value == std::string::npos ? "" : line.substr(value);
    }
    return request;
  }

  const int fd_;
  SSL* ssl_ = nullptr;
};

HttpServer::HttpServer(Scheme scheme, Handler handler) : handler_(std::move(handler)) {
  if (scheme == Scheme::kHttps) {
    tls_ = std::make_unique<Tls>();
    ca_file_ = tls_->file();
  }
  Listen();
  acceptor_ = std::thread([this] { Accept(); });
}

HttpServer::~HttpServer() {
  shutdown(listener_, SHUT_RDWR);
  acceptor_.join();
  close(listener_);
  std::list<std::unique_ptr<Connection>> connections;
  {
    MutexLock lock(&mu_);
    connections.swap(connections_);
  }
  for (const auto& connection : connections) connection->Shutdown();
}

void HttpServer::Listen() {
  listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  auto* const generic = reinterpret_cast<sockaddr*>(&address);
  socklen_t length = sizeof address;
  WEFT_CHECK(listener_ >= 0 && bind(listener_, generic, length) == 0 &&
             listen(listener_, 128) == 0 && getsockname(listener_, generic, &length) == 0)
      << "HttpServer(): cannot listen on 127.0.0.1";
  port_ = ntohs(address.sin_port);
}

void HttpServer::Accept() {
  while (true) {
    const int fd = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (fd < 0) return;
    auto connection = std::make_unique<Connection>(fd);
    Connection* const served = connection.get();
    {
      MutexLock lock(&mu_);
      ++open_;
    }
    served->thread = std::thread([this, served] { Serve(served); });
    MutexLock lock(&mu_);
    connections_.push_back(std::move(connection));
  }
}

void HttpServer::Serve(Connection* connection) {
  sigset_t sigpipe;
  sigemptyset(&sigpipe);
  sigaddset(&sigpipe, SIGPIPE);
  pthread_sigmask(SIG_BLOCK, &sigpipe, nullptr);  // TLS writes to clients that are gone.
  if (connection->Handshake(tls_.get())) {
    const std::optional<ServerRequest> request = connection->ReadRequest();
    if (request) {
      const ServerReply reply = Handle(*request);
      if (connection->Write(reply.bytes) && reply.then_silence) connection->WaitForClose();
    }
  }
  connection->Finish();
  ERR_clear_error();
  MutexLock lock(&mu_);
  --open_;
  changed_.NotifyAll();
}

ServerReply HttpServer::Handle(const ServerRequest& request) {
  {
    MutexLock lock(&mu_);
    ++requests_;
    changed_.NotifyAll();
  }
  return handler_(request);
}

std::string HttpServer::Url(std::string_view path, std::string_view host) const {
  return (tls_ != nullptr ? "https://" : "http://") + std::string(host) + ":" +
         std::to_string(port_) + std::string(path);
}

int HttpServer::requests() const {
  MutexLock lock(&mu_);
  return requests_;
}

void HttpServer::WaitForRequest() {
  MutexLock lock(&mu_);
  while (requests_ == 0) changed_.Wait(&mu_);
}

void HttpServer::WaitUntilIdle() {
  MutexLock lock(&mu_);
  while (open_ > 0) changed_.Wait(&mu_);
}

}  // namespace weft
