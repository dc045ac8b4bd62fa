// Goal: each asynchronous operation of this package keeps its contract and leaves no process, file,
// descriptor, signal action or waiter behind, with a stop at each suspension, an exception at each
// await and each allocation failing. The kernel is the real one: a task polls the reactor and
// serves HTTP, so that the harness finds all on one thread; how many suspensions there are may
// differ from run to run.
#include "future/everywhere.h"

#include <curl/curl.h>
#include <dirent.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <memory>
#include <new>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "base/instant.h"
#include "future/manual_executor.h"
#include "future/poll_fn.h"
#include "future/race.h"
#include "future/spawn.h"
#include "future/task.h"
#include "gtest/gtest.h"
#include "io/blocking_file.h"
#include "io/file.h"
#include "io/http.h"
#include "io/process.h"
#include "io/signal.h"
#include "reactor/epoll_reactor.h"
#include "reactor/reactor.h"
#include "tools/stress/allocations.h"

namespace weft::everywhere {
namespace {

// Gives "xyz" to whoever asks, a connection at a time. Has no thread and allocates nothing: that
// would take the failures that are meant for the client.
class Server {
 public:
  Server() : listener_(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)) {
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* const generic = reinterpret_cast<sockaddr*>(&address);
    EXPECT_EQ(bind(listener_, generic, size), 0);
    EXPECT_EQ(listen(listener_, 9), 0);
    EXPECT_EQ(getsockname(listener_, generic, &size), 0);
    port_ = ntohs(address.sin_port);
  }
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;
  ~Server() {
    if (connection_ >= 0) close(connection_);
    close(listener_);
  }

  int port() const { return port_; }

  // Does what can be done without waiting.
  void Step() {
    constexpr std::string_view kReply = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nxyz";
    if (connection_ < 0) connection_ = accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK);
    if (connection_ < 0) return;
    std::array<char, 4096> request;
    const ssize_t count = read(connection_, request.data(), request.size());
    if (count > 0) (void)send(connection_, kReply.data(), kReply.size(), MSG_NOSIGNAL);
    if (count > 0 || (count < 0 && errno == EAGAIN)) return;
    close(std::exchange(connection_, -1));
  }

 private:
  const int listener_;
  int port_ = 0;
  int connection_ = -1;
};

// Polls a reactor of its own in a task beside the one that is tested, until it goes.
class Pump {
 public:
  explicit Pump(Scene* scene) : state_(std::make_shared<State>()) {
    Spawn(*scene->executor, Turn(state_)).Detach();
  }
  Pump(const Pump&) = delete;
  Pump& operator=(const Pump&) = delete;
  ~Pump() { state_->is_over = true; }

  Reactor& reactor() { return *state_->reactor; }
  std::string Url(const std::string& host) const {
    return "http://" + host + ":" + std::to_string(state_->server.port()) + "/";
  }

 private:
  struct State {
    std::unique_ptr<EpollReactor> reactor = *EpollReactor::Create();
    Server server;
    bool is_over = false;
  };

  static Task<> Turn(std::shared_ptr<State> state) {
    while (!state->is_over) {
      state->reactor->Poll(Instant::InfinitePast());
      state->server.Step();
      co_await YieldNow();
    }
  }

  const std::shared_ptr<State> state_;
};

int OpenDescriptors() {
  DIR* const directory = opendir("/proc/self/fd");
  int count = 0;
  while (readdir(directory) != nullptr) ++count;
  closedir(directory);
  return count;
}

// Whether the harness lets an allocation of libcurl's succeed.
bool MayAllocate() {
  void* const block = ::operator new(1, std::nothrow);
  ::operator delete(block);
  return block != nullptr;
}

// Makes allocations of libcurl's fail too.
void WatchCurl() {
  const CURLcode code = curl_global_init_mem(
      CURL_GLOBAL_DEFAULT, [](size_t size) { return MayAllocate() ? malloc(size) : nullptr; },
      [](void* block) { free(block); },
      [](void* block, size_t size) { return MayAllocate() ? realloc(block, size) : nullptr; },
      [](const char* text) { return MayAllocate() ? strdup(text) : nullptr; },
      [](size_t count, size_t size) { return MayAllocate() ? calloc(count, size) : nullptr; });
  EXPECT_EQ(code, CURLE_OK);
}

