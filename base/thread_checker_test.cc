// Goal: one thread keeps a role, another one is told so, and the role can be handed over.
#include "base/thread_checker.h"

#include <thread>

#include "gtest/gtest.h"

namespace weft {
namespace {

TEST(ThreadCheckerTest, ThreadThatHasTheRoleMayGoOn) {
  ThreadChecker checker;
  checker.Check("Log::Append()", "the writer", "call ReleaseWriter() first");
  checker.Check("Log::Append()", "the writer", "call ReleaseWriter() first");
}

TEST(ThreadCheckerTest, ReleasedRoleGoesToTheNextThread) {
  ThreadChecker checker;
  checker.Check("Log::Append()", "the writer", "call ReleaseWriter() first");
  checker.Release();
  std::thread([&] {
    checker.Check("Log::Append()", "the writer", "call ReleaseWriter() first");
  }).join();
}

#ifndef NDEBUG
TEST(ThreadCheckerDeathTest, SecondThreadIsToldWhatIsWrong) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH(
      {
        ThreadChecker checker;
        checker.Check("Log::Append()", "the writer", "call ReleaseWriter() first");
        std::thread([&] {
          checker.Check("Log::Append()", "the writer", "call ReleaseWriter() first");
        }).join();
      },
      "Log::Append.. on a second thread: expected the writer .*; call ReleaseWriter.. first");
}
#endif

}  // namespace
}  // namespace weft
