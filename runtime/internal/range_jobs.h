// runtime/internal/range_jobs.h — the pieces of a range, halved again and again, as stack jobs.
//
// What binary forks come to, in one frame: the second halves lie in an array, newest last, and are
// offered as they are made; the owner runs the first piece, takes the newest half back, halves
// that, and so on. Whoever steals one, the oldest and so the largest first, does the same with it.
#ifndef WEFT_RUNTIME_INTERNAL_RANGE_JOBS_H_
#define WEFT_RUNTIME_INTERNAL_RANGE_JOBS_H_

#include <algorithm>
#include <cstddef>
#include <memory>
#include <new>
#include <variant>

#include "absl/time/time.h"
#include "base/instant.h"
#include "deque/fork_stack.h"
#include "future/executor.h"
#include "runtime/internal/fork_job.h"

namespace weft::runtime_internal {

// Where a range that is larger than `grain` is divided: in the middle; for large pieces, at a
// multiple of what divides the grain, a power of two up to kWholeLines. Misaligned pieces cost
// loops that are vectorised a fifth of their time.
constexpr std::ptrdiff_t kWholeLines = 64;  // so many elements fill lines, whatever their size
constexpr std::ptrdiff_t MiddleOf(std::ptrdiff_t begin, std::ptrdiff_t end, std::ptrdiff_t grain) {
  const std::ptrdiff_t size = end - begin;
  if (grain < kWholeLines) [[likely]]
    return begin + (size >> 1);
  const std::ptrdiff_t limited = grain | kWholeLines;
  const std::ptrdiff_t unit = limited & -limited;
  return begin + ((size + unit - 1) >> 1 & -unit);
}

template <typename Piece>
void ForPieces(std::ptrdiff_t begin, std::ptrdiff_t end, std::ptrdiff_t grain, Piece& piece);

// The indices [begin, end), which somebody else may take. Trivially destroyed where nobody did.
template <typename Piece>
class RangeJob final : public ForkJob {
 public:
  RangeJob(std::ptrdiff_t begin, std::ptrdiff_t end, std::ptrdiff_t grain, Piece& piece)
      : begin_(begin), end_(end), grain_(grain), piece_(piece) {}

  void Run() noexcept override {
    Begin();
    const auto run = [this] { ForPieces(begin_, end_, grain_, piece_); };
    outcome_.Run(run);
    End();
  }

  std::ptrdiff_t begin() const { return begin_; }
  std::ptrdiff_t end() const { return end_; }
  Outcome<std::monostate>& outcome() { return outcome_; }

 private:
  const std::ptrdiff_t begin_;
  const std::ptrdiff_t end_;
  const std::ptrdiff_t grain_;
  Piece& piece_;
  Outcome<std::monostate> outcome_;
};

// The halves that a call of ForPieces() has offered and not taken back. On its stack.
template <typename Piece>
class RangeJobs {
  using Job = RangeJob<Piece>;

 public:
  // So many halves at a time; a range that needs more is divided by a call on top.
  static constexpr int kMost = 8;

  explicit RangeJobs(ForkStack<Runnable>& jobs) : jobs_(jobs), first_(jobs.Depth()) {}
  RangeJobs(const RangeJobs&) = delete;
  RangeJobs& operator=(const RangeJobs&) = delete;
  // Left by an exception: the others are not begun, or ended, and what they threw is dropped.
  ~RangeJobs() {
    while (size_ > 0) {
      Job* const job = Newest();
      if (!TakeBack()) Await(*job).Discard();
    }
  }

  bool IsEmpty() const { return size_ == 0; }
  // Whether the next offer needs a call on top.
  bool IsFull() const { return size_ == kMost; }

  // False: there is no room for it, here or where others look.
  bool Offer(std::ptrdiff_t begin, std::ptrdiff_t end, std::ptrdiff_t grain, Piece& piece) {
    if (IsFull()) return false;
    using Offered = ForkStack<Runnable>::Offered;
    Job* const job = ::new (room_[size_]) Job(begin, end, grain, piece);
    const Offered offered = jobs_.Offer(first_ + size_, job);
    if (offered != Offered::kQuiet) [[unlikely]] {
      if (offered == Offered::kFull) return false;
      WakeForJob();
    }
    ++size_;
    return true;
  }

  // The newest, if it is the caller's again; else null, and it has ended. It lies there until the
  // next offer.
  const Job* Take() {
    Job* const job = Newest();
    if (TakeBack()) [[likely]]
      return job;
    (void)Await(*job).Take();
    return nullptr;
  }

 private:
  Job* Newest() { return std::launder(reinterpret_cast<Job*>(room_[size_ - 1])); }
  bool TakeBack() {
    --size_;
    return jobs_.Pop(first_ + size_);
  }
  // Precondition: TakeBack() was false.
  Outcome<std::monostate>& Await(Job& job) {
    AwaitJob(job);
    jobs_.Restore(first_ + size_);
    return job.outcome();
  }

  ForkStack<Runnable>& jobs_;
  const int first_;
  int size_ = 0;
  alignas(Job) std::byte room_[kMost][sizeof(Job)];
};

// Calls piece(from, to) for pieces of at most `grain` that make up [begin, end), as halving comes
// to them. On a thread that is no worker, and deeper than jobs can be offered, for all at once.
template <typename Piece>
void ForPieces(std::ptrdiff_t begin, std::ptrdiff_t end, std::ptrdiff_t grain, Piece& piece) {
  ForkStack<Runnable>* const stack = CurrentJobs();
  if (stack == nullptr || end - begin <= grain) return piece(begin, end);
  RangeJobs<Piece> halves(*stack);
  while (true) {
    std::ptrdiff_t middle;
    while (end - begin > grain &&
           halves.Offer(middle = MiddleOf(begin, end, grain), end, grain, piece)) {
      end = middle;
    }
    if (end - begin > grain && halves.IsFull()) {
      ForPieces(begin, end, grain, piece);
    } else {
      piece(begin, end);
    }
    const RangeJob<Piece>* next = nullptr;
    while (next == nullptr) {
      if (halves.IsEmpty()) return;
      next = halves.Take();
    }
    begin = next->begin();
    end = next->end();
  }
}

// Whether a fork of this thread would wake somebody.
bool WouldWakeForJob();

// To wake a worker costs this one some microseconds, and that one comes later still.
inline constexpr absl::Duration kShortLoop = absl::Microseconds(3);

// Calls run(from, to) for pieces from 0 on, in order, for as long as a short loop takes by the
// clock now(). Returns where the rest begins.
template <typename Run, typename Now>
std::ptrdiff_t RunWhileShort(std::ptrdiff_t end, std::ptrdiff_t grain, Run& run, Now now) {
  const Instant until = now() + kShortLoop;
  std::ptrdiff_t begin = 0;
  do {
    const std::ptrdiff_t next = std::min(begin + grain, end);
    run(begin, next);
    begin = next;
  } while (begin < end && now() < until);
  return begin;
}

}  // namespace weft::runtime_internal

#endif  // WEFT_RUNTIME_INTERNAL_RANGE_JOBS_H_