std::string TestPath() { return testing::TempDir() + "/everywhere_" + std::to_string(getpid()); }
std::string TestTree() { return TestPath() + "_tree"; }

// Looks at the process: each row before it begins, and once more at the end of all.
class Leftovers : public testing::Environment {
 public:
  static void ExpectNone() {
    EXPECT_EQ(waitpid(-1, nullptr, WNOHANG), -1) << "a child was not reaped";
    EXPECT_EQ(OpenDescriptors(), descriptors_before_);
    struct sigaction action = {};
    sigaction(SIGUSR1, nullptr, &action);
    EXPECT_EQ(action.sa_handler, SIG_DFL);
  }

  void SetUp() override {
    WatchCurl();
    EXPECT_EQ(mkdir(TestTree().c_str(), 0700), 0);
    EXPECT_TRUE(WriteFileBlocking(TestTree() + "/file", "xyz").ok());
    // The pipe of signals stays open.
    const auto reactor = *EpollReactor::Create();
    EXPECT_TRUE(SignalWatcher::Create(*reactor, {}).ok());
    descriptors_before_ = OpenDescriptors() - 2;  // those of the reactor
  }
  void TearDown() override {
    ExpectNone();
    std::filesystem::remove_all(TestTree());
    std::filesystem::remove(TestPath());
  }

 private:
  static inline int descriptors_before_ = 0;
};

[[maybe_unused]] const auto* const kLeftovers = testing::AddGlobalTestEnvironment(new Leftovers);

Task<int> Fetch(Scene* scene, const char* host) {
  Leftovers::ExpectNone();
  Pump pump(scene);
  HttpOptions options;
  options.deadline = scene->executor->Now() + absl::Hours(1);
  HttpRequest request{.url = pump.Url(host)};
  auto fetch =
      scene->faults->Await(HttpFetch(pump.reactor(), std::move(request), std::move(options)));
  const absl::StatusOr<HttpResponse> response = co_await std::move(fetch);
  if (response.ok()) co_return static_cast<int>(response->body.size());
  // For libcurl, no memory for the address of a host is a host that cannot be resolved.
  EXPECT_NE(response.status().code(), absl::StatusCode::kInvalidArgument) << response.status();
  co_return 3;
}

// What a shell that is given `script` says, which then returns 3.
Task<int> Run(Reactor& reactor, std::string script) {
  ProcessOptions options;
  options.argv = {"/bin/sh", "-c", std::move(script)};
  RunProcess run(reactor, std::move(options));
  const absl::StatusOr<ProcessResult> result = co_await run;
  if (result.ok()) {
    EXPECT_EQ(result->stdout_bytes + result->stderr_bytes, "1234567890123456\nxyz\n");
    co_return result->exit_code;
  }
  EXPECT_EQ(result.status().code(), absl::StatusCode::kResourceExhausted) << result.status();
  co_return 3;
}

Task<int> ThreeAfter(int turns) {
  while (turns-- > 0) co_await YieldNow();
  co_return 3;
}

