// Copies a file from a task. A program of your own takes //runtime in the place of TestLoop.
#include <cstdio>
#include <cstdlib>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "future/or_return.h"
#include "future/task.h"
#include "io/file.h"
#include "io/testing/test_loop.h"

namespace {

weft::Task<absl::Status> Copy(std::string from, std::string to) {
  std::string bytes = co_await weft::OrReturn(co_await weft::ReadFile(from));
  co_return co_await weft::WriteFile(to, std::move(bytes));
}

}  // namespace

int main() {
  const char* const directory = std::getenv("TEST_TMPDIR");
  const std::string to = std::string(directory == nullptr ? "." : directory) + "/copy_of_passwd";
  weft::TestLoop loop;
  const absl::Status copied = loop.BlockOn(Copy("/etc/passwd", to));
  std::printf("copied to %s: %s\n", to.c_str(), copied.ToString().c_str());
  const absl::Status refused = loop.BlockOn(Copy("/no/such/file", to));
  std::printf("%s\n", refused.ToString().c_str());
  return copied.ok() && !refused.ok() ? EXIT_SUCCESS : EXIT_FAILURE;
}
