// runtime/fork_join_shapes.h — pure computation in the shapes that fork-join libraries are compared
// by, for our benchmarks and those of rivals: fib(35) and fib(37) with a leaf of n < 2, skynet,
// nqueens and matmul, without a cut-off but for matrices; a loop, and a sort.
//
// Shapes are templates over By, which says how parts are run, perhaps at the same time:
// By::Both(f, g) calls both and returns a pair of their results; By::Each(n, f) calls f(0) to
// f(n - 1).
//
// Matrices and the arrays of loops are the same memory for everybody in a process: in which pages
// they lie, and how they are aligned, makes more difference than who divides them.
#ifndef WEFT_RUNTIME_FORK_JOIN_SHAPES_H_
#define WEFT_RUNTIME_FORK_JOIN_SHAPES_H_

#include <sys/mman.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <new>
#include <numeric>
#include <random>
#include <span>
#include <utility>
#include <vector>

#include "benchmark/benchmark.h"

namespace weft::fork_join_shapes {

// For the life of the process, each of these values. In huge pages where the kernel gives them, so
// that the caches are used the same way in each run.
template <typename T>
T* ArrayInHugePages(std::size_t size, T value) {
  constexpr std::size_t kPage = std::size_t{2} << 20;
  const std::size_t bytes = (size * sizeof(T) + kPage - 1) / kPage * kPage;
  void* const room = std::aligned_alloc(kPage, bytes);
  if (room == nullptr) throw std::bad_alloc();
  (void)madvise(room, bytes, MADV_HUGEPAGE);
  T* const array = static_cast<T*>(room);
  std::uninitialized_fill_n(array, size, value);
  return array;
}

template <typename By>
[[gnu::noinline]] std::int64_t Fib(std::int64_t n) {
  if (n < 2) return n;
  const auto [a, b] = By::Both([n] { return Fib<By>(n - 1); }, [n] { return Fib<By>(n - 2); });
  return a + b;
}
constexpr std::int64_t kFib35Forks = 14'930'351;
template <typename By>
std::int64_t Fib35() {
  return Fib<By>(35);
}
template <typename By>
std::int64_t Fib37() {
  return Fib<By>(37);
}

// The children `first` to `last` of a node, each of `size` leaves: a sum of 10^6 leaves, ten
// children a node by binary forks.
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
std::int64_t Skynet1M() {
  return Skynet<By>(0, 100'000, 0, 10);
}

// The same, the children of a node by one call.
template <typename By>
std::int64_t SkynetTen(std::int64_t number, std::int64_t size) {
  if (size == 0) return number;
  std::array<std::int64_t, 10> sums;
  By::Each(std::size_t{10}, [=, &sums](std::size_t i) {
    sums[i] = SkynetTen<By>(number + static_cast<std::int64_t>(i) * size, size / 10);
  });
  return std::accumulate(sums.begin(), sums.end(), std::int64_t{0});
}
template <typename By>
std::int64_t SkynetTen1M() {
  return SkynetTen<By>(0, 100'000);
}

// The column of the queen of each row. As the public suite and the peers in other languages have
// it: the board is copied for each queen, and attacks are found by looking at all rows above.
using Board = std::array<std::uint8_t, 12>;

inline bool IsAttacked(const Board& board, std::size_t row, int column) {
  for (std::size_t above = 0; above < row; ++above) {
    const int aside = column - board[above];
    const int distance = static_cast<int>(row - above);
    if (aside == 0 || aside == distance || aside == -distance) return true;
  }
  return false;
}

template <typename By>
std::int64_t QueensFrom(std::size_t row, const Board& board);

// The queen of `row` in each of these columns.
template <typename By>
std::int64_t QueensIn(std::size_t row, const Board& board, std::span<const std::uint8_t> columns) {
  if (columns.empty()) return 0;
  if (columns.size() == 1) {
    Board next = board;
    next[row] = columns[0];
    return QueensFrom<By>(row + 1, next);
  }
  const std::size_t half = columns.size() / 2;
  const auto [a, b] = By::Both(
      [&board, row, left = columns.first(half)] { return QueensIn<By>(row, board, left); },
      [&board, row, right = columns.subspan(half)] { return QueensIn<By>(row, board, right); });
  return a + b;
}

template <typename By>
std::int64_t QueensFrom(std::size_t row, const Board& board) {
  if (row == board.size()) return 1;
  Board free;
  std::size_t count = 0;
  for (std::size_t column = 0; column < board.size(); ++column) {
    if (IsAttacked(board, row, static_cast<int>(column))) continue;
    free[count++] = static_cast<std::uint8_t>(column);
  }
  return QueensIn<By>(row, board, std::span(free).first(count));
}
template <typename By>
std::int64_t Queens12() {
  return QueensFrom<By>(0, Board());
}

// c += a * b, of squares of `side` in matrices whose rows are `stride` apart. As the public suite
// has it, neither is known at compile time.
[[gnu::noinline]] inline void MultiplyInOrder(const int* a, const int* b, int* c, std::size_t side,
                                              std::size_t stride) {
  for (std::size_t i = 0; i < side; ++i) {
    for (std::size_t k = 0; k < side; ++k) {
      for (std::size_t j = 0; j < side; ++j) {
        c[i * stride + j] += a[i * stride + k] * b[k * stride + j];
      }
    }
  }
}

// The same by their quarters, with rows that are kMatmulSide apart: four products at the same time,
// then the other four. Returns how many leaves there were.
constexpr std::size_t kMatmulSide = 512;
template <typename By>
std::int64_t Multiply(const int* a, const int* b, int* c, std::size_t side) {
  constexpr std::size_t kLeaf = 32;
  if (side == kLeaf) {
    MultiplyInOrder(a, b, c, kLeaf, kMatmulSide);
    return 1;
  }
  const std::size_t half = side / 2;
  const auto quarter = [half](auto* matrix, std::size_t row, std::size_t column) {
    return matrix + (row * kMatmulSide + column) * half;
  };
  const auto quarter_of_c = [=](std::size_t row, std::size_t column, std::size_t k) {
    return Multiply<By>(quarter(a, row, k), quarter(b, k, column), quarter(c, row, column), half);
  };
  std::int64_t leaves = 0;
  for (std::size_t k = 0; k < 2; ++k) {
    const auto row_of_c = [=](std::size_t row) {
      const auto [left, right] = By::Both([=] { return quarter_of_c(row, 0, k); },
                                          [=] { return quarter_of_c(row, 1, k); });
      return left + right;
    };
    const auto [top, bottom] = By::Both([=] { return row_of_c(0); }, [=] { return row_of_c(1); });
    leaves += top + bottom;
  }
  return leaves;
}
// The first is a and b, the other c.
inline int* TwoMatrices() {
  static int* const matrices = ArrayInHugePages(2 * kMatmulSide * kMatmulSide, 1);
  return matrices;
}
template <typename By>
std::int64_t Matmul512() {
  int* const matrices = TwoMatrices();
  return Multiply<By>(matrices, matrices, matrices + kMatmulSide * kMatmulSide, kMatmulSide);
}

// What each of them returns.
template <typename By>
constexpr std::pair<std::int64_t (*)(), std::int64_t> kShapes[] = {
    {Fib35<By>, 9'227'465}, {Fib37<By>, 24'157'817}, {Skynet1M<By>, 499'999'500'000},
    {Queens12<By>, 14'200}, {Matmul512<By>, 4'096},  {SkynetTen1M<By>, 499'999'500'000},
};

// The body of a loop that is all overhead, for as many elements as any.
struct Scaled {
  static constexpr std::size_t kMost = 1'000'000;

  Scaled() {
    static float* const arrays = ArrayInHugePages(2 * kMost, 1.0F);
    from = arrays;
    to = arrays + kMost;
  }
  void operator()(std::size_t i) const { to[i] += 3 * from[i]; }

  const float* from;
  float* to;
};

inline std::vector<std::uint64_t> RandomNumbers(std::size_t size) {
  std::vector<std::uint64_t> numbers(size);
  std::mt19937_64 random(size);
  for (std::uint64_t& number : numbers) number = random();
  return numbers;
}

// Seconds of wall time of a run: what harnesses in other languages report.
inline void CountRuns(benchmark::State& state) {
  state.counters["run"] =
      benchmark::Counter(static_cast<double>(state.iterations()),
                         benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}

// Times run(shape), which calls shape() where it belongs and gives its result.
template <typename By, std::size_t kShape, typename Run>
void TimeShape(benchmark::State& state, Run run) {
  std::int64_t (*volatile shape)() = kShapes<By>[kShape].first;  // no constant: nor is its result
  for (auto _ : state) {
    if (run(shape) != kShapes<By>[kShape].second) state.SkipWithError("a wrong result");
  }
  CountRuns(state);
}

// Times sort(numbers) of random numbers, and checks the order.
template <typename Sort>
void TimeSort(benchmark::State& state, std::size_t size, Sort sort) {
  const std::vector<std::uint64_t> numbers = RandomNumbers(size);
  std::vector<std::uint64_t> sorted;
  for (auto _ : state) {
    state.PauseTiming();
    sorted = numbers;
    state.ResumeTiming();
    sort(sorted);
  }
  if (!std::is_sorted(sorted.begin(), sorted.end())) state.SkipWithError("a wrong order");
  CountRuns(state);
}

}  // namespace weft::fork_join_shapes

#endif  // WEFT_RUNTIME_FORK_JOIN_SHAPES_H_
