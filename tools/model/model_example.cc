// A protocol of one's own under the model checker: a sequence lock, which readers never block.
//
// Exits with 0 if every behaviour of the scenario keeps the promise and every memory order and
// fence of the lock is needed.

#include <atomic>
#include <iostream>
#include <optional>
#include <utility>

#include "tools/model/model.h"

namespace {

using weft::model::Assert;
using weft::model::Thread;

// A pair of numbers that one thread writes and others read, whole or not at all. `Atomics` is the
// real thing in a program, weft::model::Atomics here.
//
//   (1) Write's fence -> Read's fence: who saw a number of this round sees the odd version.
//   (2) version: who saw the even version sees the numbers of its round.
template <typename Atomics>
class SequenceLock {
 public:
  void Write(int first, int second) {
    const unsigned version = version_.load(std::memory_order_relaxed);
    version_.store(version + 1, std::memory_order_relaxed);
    Atomics::Fence(std::memory_order_release);  // (1)
    first_.store(first, std::memory_order_relaxed);
    second_.store(second, std::memory_order_relaxed);
    version_.store(version + 2, std::memory_order_release);  // (2)
  }

  // Nothing while a write is under way.
  std::optional<std::pair<int, int>> TryRead() const {
    const unsigned before = version_.load(std::memory_order_acquire);  // (2)
    const std::pair<int, int> found(first_.load(std::memory_order_relaxed),
                                    second_.load(std::memory_order_relaxed));
    Atomics::Fence(std::memory_order_acquire);  // (1)
    if (before % 2 == 1) return std::nullopt;
    if (version_.load(std::memory_order_relaxed) != before) return std::nullopt;
    return found;
  }

 private:
  template <typename T>
  using Atomic = typename Atomics::template Atomic<T>;

  Atomic<unsigned> version_{0};
  Atomic<int> first_{0};
  Atomic<int> second_{0};
};

void ReadsAreWhole() {
  SequenceLock<weft::model::Atomics> lock;
  Thread writer([&lock] {
    lock.Write(1, 1);
    lock.Write(2, 2);
  });
  if (const auto found = lock.TryRead()) Assert(found->first == found->second, "a torn read");
  writer.Join();
}

}  // namespace

int main() {
  const weft::model::Result result = weft::model::Explore({}, ReadsAreWhole);
  std::cout << "reads are whole: " << result << "\n\n";
  const weft::model::MutantReport report =
      weft::model::RunMutants({.files = {"model_example.cc"}, .equivalent = {}},
                              {{.name = "reads are whole", .body = ReadsAreWhole, .options = {}}});
  std::cout << report;
  return result.ok() && report.ok() ? 0 : 1;
}