// NOTE: each future is named before it is awaited, for GCC 12.
constexpr Row kRows[] = {
    {"File",
     [](Scene* scene) -> Task<int> {
       Leftovers::ExpectNone();
       auto write = scene->faults->Await(WriteFile(TestPath(), "xyz"));
       const absl::Status written = co_await std::move(write);
       if (!written.ok()) co_return 3;  // no memory in the blocking pool
       auto read = scene->faults->Await(ReadFile(TestPath()));
       const absl::StatusOr<std::string> bytes = co_await std::move(read);
       co_return static_cast<int>(bytes.value_or("xyz").size());
     }},
    {"Tree",
     [](Scene* scene) -> Task<int> {
       Leftovers::ExpectNone();
       auto stat = scene->faults->Await(Stat(TestTree()));
       const absl::StatusOr<FileInfo> info = co_await std::move(stat);
       EXPECT_TRUE(info.ok());
       auto list = scene->faults->Await(ListTree(TestTree()));
       const absl::StatusOr<std::vector<TreeEntry>> tree = co_await std::move(list);
       EXPECT_EQ(tree->size(), 1u);
       auto read = scene->faults->Await(ReadFileBeneath(TestTree(), "file"));
       const absl::StatusOr<std::string> bytes = co_await std::move(read);
       co_return static_cast<int>(bytes->size());
     }},
    {"Process",
     [](Scene* scene) -> Task<int> {
       Leftovers::ExpectNone();
       Pump pump(scene);
       auto run = Run(pump.reactor(), "echo 1234567890123456; echo xyz >&2; exit 3");
       auto ended = scene->faults->Await(std::move(run));
       co_return co_await std::move(ended);
     }},
    // Is asked to stop while the program runs, and then arms a timer.
    {"StoppedProcess",
     [](Scene* scene) -> Task<int> {
       Leftovers::ExpectNone();
       Pump pump(scene);
       auto run = scene->faults->Await(Run(pump.reactor(), "exec sleep 1000"));
       auto race = Race(std::move(run), ThreeAfter(5));
       co_return co_await std::move(race);
     }},
    {"Signal",
     [](Scene* scene) -> Task<int> {
       Leftovers::ExpectNone();
       Pump pump(scene);
       const auto watcher = SignalWatcher::Create(pump.reactor(), {SIGUSR1});
       EXPECT_TRUE(watcher.ok()) << watcher.status();
       if (!watcher.ok()) co_return 0;
       raise(SIGUSR1);
       auto next = scene->faults->Await((*watcher)->Next());
       const int signal = co_await std::move(next);
       co_return signal == SIGUSR1 ? 3 : 0;
     }},
    {"Http", [](Scene* scene) { return Fetch(scene, "127.0.0.1"); }},
    {"HttpByName", [](Scene* scene) { return Fetch(scene, "localhost"); }},
    // Is refused, also where libcurl has no memory to give the name of the user.
    {"HttpWithAUser",
     [](Scene* scene) -> Task<int> {
       Pump pump(scene);
       auto fetch = scene->faults->Await(
           HttpFetch(pump.reactor(), HttpRequest{.url = pump.Url("me@127.0.0.1")}));
       const absl::StatusOr<HttpResponse> response = co_await std::move(fetch);
       EXPECT_FALSE(response.ok());
       co_return 3;
     }},
};

// The job is a task of its own, whose allocations the harness does not count.
TEST(RunProcessTest, Regression_WhatTheJobThrowsThatStartsTheProgramIsThrownAtTheAwaiter) {
  bool happened = true;
  for (int n = 1; happened; ++n) {
    SCOPED_TRACE(testing::Message() << "allocation " << n << " fails");
    Leftovers::ExpectNone();
    const std::unique_ptr<EpollReactor> reactor = *EpollReactor::Create();
    ManualExecutor executor;
    ProcessOptions options;
    options.argv = {"/bin/sh", "-c", "exit 3"};
    auto handle = Spawn(executor, RunProcess(*reactor, std::move(options)));
    EXPECT_TRUE(executor.RunOne());
    {
      stress::FailAllocation failure(n);
      EXPECT_TRUE(executor.RunOne());
      happened = failure.happened();
    }
    executor.RunUntilStalled();
    while (!handle.IsFinished()) {
      reactor->Poll(Instant::InfiniteFuture());
      executor.RunUntilStalled();
    }
    try {
      EXPECT_EQ(executor.BlockOn(std::move(handle))->exit_code, 3);
      EXPECT_FALSE(happened);
    } catch (const std::bad_alloc&) {
      EXPECT_TRUE(happened);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Rows, EverywhereTest, testing::ValuesIn(kRows), NameOf);

}  // namespace
}  // namespace weft::everywhere
