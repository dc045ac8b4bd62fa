// The cost of one process from start to result, beside the least that posix_spawn needs.
#include <spawn.h>
#include <sys/wait.h>

#include <cstdlib>
#include <utility>

#include "benchmark/benchmark.h"
#include "io/process.h"
#include "io/testing/test_loop.h"

namespace weft {
namespace {

void BM_RunProcess_True(benchmark::State& state) {
  TestLoop loop;
  for (auto _ : state) {
    ProcessOptions options;
    options.argv = {"/bin/true"};
    if (!loop.BlockOn(RunProcess(loop.reactor(), std::move(options))).ok()) std::abort();
  }
}
BENCHMARK(BM_RunProcess_True);

void BM_PosixSpawn_True(benchmark::State& state) {
  for (auto _ : state) {
    char name[] = "/bin/true";
    char* const argv[] = {name, nullptr};
    pid_t pid = 0;
    if (posix_spawn(&pid, name, nullptr, nullptr, argv, environ) != 0) std::abort();
    int status = 0;
    if (waitpid(pid, &status, 0) != pid) std::abort();
  }
}
BENCHMARK(BM_PosixSpawn_True);

}  // namespace
}  // namespace weft
