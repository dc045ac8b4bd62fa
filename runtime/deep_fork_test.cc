// Question: do forks that nest a million deep end well, if the workers have stacks for them?
// Method: chains of Join to the left, to the right and zigzag; each level counts.
#include <cstddef>
#include <cstdint>

#include "gtest/gtest.h"
#include "runtime/fork_join.h"
#include "runtime/runtime.h"

namespace weft {
namespace {

constexpr std::int64_t kDepth = 1'000'000;
// Address space for frames of 2 KB, as sanitizers make them; touched is what is used.
constexpr std::size_t kStackBytes = std::size_t{2} << 30;

Runtime::Options WithDeepStacks(int workers) {
  Runtime::Options options;
  options.workers = workers;
  options.worker_stack_size_bytes = kStackBytes;
  return options;
}

// The first half forks on: each level has a job on the stack of jobs, until that is full.
std::int64_t Left(std::int64_t depth) {
  if (depth == 0) return 0;
  const auto [a, b] = Join([depth] { return Left(depth - 1); }, []() -> std::int64_t { return 1; });
  return a + b;
}

// The second half does, which another worker may take, with all that lies below it.
std::int64_t Right(std::int64_t depth) {
  if (depth == 0) return 0;
  const auto [a, b] =
      Join([]() -> std::int64_t { return 1; }, [depth] { return Right(depth - 1); });
  return a + b;
}

std::int64_t Zigzag(std::int64_t depth) {
  if (depth == 0) return 0;
  const auto one = []() -> std::int64_t { return 1; };
  const auto rest = [depth] { return Zigzag(depth - 1); };
  const auto [a, b] = depth % 2 == 0 ? Join(one, rest) : Join(rest, one);
  return a + b;
}

class DeepForkTest : public testing::TestWithParam<int> {
 protected:
  Runtime runtime_{WithDeepStacks(GetParam())};
};
INSTANTIATE_TEST_SUITE_P(Workers, DeepForkTest, testing::Values(1, 2, 4));

TEST_P(DeepForkTest, AMillionFirstHalves) {
  EXPECT_EQ(RunOn(runtime_, [] { return Left(kDepth); }), kDepth);
}

TEST_P(DeepForkTest, AMillionSecondHalves) {
  EXPECT_EQ(RunOn(runtime_, [] { return Right(kDepth); }), kDepth);
}

TEST_P(DeepForkTest, AMillionOfBothInTurn) {
  EXPECT_EQ(RunOn(runtime_, [] { return Zigzag(kDepth); }), kDepth);
}

}  // namespace
}  // namespace weft
