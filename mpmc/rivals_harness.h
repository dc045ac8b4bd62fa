// mpmc/rivals_harness.h — the shapes in which queues are measured (docs/benchmarks.md).
//
// Every queue waits by the same back-off, every contended run checks what arrived. What it finds is
// reported beside the times: a queue that loses items or their order is not faster, it does less.
#ifndef WEFT_MPMC_RIVALS_HARNESS_H_
#define WEFT_MPMC_RIVALS_HARNESS_H_

#include <pthread.h>
#include <sched.h>

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <thread>
#include <vector>

#include "base/backoff.h"
#include "base/cache_line.h"
#include "base/instant.h"
#include "benchmark/benchmark.h"
#include "mpmc/rivals.h"
#include "tools/stress/start_barrier.h"

namespace weft::mpmc_rivals {

// What a thread uses for its end of a queue: the queue itself, or the queue's own kind of handle.
template <Rival Q>
class Direct {
 public:
  explicit Direct(Q& queue) : queue_(queue) {}
  bool TryPush(uint64_t item) { return queue_.TryPush(item); }
  bool TryPop(uint64_t* out) { return queue_.TryPop(out); }

 private:
  Q& queue_;
};

template <Rival Q>
auto ProducerOf(Q& queue) {
  if constexpr (requires { typename Q::Producer; }) {
    return typename Q::Producer(queue);
  } else {
    return Direct<Q>(queue);
  }
}

template <Rival Q>
auto ConsumerOf(Q& queue) {
  if constexpr (requires { typename Q::Consumer; }) {
    return typename Q::Consumer(queue);
  } else {
    return Direct<Q>(queue);
  }
}

// Waits between two attempts: 1, 2, 4 ... 64 pauses, then the rest of the time slice.
inline void Wait(SpinBackoff* backoff) {
  if (backoff->IsSpent()) {
    std::this_thread::yield();
  } else {
    backoff->Spin();
  }
}

// Item number `sequence` (from 1) of a producer.
constexpr uint64_t ItemOf(uint64_t producer, uint64_t sequence) {
  return producer << 32 | sequence;
}

// What the consumers of a run found.
struct Findings {
  uint64_t lost = 0;        // items that did not arrive, although all were pushed
  uint64_t disordered = 0;  // items that a consumer got after a later one of the same producer
  uint64_t wrong = 0;       // consumers' sums that do not add up to what was pushed

  Findings& operator+=(const Findings& other) {
    lost += other.lost;
    disordered += other.disordered;
    wrong += other.wrong;
    return *this;
  }
};

// One consumer's books.
class Ledger {
 public:
  explicit Ledger(int producers) : last_(static_cast<std::size_t>(producers)) {}

  void Enter(uint64_t item) {
    const auto producer = static_cast<std::size_t>(item >> 32) % last_.size();
    const uint64_t sequence = item & 0xffffffff;
    disordered_ += sequence <= last_[producer];
    last_[producer] = sequence;
    sum_ += item;
    ++count_;
  }

  uint64_t sum() const { return sum_; }
  uint64_t count() const { return count_; }
  uint64_t disordered() const { return disordered_; }

 private:
  std::vector<uint64_t> last_;
  uint64_t sum_ = 0;
  uint64_t count_ = 0;
  uint64_t disordered_ = 0;
};

// Moves items from `width` producers to as many consumers, once.
template <Rival Q>
class Transfer {
 public:
  Transfer(std::size_t capacity, int width, uint64_t items)
      : queue_(capacity), width_(width), share_(items / static_cast<uint64_t>(width)) {}

  // Returns the nanoseconds from the start of the first thread to the end of the last consumer.
  int64_t Run() {
    stress::RunTogether(2 * width_, [this](int worker) {
      Span& span = spans_[static_cast<std::size_t>(worker)];
      span.begin = MonotonicNow().nanos();
      if (worker < width_) {
        Produce(static_cast<uint64_t>(worker));
      } else {
        Consume(&ledgers_[static_cast<std::size_t>(worker - width_)]);
      }
      span.end = MonotonicNow().nanos();
    });
    int64_t begin = spans_[0].begin;
    int64_t end = 0;
    for (std::size_t worker = 0; worker < spans_.size(); ++worker) {
      begin = std::min(begin, spans_[worker].begin);
      if (worker >= static_cast<std::size_t>(width_)) end = std::max(end, spans_[worker].end);
    }
    return end - begin;
  }

  Findings Check() const {
    Findings findings;
    uint64_t sum = 0;
    uint64_t count = 0;
    for (const PaddedLedger& ledger : ledgers_) {
      sum += ledger.sum();
      count += ledger.count();
      findings.disordered += ledger.disordered();
    }
    const auto producers = static_cast<uint64_t>(width_);
    const uint64_t pushed = producers * (share_ * (share_ + 1) / 2) +
                            ((producers * (producers - 1) / 2) << 32) * share_;
    findings.lost = producers * share_ - count;
    findings.wrong = findings.lost == 0 && sum != pushed;
    return findings;
  }

 private:
  struct alignas(kCacheLineSize) PaddedLedger : Ledger {
    using Ledger::Ledger;
  };
  struct alignas(kCacheLineSize) Span {
    int64_t begin = 0;
    int64_t end = 0;
  };

  void Produce(uint64_t producer) {
    auto queue = ProducerOf(queue_);
    for (uint64_t sequence = 1; sequence <= share_; ++sequence) {
      SpinBackoff backoff;
      while (!queue.TryPush(ItemOf(producer, sequence))) Wait(&backoff);
    }
    done_.fetch_add(1);
  }

