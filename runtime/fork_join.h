// runtime/fork_join.h — parallel computation on the workers of a runtime: Join, ParallelFor,
// ParallelReduce.
//
//   const long sum = weft::RunOn(runtime, [&] { return Sum(numbers); });
//
//   long Sum(std::span<const long> numbers) {
//     if (numbers.size() < 1'000) return std::accumulate(numbers.begin(), numbers.end(), 0L);
//     const auto half = numbers.size() / 2;
//     const auto [left, right] = weft::Join([=] { return Sum(numbers.first(half)); },
//                                           [=] { return Sum(numbers.subspan(half)); });
//     return left + right;
//   }
//
// A fork puts its second half where idle workers find it, runs the first half, and takes the second
// one back; nearly always nobody has come for it, and fork and join cost some nanoseconds: plain
// loads and stores, no allocation, no fence. Use it for work that computes; for work that waits
// spawn tasks (future/spawn.h, nursery/), which can be cancelled.
//
// Guarantees, for all functions here
//   Where            On a worker of a Runtime, also inside a task; on any other thread everything
//                    runs there, in order. RunOn() takes a computation to a worker.
//   Thread safety    The halves run at the same time as each other, each on some worker; what they
//                    share is the caller's matter.
//   Memory ordering  What came before the call is visible to both halves, and what they did to the
//                    code after it.
//   Waiting          A call returns when both halves have ended, always. While it waits for a half
//                    that another worker has, it runs such halves of others on top of its stack (at
//                    most 64), never tasks; then it sleeps. So it must not be called with a lock
//                    held that a half of anybody takes. A sleeper wakes when its half has ended.
//   Idle workers     are woken for a fork that they could take.
//   Exceptions       If the first half throws, the second is not begun, or ended, and its result
//                    dropped; that exception leaves Join. Else the second half's does.
//   Cancellation     No cancellation point. A long computation asks its token itself.
//   Fairness         The task that forks holds its worker until it returns; its tasks in the queue
//                    are for the other workers meanwhile, timers and descriptors too.
//   Complexity       No allocation but for exceptions. Of nested forks the outermost 1,024 of a
//                    thread are offered to others; deeper ones run in order on the thread.
//   Stack            Each level takes the stack that a call takes, 100 bytes and more, a loop some
//                    700; a thief takes over the depth of what it has stolen. Where that may pass
//                    some tens of thousands, give workers a larger one:
//                    RuntimeOptions::worker_stack_size_bytes.
//
// Example: fork_join_example.cc
#ifndef WEFT_RUNTIME_FORK_JOIN_H_
#define WEFT_RUNTIME_FORK_JOIN_H_

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <iterator>
#include <optional>
#include <ranges>
#include <type_traits>
#include <utility>

#include "base/check.h"
#include "base/instant.h"
#include "deque/fork_stack.h"
#include "future/executor.h"
#include "future/poll.h"
#include "runtime/internal/fork_job.h"
#include "runtime/internal/range_jobs.h"

