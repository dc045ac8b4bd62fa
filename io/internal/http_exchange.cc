#include "io/internal/http_exchange.h"

#include <curl/curl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <exception>
#include <map>
#include <new>
#include <optional>
#include <string_view>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "base/check.h"
#include "future/executor.h"
#include "future/sleep.h"
#include "io/internal/curl_handles.h"
#include "io/internal/curl_request.h"
#include "io/internal/curl_status.h"
#include "io/internal/sigpipe_guard.h"
#include "io/internal/task_operation.h"
#include "reactor/operation.h"

namespace weft::io_internal {
namespace {

constexpr size_t kMaxHeaderBytes = 256 * 1024;

}  // namespace

// The state of an exchange; stays where it is once it is polled.
//
//   new       nothing has happened
//   transfer  libcurl works; sockets and timers drive it
//   closing   the outcome stands; operations of the reactor come to their end, then libcurl cleans
//             up
//
// What a step throws is kept until then, and so is what our functions throw that libcurl calls: it
// is written in C.
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
    if (phase_ == Phase::kNew && cx.StopRequested()) {
      phase_ = Phase::kFinished;
      return kStopped;
    }
    try {
      if (phase_ == Phase::kNew) Begin();
      if (phase_ == Phase::kTransfer) Drive(cx);
    } catch (...) {
      exception_ = std::current_exception();
      BeginClosing();
    }
    if (phase_ == Phase::kTransfer || !TryCleanUp()) return kPending;
    phase_ = Phase::kFinished;
    if (exception_ != nullptr) std::rethrow_exception(exception_);
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
    if (easy_ == nullptr || multi_ == nullptr) throw std::bad_alloc();
    curl_multi_setopt(multi_, CURLMOPT_SOCKETFUNCTION, &OnSocket);
    curl_multi_setopt(multi_, CURLMOPT_SOCKETDATA, this);
    curl_multi_setopt(multi_, CURLMOPT_TIMERFUNCTION, &OnTimer);
    curl_multi_setopt(multi_, CURLMOPT_TIMERDATA, this);
    Set(CURLOPT_OPENSOCKETFUNCTION, &OnOpenSocket);
    Set(CURLOPT_CLOSESOCKETFUNCTION, &OnCloseSocket);
    Set(CURLOPT_CLOSESOCKETDATA, this);
    Set(CURLOPT_ERRORBUFFER, error_text_.data());
    Set(CURLOPT_HEADERFUNCTION, &OnHeader);
    Set(CURLOPT_HEADERDATA, this);
    Set(CURLOPT_WRITEFUNCTION, &OnBody);
    Set(CURLOPT_WRITEDATA, this);
    curl_request_.Put(request_, easy_.get());
    if (request_.deadline != Instant::InfiniteFuture()) deadline_.emplace(request_.deadline);
    Check(curl_multi_add_handle(multi_, easy_.get()), "curl_multi_add_handle");
  }

  // After each call in which libcurl may call us.
  void Check(CURLMcode code, const char* call) const {
    if (exception_ != nullptr) std::rethrow_exception(exception_);
    if (code == CURLM_OUT_OF_MEMORY) throw std::bad_alloc();
    WEFT_CHECK(code == CURLM_OK) << call << "(): " << curl_multi_strerror(code);
  }

  template <typename T>
  void Set(CURLoption option, T value) {
    SetCurlOption(easy_.get(), option, value);
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
    if (!error_.ok() || ReadOutcome()) return BeginClosing();
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
      for (auto [operation, event] : {std::pair(&socket.readable, CURL_CSELECT_IN),
                                      std::pair(&socket.writable, CURL_CSELECT_OUT)}) {
        const std::optional<int64_t> result = operation->TakeResult();
        if (!result || socket.closing) continue;
        if (*result < 0) return CannotWait(static_cast<int>(-*result));
        events |= event;
      }
      if (events != 0) ready.emplace_back(fd, events);
    }
    for (const auto& [fd, events] : ready) {
      const auto socket = sockets_.find(fd);
      if (socket != sockets_.end() && !socket->second.closing) Act(fd, events);
    }
    return !ready.empty();
  }

  // The reactor refuses to watch a socket. Returns false: there is nothing more to do.
  bool CannotWait(int error) {
    error_ = absl::ErrnoToStatus(error, Describe() + "waiting for the connection failed");
    return false;
  }

  void Act(curl_socket_t fd, int events) {
    int running = 0;
    Check(curl_multi_socket_action(multi_, fd, events, &running), "curl_multi_socket_action");
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

  // Calls `function`, and keeps what it throws. Returns whether it came to its end.
  template <typename Function>
  bool Keep(Function function) {
    try {
      function();
      return true;
    } catch (...) {
      exception_ = std::current_exception();
      return false;
    }
  }

  // What it throws is no error for libcurl, which would refuse to be called after one.
  static int OnSocket(CURL*, curl_socket_t fd, int what, void* self_pointer, void*) {
    auto* const self = static_cast<Transfer*>(self_pointer);
    self->Keep([&] {
      Socket& socket = self->sockets_.try_emplace(fd, self->reactor_, &self->sink_).first->second;
      socket.wants_read = what == CURL_POLL_IN || what == CURL_POLL_INOUT;
      socket.wants_write = what == CURL_POLL_OUT || what == CURL_POLL_INOUT;
    });
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
    if (colon == std::string_view::npos || line.substr(0, 5) == "HTTP/") return line.size();
    const bool kept = self->Keep([&] {
      self->response_.headers.emplace_back(Trimmed(line.substr(0, colon)),
                                           Trimmed(line.substr(colon + 1)));
    });
    return kept ? line.size() : 0;
  }

  static size_t OnBody(char* data, size_t size, size_t count, void* self_pointer) {
    auto* const self = static_cast<Transfer*>(self_pointer);
    const size_t length = size * count;
    std::string& body = self->response_.body;
    if (length > self->request_.max_response_bytes - body.size()) {
      self->too_long_ = true;
      return 0;  // Ends the transfer with an error.
    }
    return self->Keep([&] { body.append(data, length); }) ? length : 0;
  }

  Reactor* const reactor_;
  const ExchangeRequest request_;
  Phase phase_ = Phase::kNew;
  Executor* executor_ = nullptr;  // Of the present poll.
  CompletionSink sink_;
  Sockets sockets_;
  CurlEasy easy_;
  CURLM* multi_ = nullptr;
  CurlRequest curl_request_;
  std::array<char, CURL_ERROR_SIZE> error_text_ = {};
  std::optional<SleepUntil> timer_;  // When libcurl wants to be called.
  std::optional<SleepUntil> deadline_;
  size_t header_bytes_ = 0;
  bool too_long_ = false;
  bool stopped_ = false;
  absl::Status error_;
  std::exception_ptr exception_;  // What is thrown once all is cleaned up.
  ExchangeResponse response_;
};

Exchange::Exchange(Reactor& reactor, ExchangeRequest request)
    : transfer_(std::make_unique<Transfer>(reactor, std::move(request))) {}
Exchange::Exchange(Exchange&&) noexcept = default;
Exchange::~Exchange() = default;

Poll<Exchange::Output> Exchange::poll(Context& cx) { return transfer_->Step(cx); }

}  // namespace weft::io_internal
