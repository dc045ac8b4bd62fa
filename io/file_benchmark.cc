// What a task pays for a small file beyond the system calls.
#include <cstdlib>
#include <string>

#include "benchmark/benchmark.h"
#include "io/blocking_file.h"
#include "io/file.h"
#include "io/testing/test_loop.h"

namespace weft {
namespace {

constexpr char kPath[] = "/proc/self/cmdline";

void BM_ReadFile_InTask(benchmark::State& state) {
  TestLoop loop;
  for (auto _ : state) {
    if (!loop.BlockOn(ReadFile(kPath)).ok()) std::abort();
  }
}
BENCHMARK(BM_ReadFile_InTask);

void BM_ReadFile_Blocking(benchmark::State& state) {
  for (auto _ : state) {
    if (!ReadFileBlocking(kPath).ok()) std::abort();
  }
}
BENCHMARK(BM_ReadFile_Blocking);

}  // namespace
}  // namespace weft
