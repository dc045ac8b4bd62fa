// Runs a filter. A program of your own takes //runtime in the place of TestLoop.
#include <cstdio>
#include <cstdlib>
#include <utility>

#include "absl/status/statusor.h"
#include "io/process.h"
#include "io/testing/test_loop.h"

int main() {
  weft::TestLoop loop;
  weft::ProcessOptions options;
  options.argv = {"sort", "-u"};
  options.environment = {{"LC_ALL=C"}};
  options.stdin_bytes = "warp\nweft\nwarp\n";
  const absl::StatusOr<weft::ProcessResult> sorted =
      loop.BlockOn(weft::RunProcess(loop.reactor(), std::move(options)));
  if (!sorted.ok()) {
    std::fprintf(stderr, "%s\n", sorted.status().ToString().c_str());
    return EXIT_FAILURE;
  }
  std::printf("exit code %d, output:\n%s", sorted->exit_code, sorted->stdout_bytes.c_str());
  return sorted->stdout_bytes == "warp\nweft\n" ? EXIT_SUCCESS : EXIT_FAILURE;
}
