// Goal: each asynchronous operation of this package keeps its contract and leaves no process, file
// or waiter behind, with a stop at each suspension, an exception at each await and, where it is not
// known to stop the program, each allocation failing. The kernel is the real one: a task polls the
// reactor, so that the harness finds all on one thread; how many suspensions there are may differ
// from run to run.
#include "future/everywhere.h"

#include <unistd.h>

#include <csignal>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/instant.h"
#include "future/poll_fn.h"
#include "future/spawn.h"
#include "future/task.h"
#include "gtest/gtest.h"
#include "io/file.h"
#include "io/http.h"
#include "io/process.h"
#include "io/signal.h"
#include "io/testing/http_server.h"
#include "reactor/epoll_reactor.h"
#include "reactor/reactor.h"

namespace weft::everywhere {
namespace {

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

 private:
  struct State {
    std::unique_ptr<EpollReactor> reactor = *EpollReactor::Create();
    bool is_over = false;
  };

  static Task<> Turn(std::shared_ptr<State> state) {
    while (!state->is_over) {
      state->reactor->Poll(Instant::InfinitePast());
      co_await YieldNow();
    }
  }

  const std::shared_ptr<State> state_;
};

std::string TestPath() { return testing::TempDir() + "/everywhere_" + std::to_string(getpid()); }

// A known gap: when an operation cannot be submitted for want of memory, poll() throws while others
// of the same future are in flight, and the future's destructor stops the program.
constexpr char kSubmits[] = "an operation that cannot be submitted leaves others in flight";

// NOTE: each future is named before it is awaited, for GCC 12.
constexpr Row kRows[] = {
    {"File",
     [](Scene* scene) -> Task<int> {
       auto write = scene->faults->Await(WriteFile(TestPath(), "xyz"));
       const absl::Status written = co_await std::move(write);
       if (!written.ok()) co_return 3;  // no memory in the blocking pool
       auto read = scene->faults->Await(ReadFile(TestPath()));
       const absl::StatusOr<std::string> bytes = co_await std::move(read);
       co_return static_cast<int>(bytes.value_or("xyz").size());
     }},
    {"Process",
     [](Scene* scene) -> Task<int> {
       Pump pump(scene);
       ProcessOptions options;
       options.argv = {"/bin/sh", "-c", "exit 3"};
       auto run = scene->faults->Await(RunProcess(pump.reactor(), std::move(options)));
       const absl::StatusOr<ProcessResult> result = co_await std::move(run);
       co_return result.ok() ? result->exit_code : 3;
     },
     kSubmits},
    {"Signal",
     [](Scene* scene) -> Task<int> {
       Pump pump(scene);
       const auto watcher = SignalWatcher::Create(pump.reactor(), {SIGUSR1});
       if (!watcher.ok()) co_return 3;
       raise(SIGUSR1);
       auto next = scene->faults->Await((*watcher)->Next());
       const int signal = co_await std::move(next);
       co_return signal == SIGUSR1 ? 3 : 0;
     },
     kSubmits},
    {"Http",
     [](Scene* scene) -> Task<int> {
       HttpServer server(HttpServer::Scheme::kHttp,
                         [](const ServerRequest&) { return MakeReply(200, "xyz"); });
       Pump pump(scene);
       auto fetch =
           scene->faults->Await(HttpFetch(pump.reactor(), HttpRequest{.url = server.Url("/")}));
       const absl::StatusOr<HttpResponse> response = co_await std::move(fetch);
       co_return response.ok() ? static_cast<int>(response->body.size()) : 3;
     },
     kSubmits},
};

INSTANTIATE_TEST_SUITE_P(Rows, EverywhereTest, testing::ValuesIn(kRows), NameOf);

}  // namespace
}  // namespace weft::everywhere
