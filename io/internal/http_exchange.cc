#include "io/internal/http_exchange.h"

#include <curl/curl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string_view>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "base/check.h"
#include "future/executor.h"
#include "future/sleep.h"
#include "io/internal/curl_handles.h"
#include "io/internal/curl_status.h"
#include "io/internal/sigpipe_guard.h"
#include "io/internal/task_operation.h"
#include "reactor/operation.h"

namespace weft::io_internal {
namespace {

constexpr size_t kMaxHeaderBytes = 256 * 1024;

bool IsSpace(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

std::string Trimmed(std::string_view text) {
  while (!text.empty() && IsSpace(text.front())) text.remove_prefix(1);
  while (!text.empty() && IsSpace(text.back())) text.remove_suffix(1);
  return std::string(text);
}

bool EqualsIgnoringCase(std::string_view a, std::string_view b) {
  return a.size() == b.size() && curl_strnequal(a.data(), b.data(), a.size()) != 0;
}

}  // namespace

// The state of an exchange; stays where it is once it is polled.
//
//   new       nothing has happened
//   transfer  libcurl works; sockets and timers drive it
//   closing   the outcome stands; operations of the reactor come to their end, then libcurl cleans
//             up
class Exchange::Transfer {
 public:
  Transfer(Reactor& reactor, ExchangeRequest request)
      : reactor_(&reactor), request_(std::move(request)) {}

  ~Transfer() {
    WEFT_CHECK(phase_ == Phase::kNew || phase_ == Phase::kFinished)
        << "the HTTP request for " << request_.url << " was destroyed while it is under way; poll "
        << "it with a stop requested until it answers";
  }

  Poll<Output> Step(Context& cx) {
    sink_.Register(cx.waker());
    executor_ = &cx.executor();
    const SigpipeGuard guard;
    if (phase_ == Phase::kNew) {
      if (cx.StopRequested()) {
        phase_ = Phase::kFinished;
        return kStopped;
      }
      Begin();
    }
    if (phase_ == Phase::kTransfer) Drive(cx);
    if (phase_ == Phase::kTransfer || !TryCleanUp()) return kPending;
    phase_ = Phase::kFinished;
    if (stopped_) return kStopped;
    if (!error_.ok()) return error_;
    return std::move(response_);
  }

 private:
  enum class Phase { kNew, kTransfer, kClosing, kFinished };

  // A socket of libcurl's, from its first mention until it is closed.
  struct Socket {
    Socket(Reactor* reactor, CompletionSink* sink)
        : readable(reactor, sink), writable(reactor, sink) {}
    bool in_flight() const { return readable.in_flight() || writable.in_flight(); }
    void Cancel() {
      readable.Cancel();
      writable.Cancel();
    }

    bool wants_read = false;
    bool wants_write = false;
    bool closing = false;  // libcurl has let go of it; to be closed when nothing is in flight.
    TaskOperation readable;
    TaskOperation writable;
  };
  using Sockets = std::map<curl_socket_t, Socket>;

  // --- Setting up.

  void Begin() {
    phase_ = Phase::kTransfer;
    InitialiseCurl();
    easy_.reset(curl_easy_init());
    multi_ = curl_multi_init();
    WEFT_CHECK(easy_ != nullptr && multi_ != nullptr) << "HttpFetch(): libcurl is out of memory";
    curl_multi_setopt(multi_, CURLMOPT_SOCKETFUNCTION, &OnSocket);
    curl_multi_setopt(multi_, CURLMOPT_SOCKETDATA, this);
    curl_multi_setopt(multi_, CURLMOPT_TIMERFUNCTION, &OnTimer);
    curl_multi_setopt(multi_, CURLMOPT_TIMERDATA, this);
    SetTransport();
    SetRequest();
    if (request_.deadline != Instant::InfiniteFuture()) deadline_.emplace(request_.deadline);
    curl_multi_add_handle(multi_, easy_.get());
  }

  template <typename T>
  void Set(CURLoption option, T value) {
    curl_easy_setopt(easy_.get(), option, value);
  }