  void Consume(Ledger* ledger) {
    auto queue = ConsumerOf(queue_);
    for (uint64_t i = 0; i < share_; ++i) {
      uint64_t item = 0;
      SpinBackoff backoff;
      for (int failures = 0; !queue.TryPop(&item); ++failures) {
        // Nothing for so long after all has been pushed: what is missing is lost.
        if (failures > kPatience && done_.load() == width_) return;
        Wait(&backoff);
      }
      ledger->Enter(item);
    }
  }

  static constexpr int kPatience = 10'000;

  Q queue_;
  const int width_;
  const uint64_t share_;
  std::vector<PaddedLedger> ledgers_{static_cast<std::size_t>(width_), PaddedLedger(width_)};
  std::vector<Span> spans_ = std::vector<Span>(2 * static_cast<std::size_t>(width_));
  alignas(kCacheLineSize) std::atomic<int> done_{0};
};

// The benchmarks. Times are per item.

// Shape uncontended: an item is one push and one pop of it.
template <Rival Q>
void Uncontended(benchmark::State& state, std::size_t capacity) {
  Q queue(capacity);
  auto producer = ProducerOf(queue);
  auto consumer = ConsumerOf(queue);
  uint64_t item = 1;
  for (auto _ : state) {
    bool good = producer.TryPush(item);
    uint64_t popped = 0;
    good &= consumer.TryPop(&popped);
    if (!good || popped != item) state.SkipWithError("an item did not come back");
    ++item;
  }
  state.SetItemsProcessed(state.iterations());
}

// Shapes spsc and mpmc_balanced: an item is moved from a producer to a consumer.
template <Rival Q>
void MpmcBalanced(benchmark::State& state, std::size_t capacity, int width) {
  constexpr uint64_t kItems = 1 << 19;
  Findings findings;
  for (auto _ : state) {
    Transfer<Q> transfer(capacity, width, kItems);
    state.SetIterationTime(static_cast<double>(transfer.Run()) * 1e-9);
    findings += transfer.Check();
  }
  state.SetItemsProcessed(state.iterations() * static_cast<int64_t>(kItems));
  state.counters["lost"] = static_cast<double>(findings.lost);
  state.counters["disordered"] = static_cast<double>(findings.disordered);
  state.counters["wrong"] = static_cast<double>(findings.wrong);
}

// Shape burst: many pushes, then as many pops, on one thread; an item is one of each.
template <Rival Q>
void Burst(benchmark::State& state, uint64_t burst) {
  Q queue(0);
  auto producer = ProducerOf(queue);
  auto consumer = ConsumerOf(queue);
  for (auto _ : state) {
    for (uint64_t item = 1; item <= burst; ++item) producer.TryPush(item);
    uint64_t popped = 0;
    for (uint64_t item = 1; item <= burst; ++item) {
      if (!consumer.TryPop(&popped)) state.SkipWithError("an item did not come back");
    }
    benchmark::DoNotOptimize(popped);
  }
  state.SetItemsProcessed(state.iterations() * static_cast<int64_t>(burst));
}

// Calls `attempt` until it is true: pausing, and yielding only when the other thread cannot be
// running, since a yield costs more than the round trip that is measured.
template <typename Attempt>
void Poll(Attempt attempt) {
  constexpr int kPolls = 4096;
  for (int polls = 0; !attempt(); ++polls) {
    if (polls < kPolls) {
      CpuRelax();
    } else {
      std::this_thread::yield();
    }
  }
}

// Keeps the calling thread on the processor number `index` of those that it may use. Two threads
// that share a processor only because they were started there would measure the scheduler.
inline void Pin(int index) {
  cpu_set_t allowed;
  if (pthread_getaffinity_np(pthread_self(), sizeof(allowed), &allowed) != 0) return;
  const int wanted = index % CPU_COUNT(&allowed);
  for (int cpu = 0, seen = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (!CPU_ISSET(cpu, &allowed) || seen++ != wanted) continue;
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(cpu, &one);
    pthread_setaffinity_np(pthread_self(), sizeof(one), &one);
    return;
  }
}

// Shape pingpong: an item is one round trip between two threads. `there` and `back` have the calls
// of a queue.
template <typename Channel>
void PingPong(benchmark::State& state, Channel& there, Channel& back) {
  constexpr uint64_t kTrips = 20'000;
  uint64_t first = 1;  // trips are numbered on, so that no old number is taken for a new one
  for (auto _ : state) {
    int64_t nanos = 0;
    stress::RunTogether(2, [&](int worker) {
      Pin(worker);
      Channel& in = worker == 0 ? back : there;
      Channel& out = worker == 0 ? there : back;
      uint64_t item = first - 1;
      const Instant begin = MonotonicNow();
      for (uint64_t trip = first; trip < first + kTrips; ++trip) {
        if (worker == 0) Poll([&] { return out.TryPush(trip); });
        Poll([&] { return in.TryPop(&item); });
        if (worker == 1) Poll([&] { return out.TryPush(item); });
      }
      if (worker == 0) nanos = MonotonicNow().nanos() - begin.nanos();
    });
    state.SetIterationTime(static_cast<double>(nanos) * 1e-9);
    first += kTrips;
  }
  state.SetItemsProcessed(state.iterations() * static_cast<int64_t>(kTrips));
}

// The least that a round trip can cost: one word on a cache line of its own in each direction.
class CacheLine {
 public:
  bool TryPush(uint64_t item) {
    word_.store(item, std::memory_order_release);  // (1) to the acquire below
    return true;
  }
  bool TryPop(uint64_t* out) {
    const uint64_t item = word_.load(std::memory_order_acquire);  // (1)
    if (item == *out) return false;
    *out = item;
    return true;
  }

 private:
  alignas(kCacheLineSize) std::atomic<uint64_t> word_{0};
};

}  // namespace weft::mpmc_rivals

#endif  // WEFT_MPMC_RIVALS_HARNESS_H_
