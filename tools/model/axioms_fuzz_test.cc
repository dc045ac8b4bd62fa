// Random small programs, explored by the checker and by brute force: the same executions, each
// once.

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "tools/model/testing/explored.h"
#include "tools/model/testing/reference.h"

namespace weft::model_testing {
namespace {

// Chances out of 16, drawn for each program, so that some are all fences and others have none.
struct Weights {
  std::array<int, 8> op;
  std::array<int, 5> order;
  int if_odd;
};

enum class Kinds {
  kAll,
  kBufferable,  // What BufferedExecutions() understands.
};

class Generator {
 public:
  Generator(uint64_t seed, Kinds kinds) : random_(seed), kinds_(kinds) {}

  Program Next() {
    Weights weights;
    for (int& w : weights.op) w = Below(4);
    weights.op[0] += 2;
    weights.op[1] += 2;
    if (Below(3) != 0) weights.op[6] = weights.op[7] = 0;
    for (int& w : weights.order) w = Below(5);
    weights.order[Below(5)] += 3;
    weights.if_odd = Below(4);
    if (kinds_ == Kinds::kBufferable) {
      weights.op[3] = weights.op[4] = weights.op[6] = weights.op[7] = 0;
      weights.order[0] += 3;
      weights.if_odd = 0;
    }
    static constexpr int kShapes[][3] = {{4, 4, 0}, {3, 4, 0}, {2, 2, 2}, {3, 2, 2},
                                         {1, 3, 3}, {2, 3, 3}, {5, 3, 0}, {1, 2, 3}};
    const auto& shape = kShapes[Below(8)];
    Program program;
    for (int count : shape) {
      if (count == 0) continue;
      program.emplace_back();
      for (int i = 0; i < count; ++i) program.back().push_back(NextStep(weights));
    }
    return program;
  }

 private:
  int Below(int n) { return static_cast<int>(random_() % static_cast<uint64_t>(n)); }

  template <std::size_t n>
  int Pick(const std::array<int, n>& weights) {
    int sum = 0;
    for (int w : weights) sum += w;
    int left = Below(sum);
    int i = 0;
    while (left >= weights[i]) left -= weights[i++];
    return i;
  }

  Step NextStep(const Weights& weights) {
    static constexpr std::memory_order kOrders[] = {
        std::memory_order_relaxed, std::memory_order_acquire, std::memory_order_release,
        std::memory_order_acq_rel, std::memory_order_seq_cst};
    Step step;
    step.op = static_cast<Op>(Pick(weights.op));
    step.location = Below(2);
    step.order = kOrders[Pick(weights.order)];
    step.failure = kOrders[Pick(weights.order)];
    step.value = Below(4);
    step.expected = Below(3);
    step.if_odd = Below(16) < weights.if_odd;
    if (step.op == Op::kLoad) step.order = ForLoad(step.order);
    step.failure = ForLoad(step.failure);
    if (step.op == Op::kStore && step.order == std::memory_order_acquire) {
      step.order = std::memory_order_release;
    }
    if (step.op == Op::kStore && step.order == std::memory_order_acq_rel) {
      step.order = std::memory_order_relaxed;
    }
    if (step.op == Op::kFence && step.order == std::memory_order_relaxed) {
      step.order = std::memory_order_seq_cst;
    }
    return step;
  }

  static std::memory_order ForLoad(std::memory_order order) {
    if (order == std::memory_order_release) return std::memory_order_acquire;
    if (order == std::memory_order_acq_rel) return std::memory_order_relaxed;
    return order;
  }

  std::mt19937_64 random_;
  const Kinds kinds_;
};

uint64_t Given(const char* variable, uint64_t otherwise) {
  const char* text = std::getenv(variable);
  return text != nullptr ? std::strtoull(text, nullptr, 10) : otherwise;
}

// Compares `rounds` programs; both functions give the executions of one.
template <typename Expected>
void Compare(uint64_t rounds, Kinds kinds, int load_buffering, Expected expected_of) {
  const uint64_t seed = Given("WEFT_MODEL_FUZZ_SEED", 1);
  Generator generator(seed, kinds);
  uint64_t executions = 0;
  for (uint64_t i = 0; i < rounds; ++i) {
    const Program program = generator.Next();
    const std::set<std::string> expected = expected_of(program);
    const Explored found = ExploreProgram(program, load_buffering);
    executions += expected.size();
    EXPECT_EQ(found.failure, "");
    for (const std::string& execution : expected) {
      EXPECT_EQ(found.executions.count(execution), 1u) << "the checker misses " << execution;
    }
    for (const auto& [execution, times] : found.executions) {
      EXPECT_EQ(times, 1) << "the checker repeats " << execution;
      EXPECT_EQ(expected.count(execution), 1u) << "the checker invents " << execution;
    }
    ASSERT_FALSE(testing::Test::HasFailure()) << "seed " << seed << ", program " << i << "\n"
                                              << Print(program);
  }
  std::printf("%llu programs, %llu executions, seed %llu\n",
              static_cast<unsigned long long>(rounds), static_cast<unsigned long long>(executions),
              static_cast<unsigned long long>(seed));
}

TEST(AxiomsFuzz, TheCheckerFindsWhatBruteForceFindsEachOnce) {
  Compare(Given("WEFT_MODEL_FUZZ_ROUNDS", 100), Kinds::kAll, 0, ConsistentExecutions);
}

TEST(AxiomsFuzz, WithLoadBufferingToo) {
  Compare(Given("WEFT_MODEL_FUZZ_ROUNDS", 100), Kinds::kBufferable, 1, [](const Program& program) {
    std::set<std::string> all = ConsistentExecutions(program);
    all.merge(BufferedExecutions(program));
    return all;
  });
}

}  // namespace
}  // namespace weft::model_testing