  void SetTransport() {
    Set(CURLOPT_NOSIGNAL, 1L);
    Set(CURLOPT_FOLLOWLOCATION, 0L);
    Set(CURLOPT_PROTOCOLS_STR, "http,https");
    Set(CURLOPT_PROXY, "");
    Set(CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
    Set(CURLOPT_OPENSOCKETFUNCTION, &OnOpenSocket);
    Set(CURLOPT_CLOSESOCKETFUNCTION, &OnCloseSocket);
    Set(CURLOPT_CLOSESOCKETDATA, this);
    Set(CURLOPT_ERRORBUFFER, error_text_.data());
    if (!request_.resolved.empty()) {
      resolved_.reset(curl_slist_append(nullptr, request_.resolved.c_str()));
      Set(CURLOPT_RESOLVE, resolved_.get());
    }
    if (!request_.ca_file.empty()) {
      Set(CURLOPT_CAINFO, request_.ca_file.c_str());
      Set(CURLOPT_CAPATH, nullptr);
    }
  }

  void SetRequest() {
    Set(CURLOPT_URL, request_.url.c_str());
    Set(CURLOPT_HEADERFUNCTION, &OnHeader);
    Set(CURLOPT_HEADERDATA, this);
    Set(CURLOPT_WRITEFUNCTION, &OnBody);
    Set(CURLOPT_WRITEDATA, this);
    const bool has_body = !request_.body.empty();
    if (request_.method == "HEAD") {
      Set(CURLOPT_NOBODY, 1L);
    } else if (has_body || request_.method == "POST" || request_.method == "PUT") {
      Set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request_.body.size()));
      Set(CURLOPT_POSTFIELDS, request_.body.data());
      Set(CURLOPT_CUSTOMREQUEST, request_.method.c_str());
    } else {
      Set(CURLOPT_CUSTOMREQUEST, request_.method.c_str());
    }
    bool has_content_type = false;
    for (const auto& [name, value] : request_.headers) {
      has_content_type |= EqualsIgnoringCase(name, "content-type");
      // "Name;" is how libcurl is told to send a header without a value; it drops one of blanks.
      AddHeader(Trimmed(value).empty() ? name + ";" : name + ": " + value);
    }
    AddHeader("Expect:");                               // Never wait for a 100.
    if (!has_content_type) AddHeader("Content-Type:");  // No guess of libcurl's.
    Set(CURLOPT_HTTPHEADER, headers_.get());
  }

  void AddHeader(const std::string& line) {
    headers_.reset(curl_slist_append(headers_.release(), line.c_str()));
  }

  // --- Driving.

  void Drive(Context& cx) {
    if (cx.StopRequested()) {
      stopped_ = true;
      return BeginClosing();
    }
    Context shielded = cx.Shielded();
    if (deadline_ && deadline_->poll(shielded).IsReady()) {
      error_ = absl::DeadlineExceededError(Describe() + "the deadline came first");
      return BeginClosing();
    }
    while (StepTimer(shielded) || StepSockets()) {
    }
    CloseReleased();
    if (ReadOutcome()) return BeginClosing();
    Arm();
  }

  bool StepTimer(Context& cx) {
    if (!timer_ || !timer_->poll(cx).IsReady()) return false;
    timer_.reset();
    Act(CURL_SOCKET_TIMEOUT, 0);
    return true;
  }

  // Tells libcurl of each socket that is ready. It may add and close sockets meanwhile.
  bool StepSockets() {
    std::vector<std::pair<curl_socket_t, int>> ready;
    for (auto& [fd, socket] : sockets_) {
      int events = 0;
      if (const auto result = socket.readable.TakeResult()) {
        events |= *result >= 0 ? CURL_CSELECT_IN : CURL_CSELECT_ERR;
      }
      if (const auto result = socket.writable.TakeResult()) {
        events |= *result >= 0 ? CURL_CSELECT_OUT : CURL_CSELECT_ERR;
      }
      if (events != 0 && !socket.closing) ready.emplace_back(fd, events);
    }
    for (const auto& [fd, events] : ready) {
      const auto socket = sockets_.find(fd);
      if (socket != sockets_.end() && !socket->second.closing) Act(fd, events);
    }
    return !ready.empty();
  }

  void Act(curl_socket_t fd, int events) {
    int running = 0;
    const CURLMcode code = curl_multi_socket_action(multi_, fd, events, &running);
    WEFT_CHECK(code == CURLM_OK) << "curl_multi_socket_action(): " << curl_multi_strerror(code);
  }

  // Asks the reactor for what libcurl waits for.
  void Arm() {
    for (auto& [fd, socket] : sockets_) {
      if (socket.closing) continue;
      if (socket.wants_read && !socket.readable.in_flight()) {
        socket.readable.Submit(OperationKind::kPollReadable, fd);
      }
      if (socket.wants_write && !socket.writable.in_flight()) {
        socket.writable.Submit(OperationKind::kPollWritable, fd);
      }
    }
  }

  bool ReadOutcome() {
    int left = 0;
    const CURLMsg* const message = curl_multi_info_read(multi_, &left);
    if (message == nullptr) return false;
    const CURLcode code = message->data.result;
    if (too_long_) {
      error_ = absl::ResourceExhaustedError(
          Describe() + "expected a response of at most " +
          std::to_string(request_.max_response_bytes) +
          " bytes, found more; raise max_response_bytes or ask for less");
    } else if (code != CURLE_OK) {
      error_ = CurlStatus(code, Describe(), error_text_.data());
    } else {
      long status = 0;
      curl_easy_getinfo(easy_.get(), CURLINFO_RESPONSE_CODE, &status);
      response_.status = static_cast<int>(status);
    }
    return true;
  }

