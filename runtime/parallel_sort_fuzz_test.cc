// Question: does ParallelSort agree with std::sort on inputs that nobody thought of?
// Method: random mixtures of runs, repetitions and noise of random sizes, with random grains,
// orders and numbers of workers; in some rounds a random comparison throws, and what is there
// afterwards must be what was there before.
#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <random>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "runtime/fork_join.h"
#include "runtime/parallel_sort.h"
#include "runtime/runtime.h"
#include "tools/stress/seed.h"

namespace weft {
namespace {

class Fuzz {
 public:
  explicit Fuzz(std::uint64_t seed) : random_(seed) {}

  std::uint32_t Draw(std::uint32_t below) { return static_cast<std::uint32_t>(random_() % below); }

  // Small and large ones alike.
  std::uint32_t DrawSize() { return Draw(1u << (1 + Draw(17))); }

  std::vector<std::uint32_t> DrawNumbers() {
    std::vector<std::uint32_t> numbers(DrawSize());
    for (std::size_t begin = 0; begin < numbers.size();) {
      const std::size_t end = std::min<std::size_t>(numbers.size(), begin + 1 + DrawSize());
      const std::uint32_t shape = Draw(5);
      const std::uint32_t step = 1 + Draw(4);
      const std::uint32_t values = 1 + DrawSize();
      std::uint32_t value = Draw(1u << 20);
      for (; begin < end; ++begin) {
        if (shape == 0) value += step;
        if (shape == 1) value -= step;
        if (shape == 2) value = Draw(values);
        if (shape == 3) value = static_cast<std::uint32_t>(random_());
        numbers[begin] = value;
      }
    }
    return numbers;
  }

  std::function<bool(std::uint32_t, std::uint32_t)> DrawOrder() {
    switch (Draw(3)) {
      case 0:
        return std::less<std::uint32_t>();
      case 1:
        return std::greater<std::uint32_t>();
      default:  // with many that are equal to each other
        return [](std::uint32_t a, std::uint32_t b) { return a >> 12 < b >> 12; };
    }
  }

 private:
  std::mt19937_64 random_;
};

// Types of elements, each brought to its place in another way.
struct AsNumber {
  static std::uint32_t Make(std::uint32_t number) { return number; }
  static std::uint32_t Number(std::uint32_t element) { return element; }
};
struct AsString {
  static std::string Make(std::uint32_t number) { return std::to_string(number); }
  static std::uint32_t Number(const std::string& element) {
    return static_cast<std::uint32_t>(std::stoul(element));
  }
};

template <typename As>
void Round(Fuzz& fuzz, Runtime& runtime) {
  const std::vector<std::uint32_t> numbers = fuzz.DrawNumbers();
  std::vector<decltype(As::Make(0))> elements;
  for (const std::uint32_t number : numbers) elements.push_back(As::Make(number));
  const auto order = fuzz.DrawOrder();
  const SortOptions options = {.grain = 1 + std::ptrdiff_t{fuzz.DrawSize()}};
  std::atomic<std::int64_t> until_throw =
      fuzz.Draw(3) == 0 ? 1 + std::int64_t{fuzz.Draw(20)} * fuzz.DrawSize() : INT64_MAX;
  const auto throwing_order = [&](std::uint32_t a, std::uint32_t b) {
    if (until_throw.fetch_sub(1, std::memory_order_relaxed) == 1) throw 0;
    return order(a, b);
  };
  bool has_thrown = false;
  try {
    RunOn(runtime, [&] { ParallelSort(elements, throwing_order, &As::Number, options); });
  } catch (int) {
    has_thrown = true;
  }
  std::vector<std::uint32_t> result;
  for (const auto& element : elements) result.push_back(As::Number(element));
  if (!has_thrown) {
    ASSERT_TRUE(std::is_sorted(result.begin(), result.end(), order));
  }
  std::vector<std::uint32_t> expected = numbers;
  std::sort(expected.begin(), expected.end());
  std::sort(result.begin(), result.end());
  ASSERT_EQ(result, expected) << "elements were lost or doubled; thrown: " << has_thrown;
}

TEST(ParallelSortFuzzTest, AgreesWithStdSort) {
  const std::uint64_t seed = stress::SeedFromEnvironment();
  SCOPED_TRACE(stress::SeedMessage(seed));
  Fuzz fuzz(seed);
  std::array<Runtime, 3> runtimes = {Runtime({.workers = 1}), Runtime({.workers = 2}),
                                     Runtime({.workers = 5})};
  for (int round = 0; round < 300 && !testing::Test::HasFailure(); ++round) {
    Runtime& runtime = runtimes[fuzz.Draw(3)];
    Round<AsNumber>(fuzz, runtime);
    if (round % 8 == 0) Round<AsString>(fuzz, runtime);
  }
}

}  // namespace
}  // namespace weft
