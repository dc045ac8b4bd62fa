// A process that is killed at any moment leaves a store that a later process reads rightly.
//
// Method: a child writes a fixed sequence of results and kills itself with SIGKILL at its n-th
// write point (the store calls a hook before and after each step that reaches the disk). For each n
// the parent reopens the store and looks at every result: one that is there must have all its
// values, exactly; those that the child reported as finished must be there. Then the parent
// completes the sequence. n counts up until a child survives, so that every point is met.
//
// Would fail: a result committed before its values, a value visible before it is whole, a stale
// lock.
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <string>
#include <vector>

#include "dag/digest.h"
#include "dag/result.h"
#include "dag/store.h"
#include "gtest/gtest.h"

namespace weft {
namespace {

namespace fs = std::filesystem;

constexpr int kResults = 3;

int points_left = 0;

void KillAtPoint(const char*) {
  if (points_left-- == 0) raise(SIGKILL);
}

std::string SmallValue(int i) { return "small value " + std::to_string(i); }
std::string LargeValue(int i) { return std::string(5000, static_cast<char>('a' + i)); }
Digest KeyOf(int i) { return DigestOf("key " + std::to_string(i)); }

absl::Status PutOne(ResultStore* store, int i) {
  const std::string small = SmallValue(i), large = LargeValue(i);
  const std::vector<std::string_view> values = {small, large};
  StoredResult result;
  result.outputs = {{"small", DigestOf(small)}, {"large", DigestOf(large)}};
  RunRecord run{"graph", std::to_string(i), {}};
  run.run.key = KeyOf(i);
  return store->PutResult(KeyOf(i), result, values, &run);
}

// Runs the writer in a child that dies at point `point`; returns whether it survived, and in
// `finished` how many results it had stored.
bool RunWriter(const std::string& directory, int point, int* finished) {
  int report[2];
  EXPECT_EQ(pipe(report), 0);
  const pid_t child = fork();
  if (child == 0) {
    points_left = point;
    ResultStoreOptions options;
    options.write_point = KillAtPoint;
    auto store = ResultStore::Open(directory, options);
    if (!store.ok()) _exit(1);
    for (int i = 0; i < kResults; ++i) {
      if (!PutOne(store->get(), i).ok()) _exit(2);
      if (write(report[1], "x", 1) != 1) _exit(3);
    }
    _exit(0);
  }
  close(report[1]);
  *finished = 0;
  char byte = 0;
  while (read(report[0], &byte, 1) == 1) ++*finished;
  close(report[0]);
  int status = 0;
  EXPECT_EQ(waitpid(child, &status, 0), child);
  if (WIFEXITED(status)) EXPECT_EQ(WEXITSTATUS(status), 0);
  return WIFEXITED(status);
}

void ExpectWholeOrAbsent(ResultStore* store, int i, bool must_be_there) {
  const auto result = store->GetResult(KeyOf(i));
  ASSERT_TRUE(result.ok()) << result.status();
  if (!result->has_value()) {
    EXPECT_FALSE(must_be_there) << "a finished result is lost";
    return;
  }
  EXPECT_EQ(*store->GetValue((*result)->outputs[0].digest), SmallValue(i));
  EXPECT_EQ(*store->GetValue((*result)->outputs[1].digest), LargeValue(i));
  EXPECT_EQ((*store->GetLastRun("graph", std::to_string(i)))->key, KeyOf(i));
}

TEST(StoreCrash, KillAtEveryWritePointLeavesWholeResultsOnly) {
  bool survived = false;
  int points = 0;
  for (; !survived; ++points) {
    SCOPED_TRACE("killed at write point " + std::to_string(points));
    ASSERT_LT(points, 1000);
    std::string directory = testing::TempDir() + "/weft_crash_XXXXXX";
    ASSERT_NE(mkdtemp(directory.data()), nullptr);
    int finished = 0;
    survived = RunWriter(directory, points, &finished);
    {
      auto store = ResultStore::Open(directory);
      ASSERT_TRUE(store.ok()) << store.status();
      for (int i = 0; i < kResults; ++i) ExpectWholeOrAbsent(store->get(), i, i < finished);
      for (int i = 0; i < kResults; ++i) ASSERT_TRUE(PutOne(store->get(), i).ok());
      for (int i = 0; i < kResults; ++i) ExpectWholeOrAbsent(store->get(), i, true);
    }
    fs::remove_all(directory);
  }
  // Six points of a file and four of a transaction for each result, and those of the first opening.
  EXPECT_GT(points, 10 * kResults);
}

}  // namespace
}  // namespace weft
