// What fork-join costs: fib(35) and fib(37) with a leaf of n < 2 and no cut-off (time per fork),
// skynet (a sum of 10^6 leaves, ten children a node by binary joins), nqueens(12), a product of
// matrices; each by Join or ParallelFor with 1 and 2 workers, and by plain calls ("serial"), which
// is the floor.
#include <bit>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "benchmark/benchmark.h"
#include "runtime/fork_join.h"
#include "runtime/runtime.h"

namespace weft {
namespace {

// What a shape is run by: calls both, in parallel or not.
struct Serial {
  template <typename F, typename G>
  static auto Both(F f, G g) {
    auto first = f();
    return std::pair(first, g());
  }
};
struct Parallel {
  template <typename F, typename G>
  static auto Both(F f, G g) {
    return Join(f, g);
  }
};

template <typename By>
[[gnu::noinline]] std::int64_t Fib(std::int64_t n) {
  if (n < 2) return n;
  const auto [a, b] = By::Both([n] { return Fib<By>(n - 1); }, [n] { return Fib<By>(n - 2); });
  return a + b;
}
constexpr std::int64_t kFib = 35;
constexpr std::int64_t kForks = 14'930'351;
template <typename By>
std::int64_t FibShape() {
  return Fib<By>(kFib);
}
template <typename By>
std::int64_t Fib37Shape() {
  return Fib<By>(37);
}

// The children `first` to `last` of a node, each of `size` leaves.
template <typename By>
std::int64_t Skynet(std::int64_t number, std::int64_t size, std::int64_t first, std::int64_t last) {
  if (last - first > 1) {
    const std::int64_t middle = (first + last) / 2;
    const auto [a, b] = By::Both([=] { return Skynet<By>(number, size, first, middle); },
                                 [=] { return Skynet<By>(number, size, middle, last); });
    return a + b;
  }
  const std::int64_t child = number + first * size;
  return size == 1 ? child : Skynet<By>(child, size / 10, 0, 10);
}
template <typename By>
std::int64_t SkynetShape() {
  return Skynet<By>(0, 100'000, 0, 10);
}

// Queens on the rows from `row` on; the bits say which columns and diagonals are taken. The columns
// of a row are tried by halves.
template <typename By>
std::int64_t Queens(unsigned columns, unsigned left, unsigned right, unsigned free, int count) {
  if (free == 0) return 0;
  if (!std::has_single_bit(free)) {
    unsigned low = 0;
    unsigned rest = free;
    for (int half = std::popcount(free) / 2; half > 0; --half) {
      low |= rest & -rest;
      rest &= rest - 1;
    }
    const auto [a, b] = By::Both([=] { return Queens<By>(columns, left, right, low, count); },
                                 [=] { return Queens<By>(columns, left, right, rest, count); });
    return a + b;
  }
  const unsigned all = (1u << count) - 1;
  columns |= free;
  if (columns == all) return 1;
  left = (left | free) << 1;
  right = (right | free) >> 1;
  return Queens<By>(columns, left, right, all & ~(columns | left | right), count);
}
template <typename By>
std::int64_t QueensShape() {
  return Queens<By>(0, 0, 0, (1u << 12) - 1, 12);
}

// Seconds of wall time of a run: what harnesses in other languages report.
void CountRuns(benchmark::State& state) {
  state.counters["run"] =
      benchmark::Counter(static_cast<double>(state.iterations()),
                         benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}

template <std::int64_t (*shape)()>
void BM_Serial(benchmark::State& state) {
  std::int64_t (*volatile run)() = shape;  // not a constant, or its result would be
  for (auto _ : state) benchmark::DoNotOptimize(run());
  CountRuns(state);
}
template <std::int64_t (*shape)()>
void BM_Join(benchmark::State& state) {
  Runtime runtime(RuntimeOptions{.workers = static_cast<int>(state.range(0))});
  for (auto _ : state) benchmark::DoNotOptimize(RunOn(runtime, shape));
  CountRuns(state);
  if (shape == FibShape<Parallel>) {
    state.counters["per_fork"] =
        benchmark::Counter(static_cast<double>(state.iterations() * kForks),
                           benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
  }
}

constexpr std::size_t kSide = 256;
using Matrix = std::vector<float>;

void Row(const Matrix& a, const Matrix& b, Matrix& c, std::size_t row) {
  for (std::size_t k = 0; k < kSide; ++k) {
    for (std::size_t j = 0; j < kSide; ++j) {
      c[row * kSide + j] += a[row * kSide + k] * b[k * kSide + j];
    }
  }
}
void BM_MatmulSerial(benchmark::State& state) {
  const Matrix a(kSide * kSide, 1);
  Matrix c(kSide * kSide);
  for (auto _ : state) {
    for (std::size_t row = 0; row < kSide; ++row) Row(a, a, c, row);
    benchmark::DoNotOptimize(c.data());
  }
}
void BM_MatmulFor(benchmark::State& state) {
  Runtime runtime(RuntimeOptions{.workers = static_cast<int>(state.range(0))});
  const Matrix a(kSide * kSide, 1);
  Matrix c(kSide * kSide);
  for (auto _ : state) {
    RunOn(runtime, [&] {
      ParallelFor(std::size_t{0}, kSide, [&](std::size_t row) { Row(a, a, c, row); }, {.grain = 8});
    });
    benchmark::DoNotOptimize(c.data());
  }
}

#define WEFT_SHAPE(Shape, name)                                             \
  BENCHMARK(BM_Serial<Shape<Serial>>)->Name("BM_ForkJoin_" name "/serial"); \
  BENCHMARK(BM_Join<Shape<Parallel>>)                                       \
      ->Name("BM_ForkJoin_" name "/weft")                                   \
      ->ArgName("workers")                                                  \
      ->Arg(1)                                                              \
      ->Arg(2)                                                              \
      ->MeasureProcessCPUTime()                                             \
      ->UseRealTime()

WEFT_SHAPE(FibShape, "Fib");
WEFT_SHAPE(Fib37Shape, "Fib37");
WEFT_SHAPE(SkynetShape, "Skynet");
WEFT_SHAPE(QueensShape, "Queens");
BENCHMARK(BM_MatmulSerial)->Name("BM_ForkJoin_Matmul/serial");
BENCHMARK(BM_MatmulFor)
    ->Name("BM_ForkJoin_Matmul/weft")
    ->ArgName("workers")
    ->Arg(1)
    ->Arg(2)
    ->MeasureProcessCPUTime()
    ->UseRealTime();

}  // namespace
}  // namespace weft