  std::string Describe() const { return request_.method + " " + request_.url + ": "; }

  // --- Ending.

  void BeginClosing() {
    phase_ = Phase::kClosing;
    for (auto& [fd, socket] : sockets_) socket.Cancel();
  }

  // Once nothing is in flight: lets libcurl close its sockets and frees it. Returns whether done.
  bool TryCleanUp() {
    bool in_flight = false;
    for (auto& [fd, socket] : sockets_) {
      socket.readable.TakeResult();
      socket.writable.TakeResult();
      in_flight |= socket.in_flight();
    }
    if (in_flight) return false;
    CloseReleased();
    curl_multi_remove_handle(multi_, easy_.get());
    easy_.reset();
    curl_multi_cleanup(multi_);
    timer_.reset();
    deadline_.reset();
    return true;
  }

  void CloseReleased() {
    for (auto socket = sockets_.begin(); socket != sockets_.end();) {
      if (socket->second.closing && !socket->second.in_flight()) {
        close(socket->first);
        socket = sockets_.erase(socket);
      } else {
        ++socket;
      }
    }
  }

  // --- Called by libcurl, inside our own calls.

  static int OnSocket(CURL*, curl_socket_t fd, int what, void* self_pointer, void*) {
    auto* const self = static_cast<Transfer*>(self_pointer);
    Socket& socket = self->sockets_.try_emplace(fd, self->reactor_, &self->sink_).first->second;
    socket.wants_read = what == CURL_POLL_IN || what == CURL_POLL_INOUT;
    socket.wants_write = what == CURL_POLL_OUT || what == CURL_POLL_INOUT;
    return 0;
  }

  static int OnTimer(CURLM*, long timeout_ms, void* self_pointer) {
    auto* const self = static_cast<Transfer*>(self_pointer);
    self->timer_.reset();
    if (timeout_ms >= 0) {
      self->timer_.emplace(self->executor_->Now() + absl::Milliseconds(timeout_ms));
    }
    return 0;
  }

  static curl_socket_t OnOpenSocket(void*, curlsocktype, curl_sockaddr* address) {
    return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
  }

  static int OnCloseSocket(void* self_pointer, curl_socket_t fd) {
    auto* const self = static_cast<Transfer*>(self_pointer);
    const auto socket = self->sockets_.find(fd);
    if (socket != self->sockets_.end()) {
      if (socket->second.in_flight()) {
        socket->second.closing = true;
        socket->second.Cancel();
        return 0;
      }
      self->sockets_.erase(socket);
    }
    return close(fd);
  }

  static size_t OnHeader(char* data, size_t size, size_t count, void* self_pointer) {
    auto* const self = static_cast<Transfer*>(self_pointer);
    const std::string_view line(data, size * count);
    self->header_bytes_ += line.size();
    if (self->header_bytes_ > kMaxHeaderBytes) {
      self->too_long_ = true;
      return 0;
    }
    // A status line begins a response; those before it were informational.
    if (line.substr(0, 5) == "HTTP/") self->response_.headers.clear();
    const size_t colon = line.find(':');
    if (colon != std::string_view::npos && line.substr(0, 5) != "HTTP/") {
      self->response_.headers.emplace_back(Trimmed(line.substr(0, colon)),
                                           Trimmed(line.substr(colon + 1)));
    }
    return line.size();
  }

  static size_t OnBody(char* data, size_t size, size_t count, void* self_pointer) {
    auto* const self = static_cast<Transfer*>(self_pointer);
    const size_t length = size * count;
    std::string& body = self->response_.body;
    if (length > self->request_.max_response_bytes - body.size()) {
      self->too_long_ = true;
      return 0;  // Ends the transfer with an error.
    }
    body.append(data, length);
    return length;
  }

  Reactor* const reactor_;
  const ExchangeRequest request_;
  Phase phase_ = Phase::kNew;
  Executor* executor_ = nullptr;  // Of the present poll.
  CompletionSink sink_;
  Sockets sockets_;
  CurlEasy easy_;
  CURLM* multi_ = nullptr;
  CurlList headers_;
  CurlList resolved_;
  std::array<char, CURL_ERROR_SIZE> error_text_ = {};
  std::optional<SleepUntil> timer_;  // When libcurl wants to be called.
  std::optional<SleepUntil> deadline_;
  size_t header_bytes_ = 0;
  bool too_long_ = false;
  bool stopped_ = false;
  absl::Status error_;
  ExchangeResponse response_;
};

Exchange::Exchange(Reactor& reactor, ExchangeRequest request)
    : transfer_(std::make_unique<Transfer>(reactor, std::move(request))) {}
Exchange::Exchange(Exchange&&) noexcept = default;
Exchange::~Exchange() = default;

Poll<Exchange::Output> Exchange::poll(Context& cx) { return transfer_->Step(cx); }

}  // namespace weft::io_internal