namespace weft {

class Runtime;

// What Join(f, g) returns: both results; std::monostate stands for the void of one of them.
template <typename F, typename G>
using JoinedResults = std::conditional_t<
    std::is_void_v<std::invoke_result_t<F&>> && std::is_void_v<std::invoke_result_t<G&>>, void,
    std::pair<NonVoid<std::invoke_result_t<F&>>, NonVoid<std::invoke_result_t<G&>>>>;

namespace runtime_internal {

// One after the other, on this thread.
template <typename F, typename G>
JoinedResults<F, G> CallInOrder(F& f, G& g) {
  auto first = Call(f);
  auto second = Call(g);
  if constexpr (!std::is_void_v<JoinedResults<F, G>>) {
    return JoinedResults<F, G>(std::move(first), std::move(second));
  }
}

// The first half has thrown: nobody will have the second one's result.
template <typename G>
[[gnu::noinline]] void AbandonJob(int t, ForkJobOf<G>* job) {
  if (CurrentJobs()->Pop(t)) return;
  AwaitJob(*job);
  CurrentJobs()->Restore(t);
  job->outcome().Discard();
}

// The second half's result, from whoever has stolen it.
template <typename G>
[[gnu::noinline]] NonVoid<ResultOf<G>> AwaitResult(int t, ForkJobOf<G>* job) {
  AwaitJob(*job);
  CurrentJobs()->Restore(t);
  return job->outcome().Take();
}

}  // namespace runtime_internal

// Runs both, perhaps at the same time. Results are moved.
template <typename F, typename G>
JoinedResults<F, G> Join(F f, G g) {
  // What is saved around the first half costs time. So the pointer is read twice instead, and the
  // second half's function is called where the job has it.
  using Offered = ForkStack<Runnable>::Offered;
  ForkStack<Runnable>* const jobs = runtime_internal::CurrentJobs();
  if (jobs == nullptr) [[unlikely]]
    return runtime_internal::CallInOrder(f, g);
  const int t = jobs->Depth();
  runtime_internal::ForkJobOf<G> job(g);
  const Offered offered = jobs->Offer(t, &job);
  if (offered != Offered::kQuiet) [[unlikely]] {
    if (offered == Offered::kFull) return runtime_internal::CallInOrder(f, g);
    runtime_internal::WakeForJob();
  }
  auto first = [&] {
    try {
      return runtime_internal::Call(f);
    } catch (...) {
      runtime_internal::AbandonJob(t, &job);
      throw;
    }
  }();
  const auto second = [&] {
    if (runtime_internal::CurrentJobs()->Pop(t)) [[likely]]
      return runtime_internal::Call(job.function());
    return runtime_internal::AwaitResult(t, &job);
  };
  if constexpr (std::is_void_v<JoinedResults<F, G>>) {
    second();
  } else {
    return JoinedResults<F, G>(std::move(first), second());
  }
}

// How a range is divided.
struct ParallelOptions {
  // Most elements that run in order on one worker; 0: 16 pieces for each worker, which is right
  // where elements take about the same time. While a worker would have to wake for them, the first
  // pieces run in order, for three microseconds: a shorter loop wakes nobody. With a grain, all are
  // offered at once. A piece that is not stolen costs some nanoseconds more than its elements; one
  // that is, a microsecond or two, and more if a worker has to wake for it: so a piece should take
  // some microseconds at least.
  // Smaller pieces than the default pay where some elements take far longer than others. Counted
  // from the first element, pieces of 64 and more begin at multiples of the largest power of two,
  // up to 64, that divides the grain: 64 keeps vectors aligned and lines of memory undivided.
  // Precondition (checked): not negative.
  std::ptrdiff_t grain = 0;
};

namespace runtime_internal {

// Of pieces of a range of `size` elements.
std::ptrdiff_t GrainOf(std::ptrdiff_t size, const ParallelOptions& options);

template <typename Piece, typename Combine>
auto ReducePieces(std::ptrdiff_t begin, std::ptrdiff_t end, std::ptrdiff_t grain, Piece& piece,
                  Combine& combine) -> decltype(piece(begin, end)) {
  if (end - begin <= grain) return piece(begin, end);
  const std::ptrdiff_t middle = MiddleOf(begin, end, grain);
  auto [left, right] =
      weft::Join([&, begin, middle] { return ReducePieces(begin, middle, grain, piece, combine); },
                 [&, middle, end] { return ReducePieces(middle, end, grain, piece, combine); });
  return combine(std::move(left), std::move(right));
}

// A loop of the default grain, if a worker would have to wake for it: its first part, or all.
// Returns where the rest begins.
template <typename Run>
std::ptrdiff_t RunFirstPart(std::ptrdiff_t end, std::ptrdiff_t grain,
                            const ParallelOptions& options, Run& run) {
  if (options.grain != 0 || end <= grain || !WouldWakeForJob()) return 0;
  return RunWhileShort(end, grain, run, MonotonicNow);
}

void RunAndWait(Runtime& runtime, void (*function)(void*), void* argument);

}  // namespace runtime_internal

// Calls body(i) for each i of [begin, end), in any order, perhaps at the same time; body is not
// copied. If calls throw, one of the exceptions leaves, and some indices are left out.
template <std::integral Index, typename Body>
void ParallelFor(Index begin, Index end, Body&& body, ParallelOptions options = {}) {
  if (begin >= end) return;
  const auto size = static_cast<std::ptrdiff_t>(end - begin);
  auto piece = [&body, begin](std::ptrdiff_t from, std::ptrdiff_t to) {
    for (; from < to; ++from) body(static_cast<Index>(begin + static_cast<Index>(from)));
  };
  const std::ptrdiff_t grain = runtime_internal::GrainOf(size, options);
  const std::ptrdiff_t done = runtime_internal::RunFirstPart(size, grain, options, piece);
  if (done < size) runtime_internal::ForPieces(done, size, grain, piece);
}

// The same for the elements of a range, which body gets as the range's iterators give them.
template <std::ranges::random_access_range Range, typename Body>
  requires std::ranges::sized_range<Range>
void ParallelFor(Range&& range, Body&& body, ParallelOptions options = {}) {
  const auto first = std::ranges::begin(range);
  using Difference = std::ranges::range_difference_t<Range>;
  ParallelFor(
      Difference{0}, static_cast<Difference>(std::ranges::size(range)),
      [&body, first](Difference i) { body(first[i]); }, options);
}

// combine(...combine(combine(identity, map(begin)), map(begin + 1))..., map(end - 1)), where
// combine is associative and identity is neutral for it; the order of the operands is kept. Both
// functions are called on several workers.
template <std::integral Index, typename T, typename Map, typename Combine>
T ParallelReduce(Index begin, Index end, T identity, Map&& map, Combine&& combine,
                 ParallelOptions options = {}) {
  if (begin >= end) return identity;
  const auto size = static_cast<std::ptrdiff_t>(end - begin);
  auto piece = [&, begin](std::ptrdiff_t from, std::ptrdiff_t to) -> T {
    T result = identity;
    for (; from < to; ++from) {
      result =
          combine(std::move(result), map(static_cast<Index>(begin + static_cast<Index>(from))));
    }
    return result;
  };
  const std::ptrdiff_t grain = runtime_internal::GrainOf(size, options);
  std::optional<T> first;
  auto add = [&](std::ptrdiff_t from, std::ptrdiff_t to) {
    if (first) {
      *first = combine(*std::move(first), piece(from, to));
    } else {
      first.emplace(piece(from, to));
    }
  };
  const std::ptrdiff_t done = runtime_internal::RunFirstPart(size, grain, options, add);
  if (done == size) return *std::move(first);
  T rest = runtime_internal::ReducePieces(done, size, grain, piece, combine);
  return first ? combine(*std::move(first), std::move(rest)) : rest;
}

// Runs f() on a worker of `runtime` and blocks the calling thread until it has ended; on a worker
// (of any runtime) it calls f() there. Returns its result; its exception leaves. Counts as a task
// for Runtime::Shutdown(), which must not have been called.
template <typename F>
std::invoke_result_t<F&> RunOn(Runtime& runtime, F f) {
  if (runtime_internal::WorkersHere() > 0) return f();
  using Value = NonVoid<std::invoke_result_t<F&>>;
  runtime_internal::Outcome<Value> outcome;
  auto run = [&outcome, &f] { outcome.Run(f); };
  runtime_internal::RunAndWait(
      runtime, [](void* function) { (*static_cast<decltype(run)*>(function))(); }, &run);
  return static_cast<std::invoke_result_t<F&>>(outcome.Take());
}

}  // namespace weft

#endif  // WEFT_RUNTIME_FORK_JOIN_H_
