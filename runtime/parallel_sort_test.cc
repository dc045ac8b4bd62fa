// Question: does ParallelSort do what parallel_sort.h says, for every shape of input, also when
// comparisons and moves throw?
// Method: against std::sort; elements that count themselves; McIlroy's adversary, which answers a
// quicksort's comparisons as badly as can be.
#include "runtime/parallel_sort.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <iterator>
#include <memory>
#include <numeric>
#include <random>
#include <span>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "runtime/fork_join.h"
#include "runtime/runtime.h"

namespace weft {
namespace {

using Numbers = std::vector<std::uint32_t>;

struct Pattern {
  const char* name;
  Numbers (*make)(std::uint32_t size);
};

Numbers Make(std::uint32_t size, const std::function<std::uint32_t(std::uint32_t)>& at) {
  Numbers numbers(size);
  for (std::uint32_t i = 0; i < size; ++i) numbers[i] = at(i);
  return numbers;
}

Numbers Random(std::uint32_t size) {
  return Make(size, [random = std::mt19937(size)](std::uint32_t) mutable {
    return static_cast<std::uint32_t>(random());
  });
}

constexpr Pattern kPatterns[] = {
    {"random", Random},
    {"sorted", [](std::uint32_t n) { return Make(n, [](std::uint32_t i) { return i; }); }},
    {"reversed", [](std::uint32_t n) { return Make(n, [n](std::uint32_t i) { return n - i; }); }},
    {"equal", [](std::uint32_t n) { return Make(n, [](std::uint32_t) { return 7u; }); }},
    {"two values",
     [](std::uint32_t n) {
       return Make(n, [](std::uint32_t i) { return i * 2'654'435'761u >> 31; });
     }},
    {"few values",
     [](std::uint32_t n) { return Make(n, [](std::uint32_t i) { return i * i % 16; }); }},
    {"organ pipe",
     [](std::uint32_t n) { return Make(n, [n](std::uint32_t i) { return std::min(i, n - i); }); }},
    {"saw teeth", [](std::uint32_t n) { return Make(n, [](std::uint32_t i) { return i % 100; }); }},
    {"sorted but for the end",
     [](std::uint32_t n) {
       return Make(n, [n](std::uint32_t i) { return i + 10 < n ? i : i * 2'654'435'761u; });
     }},
    {"sorted but for the middle",
     [](std::uint32_t n) { return Make(n, [n](std::uint32_t i) { return i == n / 2 ? 0 : i; }); }},
    {"reversed halves",
     [](std::uint32_t n) {
       return Make(n, [n](std::uint32_t i) { return i < n / 2 ? n / 2 - i : n + n / 2 - i; });
     }},
    {"pushed front and back in turn",
     [](std::uint32_t n) {
       return Make(n, [n](std::uint32_t i) { return i % 2 == 0 ? n / 2 + i : n / 2 - i; });
     }},
};

class ParallelSortTest : public testing::TestWithParam<int> {
 protected:
  template <typename... Arguments>
  void Sort(Arguments&&... arguments) {
    RunOn(runtime_, [&] { ParallelSort(std::forward<Arguments>(arguments)...); });
  }

  Runtime runtime_{{.workers = GetParam()}};
};
INSTANTIATE_TEST_SUITE_P(Workers, ParallelSortTest, testing::Values(1, 2, 4));

TEST_P(ParallelSortTest, SmallSizesOfEachPattern) {
  for (const Pattern& pattern : kPatterns) {
    for (std::uint32_t size = 0; size < 300; ++size) {
      Numbers numbers = pattern.make(size);
      Numbers expected = numbers;
      std::sort(expected.begin(), expected.end());
      Sort(numbers, std::ranges::less(), std::identity(), SortOptions{.grain = 1 + size % 20});
      ASSERT_EQ(numbers, expected) << pattern.name << ", " << size;
    }
  }
}

TEST_P(ParallelSortTest, LargeSizesOfEachPattern) {
  for (const Pattern& pattern : kPatterns) {
    for (const std::uint32_t size : {2'048u, 2'049u, 32'767u, 32'769u, 90'000u}) {
      Numbers numbers = pattern.make(size);
      Numbers expected = numbers;
      std::sort(expected.begin(), expected.end());
      Sort(numbers);
      ASSERT_EQ(numbers, expected) << pattern.name << ", " << size;
    }
  }
}

TEST_P(ParallelSortTest, OrdersProjectionsAndIterators) {
  Numbers descending = Random(100'000);
  Sort(descending, std::ranges::greater());
  EXPECT_TRUE(std::is_sorted(descending.begin(), descending.end(), std::greater()));

  struct Person {
    std::string name;
    std::uint32_t age;
  };
  std::vector<Person> people;
  for (const std::uint32_t age : Random(50'000)) people.push_back({std::to_string(age), age});
  Sort(people, std::ranges::less(), &Person::age);
  EXPECT_TRUE(std::ranges::is_sorted(people, std::ranges::less(), &Person::age));
  Sort(people, std::ranges::less(), &Person::name);
  EXPECT_TRUE(std::ranges::is_sorted(people, std::ranges::less(), &Person::name));
  for (const Person& person : people) EXPECT_EQ(person.name, std::to_string(person.age));

  const Numbers random = Random(70'000);
  std::deque<std::uint32_t> deque(random.begin(), random.end());
  Sort(deque);
  EXPECT_TRUE(std::is_sorted(deque.begin(), deque.end()));

  Numbers part = Random(70'000);
  const Numbers before = part;
  Sort(std::counted_iterator(part.begin() + 10'000, 50'000), std::default_sentinel);
  EXPECT_TRUE(std::is_sorted(part.begin() + 10'000, part.begin() + 60'000));
  EXPECT_TRUE(std::equal(part.begin(), part.begin() + 10'000, before.begin()));
  EXPECT_TRUE(std::equal(part.begin() + 60'000, part.end(), before.begin() + 60'000));
}

TEST_P(ParallelSortTest, MoveOnlyElements) {
  std::vector<std::unique_ptr<std::uint32_t>> owners;
  for (const std::uint32_t number : Random(60'000)) {
    owners.push_back(std::make_unique<std::uint32_t>(number));
  }
  Sort(owners, std::ranges::less(), [](const auto& owner) { return *owner; });
  EXPECT_TRUE(std::ranges::is_sorted(owners, std::ranges::less(),
                                     [](const auto& owner) { return *owner; }));
}

TEST(ParallelSortReturnTest, TheEnd) {
  Numbers numbers = {3, 1, 2};
  EXPECT_EQ(ParallelSort(numbers), numbers.end());
  EXPECT_EQ(ParallelSort(numbers.data(), numbers.data() + 3), numbers.data() + 3);
  static_assert(std::same_as<decltype(ParallelSort(Numbers())), std::ranges::dangling>);
  EXPECT_EQ(ParallelSort(std::span(numbers)).base(), std::span(numbers).end().base());
}

struct Thrown {};

// A number that counts itself. The two kinds differ in how they are brought to their places: those
// that may throw are exchanged only.
std::atomic<int> alive{0};
std::atomic<int> moves_left{0};
template <bool kMayThrow>
class Element {
 public:
  static constexpr std::uint32_t kMoved = ~0u;

  explicit Element(std::uint32_t number) : number_(number) { ++alive; }
  Element(Element&& other) noexcept(!kMayThrow) : number_(other.Give()) { ++alive; }
  Element& operator=(Element&& other) noexcept(!kMayThrow) {
    number_ = other.Give();
    return *this;
  }
  ~Element() { --alive; }

  std::uint32_t number() const { return number_; }

 private:
  std::uint32_t Give() {
    if (kMayThrow && --moves_left == 0) throw Thrown();
    return std::exchange(number_, kMoved);
  }

  std::uint32_t number_;
};

template <typename E>
std::vector<E> Shuffled(std::uint32_t size) {
  std::vector<std::uint32_t> numbers(size);
  std::iota(numbers.begin(), numbers.end(), 0);
  std::shuffle(numbers.begin(), numbers.end(), std::mt19937(size));
  std::vector<E> elements;
  elements.reserve(size);
  for (const std::uint32_t number : numbers) elements.emplace_back(number);
  return elements;
}

// How many numbers of [0, size) are not there; none may be there twice.
template <typename E>
std::uint32_t Missing(const std::vector<E>& elements) {
  std::vector<int> seen(elements.size());
  for (const E& element : elements) {
    if (element.number() != E::kMoved) ++seen[element.number()];
  }
  EXPECT_LE(*std::max_element(seen.begin(), seen.end()), 1);
  return static_cast<std::uint32_t>(std::count(seen.begin(), seen.end(), 0));
}

TEST_P(ParallelSortTest, AComparisonThatThrowsLosesNoElement) {
  // Enough comparisons to sort it; every so many of them is the one that throws.
  const auto sort_with_throws = [&]<typename E>(std::uint32_t size, int step, E*) {
    bool has_thrown = true;
    for (int allowed = 1; has_thrown; allowed += step) {
      std::vector<E> elements = Shuffled<E>(size);
      std::atomic<int> left = allowed;
      const auto less = [&left](const E& a, const E& b) {
        if (--left == 0) throw Thrown();
        return a.number() < b.number();
      };
      has_thrown = false;
      try {
        Sort(elements, less, std::identity(), SortOptions{.grain = 50});
      } catch (const Thrown&) {
        has_thrown = true;
      }
      ASSERT_EQ(Missing(elements), 0u) << "at comparison " << allowed;
      ASSERT_EQ(alive.load(), static_cast<int>(size));
    }
  };
  sort_with_throws(700, 17, static_cast<Element<false>*>(nullptr));
  sort_with_throws(40'000, 100'003, static_cast<Element<false>*>(nullptr));
  moves_left = 0;
  sort_with_throws(300, 7, static_cast<Element<true>*>(nullptr));
  EXPECT_EQ(alive.load(), 0);
}

TEST_P(ParallelSortTest, AMoveThatThrowsLosesAtMostWhatItMoved) {
  const auto sort_with_throws = [&](std::uint32_t size, int step) {
    bool has_thrown = true;
    for (int allowed = 1; has_thrown; allowed += step) {
      std::vector<Element<true>> elements = Shuffled<Element<true>>(size);
      moves_left = allowed;
      has_thrown = false;
      try {
        Sort(elements, std::ranges::less(), &Element<true>::number, SortOptions{.grain = 50});
      } catch (const Thrown&) {
        has_thrown = true;
      }
      ASSERT_LE(Missing(elements), has_thrown ? 1u : 0u) << "at move " << allowed;
      ASSERT_EQ(alive.load(), static_cast<int>(size));
    }
  };
  sort_with_throws(300, 5);
  sort_with_throws(40'000, 150'001);
  EXPECT_EQ(alive.load(), 0);
}

TEST_P(ParallelSortTest, OrdersThatAreNoneStayInTheRange) {
  for (const std::uint32_t size : {10u, 100u, 1'000u, 70'000u}) {
    const Numbers numbers = Random(size);
    std::atomic<std::uint32_t> calls{0};
    const std::function<bool(std::uint32_t, std::uint32_t)> orders[] = {
        [](std::uint32_t, std::uint32_t) { return true; },
        [](std::uint32_t a, std::uint32_t b) { return a <= b; },
        [](std::uint32_t a, std::uint32_t b) { return (a ^ b) % 3 == 0; },
        [&](std::uint32_t, std::uint32_t) { return ++calls * 2'654'435'761u >> 31 != 0; },
    };
    for (const auto& order : orders) {
      Numbers sorted = numbers;
      Sort(sorted, order, std::identity(), SortOptions{.grain = 100});
      std::sort(sorted.begin(), sorted.end());
      Numbers expected = numbers;
      std::sort(expected.begin(), expected.end());
      EXPECT_EQ(sorted, expected);
    }
  }
}

// Values are decided as late as possible: of two that are compared, the one that seems to be the
// pivot becomes the least of what is undecided. [McIlroy1999]
class Adversary {
 public:
  // The first elements are decided, so that the input is no run.
  explicit Adversary(std::uint32_t size) : values_(size, size), undecided_(size), decided_(3) {
    std::ranges::copy(std::array{1u, 2u, 0u}, values_.begin());
  }

  bool Less(std::uint32_t a, std::uint32_t b) {
    ++comparisons_;
    if (values_[a] == undecided_ && values_[b] == undecided_) {
      values_[a == candidate_ ? a : b] = decided_++;
    }
    if (values_[a] == undecided_) {
      candidate_ = a;
    } else if (values_[b] == undecided_) {
      candidate_ = b;
    }
    return values_[a] < values_[b];
  }

  std::uint64_t comparisons() const { return comparisons_; }
  const Numbers& values() const { return values_; }

 private:
  Numbers values_;
  std::uint32_t undecided_;
  std::uint32_t decided_;
  std::uint32_t candidate_ = 0;
  std::uint64_t comparisons_ = 0;
};

std::uint64_t NLogN(std::uint32_t n) {
  return std::uint64_t{n} * static_cast<std::uint64_t>(std::bit_width(n));
}

TEST(ParallelSortComparisonsTest, TheWorstCaseIsNLogN) {
  for (const std::uint32_t size : {1'000u, 20'000u, 200'000u}) {
    Adversary adversary(size);
    Numbers indices(size);
    std::iota(indices.begin(), indices.end(), 0);
    ParallelSort(indices, [&](std::uint32_t a, std::uint32_t b) { return adversary.Less(a, b); });
    EXPECT_LE(adversary.comparisons(), 5 * NLogN(size)) << size;

    // The killer sequence that this has made, to several workers.
    Runtime runtime({.workers = 4});
    Numbers killer = adversary.values();
    std::atomic<std::uint64_t> comparisons{0};
    RunOn(runtime, [&] {
      ParallelSort(killer, [&](std::uint32_t a, std::uint32_t b) {
        comparisons.fetch_add(1, std::memory_order_relaxed);
        return a < b;
      });
    });
    EXPECT_TRUE(std::is_sorted(killer.begin(), killer.end()));
    EXPECT_LE(comparisons.load(), 5 * NLogN(size)) << size;
  }
}

TEST(ParallelSortComparisonsTest, SortedReversedAndEqualAreLinear) {
  constexpr std::uint32_t kSize = 100'000;
  for (const Pattern& pattern : std::span(kPatterns).subspan(1, 3)) {
    Numbers numbers = pattern.make(kSize);
    std::uint64_t comparisons = 0;
    ParallelSort(numbers, [&](std::uint32_t a, std::uint32_t b) {
      ++comparisons;
      return a < b;
    });
    EXPECT_LE(comparisons, 2 * kSize) << pattern.name;
  }
}

TEST(ParallelSortWhereTest, OffWorkersTheCallingThreadDoesIt) {
  const std::thread::id self = std::this_thread::get_id();
  Numbers numbers = Random(100'000);
  ParallelSort(numbers, [&](std::uint32_t a, std::uint32_t b) {
    EXPECT_EQ(std::this_thread::get_id(), self);
    return a < b;
  });
  EXPECT_TRUE(std::is_sorted(numbers.begin(), numbers.end()));
}

// Who compares first waits, once it is inside the first division, until another thread compares.
TEST(ParallelSortWhereTest, OnWorkersSeveralDivideOneRange) {
  Runtime runtime({.workers = 2});
  Numbers numbers = Random(200'000);
  std::atomic<int> calls{0};
  std::atomic<std::thread::id> first{};
  std::atomic<bool> is_shared{false};
  RunOn(runtime, [&] {
    first = std::this_thread::get_id();
    ParallelSort(numbers, [&](std::uint32_t a, std::uint32_t b) {
      if (!is_shared.load(std::memory_order_relaxed)) {
        if (std::this_thread::get_id() != first.load()) is_shared = true;
        if (++calls > 1'000) {
          while (!is_shared) std::this_thread::yield();
        }
      }
      return a < b;
    });
  });
  EXPECT_TRUE(std::is_sorted(numbers.begin(), numbers.end()));
}

TEST(ParallelSortDeathTest, GrainMustBePositive) {
  Numbers numbers = {2, 1};
  EXPECT_DEATH(ParallelSort(numbers, {}, {}, {.grain = 0}), "expected a positive grain, found 0");
}

}  // namespace
}  // namespace weft
