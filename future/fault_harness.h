// future/fault_harness.h — re-runs an asynchronous test with a fault at each possible place.
//
//   TEST(CacheTest, NothingIsLeftBehindWhateverThrows) {
//     const auto body = [](weft::FaultProbe& probe) {
//       Cache cache;
//       auto result = probe.Run(Fill(&probe, &cache));      // awaits probe.Await(leaf)
//       EXPECT_TRUE(cache.IsConsistent());                  // holds for every run
//     };
//     weft::ThrowEverywhere(body);
//     weft::FailAllocationsEverywhere(body);
//   }
//
// The body is called again and again with a fresh executor. In run k of ThrowEverywhere() the k-th
// of the awaits made with probe.Await() throws an InjectedFault when it ends, in place of its value
// or its stop. In run k of FailAllocationsEverywhere() the k-th allocation inside the polls of the
// future that Run() was given throws std::bad_alloc. The last run is the one without a fault.
//
// The future runs under CheckContract() (contract.h). Differs from CancelEverywhere()
// (cancel_harness.h) in what strikes. A program that uses this
// harness has its operator new replaced by the one of tools/stress/allocations.h.
#ifndef WEFT_FUTURE_FAULT_HARNESS_H_
#define WEFT_FUTURE_FAULT_HARNESS_H_

#include <cstdint>
#include <exception>
#include <functional>
#include <optional>
#include <utility>

#include "future/context.h"
#include "future/contract.h"
#include "future/future.h"
#include "future/manual_executor.h"
#include "future/poll.h"
#include "future/try.h"
#include "tools/stress/allocations.h"

namespace weft {

// What ThrowEverywhere() throws.
struct InjectedFault : std::exception {
  const char* what() const noexcept override { return "an injected fault"; }
};

enum class FaultKind : unsigned char { kNone, kException, kAllocation };

// One run of the body.
class FaultProbe {
 public:
  // Strikes nowhere: for bodies that are run without faults too.
  FaultProbe() : FaultProbe(FaultKind::kNone, 0) {}
  // `place`: how many chances are let pass.
  FaultProbe(FaultKind kind, int place) : kind_(kind), left_(place) {}
  FaultProbe(const FaultProbe&) = delete;
  FaultProbe& operator=(const FaultProbe&) = delete;

  // Where the future runs; for its peers as well. The clock jumps when nothing is ready.
  ManualExecutor& executor() { return executor_; }

  // Runs `future` to its end: nothing if it stopped. The result of the body's own allocations is
  // not touched. Call it once in each run.
  template <Future F>
  std::optional<Tried<OutputOf<F>>> Run(F future) {
    std::optional<Tried<OutputOf<F>>> end;
    (void)executor_.BlockOn(Probed<F>(*this, std::move(future), end));
    return end;
  }

  // `future`, which may throw an InjectedFault at its end.
  template <Future F>
  auto Await(F future) {
    return Faulty<F>(*this, std::move(future));
  }

  bool has_struck() const { return has_struck_; }

 private:
  // While one exists, allocations are chances.
  class AllocationScope {
   public:
    explicit AllocationScope(FaultProbe& probe);
    AllocationScope(const AllocationScope&) = delete;
    AllocationScope& operator=(const AllocationScope&) = delete;
    ~AllocationScope();

   private:
    FaultProbe& probe_;
    int64_t count_before_ = 0;
    std::optional<stress::FailAllocation> failure_;
  };

  template <Future F>
  class InScope {
   public:
    using Output = Tried<OutputOf<F>>;

    InScope(FaultProbe& probe, F future) : probe_(&probe), future_(std::move(future)) {}

    Poll<Output> poll(Context& cx) {
      const AllocationScope scope(*probe_);
      return future_.poll(cx);
    }

   private:
    FaultProbe* probe_;
    TryFuture<F> future_;
  };

  template <Future F>
  class Probed {
   public:
    using Output = void;

    Probed(FaultProbe& probe, F future, std::optional<Tried<OutputOf<F>>>& end)
        : future_(CheckContract(InScope<F>(probe, std::move(future)))), end_(&end) {}

    Poll<void> poll(Context& cx) {
      Poll<Tried<OutputOf<F>>> poll = future_.poll(cx);
      if (poll.IsPending()) return kPending;
      if (poll.IsReady()) end_->emplace(std::move(poll).value());
      return Poll<void>::Ready();
    }

   private:
    decltype(CheckContract(std::declval<InScope<F>>())) future_;
    std::optional<Tried<OutputOf<F>>>* end_;
  };

  template <Future F>
  class Faulty {
   public:
    using Output = OutputOf<F>;

    Faulty(FaultProbe& probe, F future) : probe_(&probe), future_(std::move(future)) {}

    Poll<Output> poll(Context& cx) {
      Poll<Output> poll = future_.poll(cx);
      if (!poll.IsPending() && probe_->Strikes(FaultKind::kException)) throw InjectedFault();
      return poll;
    }

   private:
    FaultProbe* probe_;
    F future_;
  };

  // Whether this chance of a fault of `kind` is the one.
  bool Strikes(FaultKind kind) {
    if (kind != kind_ || has_struck_ || left_-- > 0) return false;
    has_struck_ = true;
    return true;
  }

  const FaultKind kind_;
  int left_;
  bool has_struck_ = false;
  ManualExecutor executor_;
};

// Each runs `body` with a fault at each place, and returns the number of places.
int ThrowEverywhere(const std::function<void(FaultProbe&)>& body);
int FailAllocationsEverywhere(const std::function<void(FaultProbe&)>& body);

}  // namespace weft

#endif  // WEFT_FUTURE_FAULT_HARNESS_H_
