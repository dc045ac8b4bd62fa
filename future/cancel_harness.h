// future/cancel_harness.h — re-runs an asynchronous test, cancelled at each of its suspension
// points.
//
//   TEST(ChannelTest, NoItemIsLostWhereverReceiveIsCancelled) {
//     weft::CancelEverywhere([](weft::CancelProbe& probe) {
//       Channel<int> channel(1);
//       weft::Spawn(probe.executor(), Fill(&channel)).Detach();
//       weft::Poll<int> received = probe.Run(Receive(&channel));
//       probe.executor().RunUntilStalled();
//       EXPECT_EQ(received.IsReady() + Count(channel), 1);      // holds for every run
//     });
//   }
//
// The body is called again and again with a fresh executor. In run k the future that it gives to
// Run() sees a stop request from its k-th suspension on (k = 0: from its first poll on); the last
// run is the one that needed no more suspensions, and sees no request. All that is done twice: with
// a cancelled token, and with a stop request of the Context alone, as a combinator makes it.
//
// The future runs under CheckContract() (contract.h). A body asserts what holds in every run:
// conservation of items, counted destructions. A future
// that waits for ever after it was asked to stop fails the test, and so does a task that does not
// end.
#ifndef WEFT_FUTURE_CANCEL_HARNESS_H_
#define WEFT_FUTURE_CANCEL_HARNESS_H_

#include <functional>
#include <utility>

#include "future/cancel.h"
#include "future/context.h"
#include "future/contract.h"
#include "future/future.h"
#include "future/internal/result.h"
#include "future/manual_executor.h"
#include "future/poll.h"
#include "gtest/gtest.h"

namespace weft {

// How the stop request reaches the future.
enum class CancelMode : unsigned char { kToken, kContext };

// One run of the body.
class CancelProbe {
 public:
  // `suspension`: after how many suspensions the stop is requested.
  CancelProbe(CancelMode mode, int suspension);
  CancelProbe(const CancelProbe&) = delete;
  CancelProbe& operator=(const CancelProbe&) = delete;

  // Where the future runs; for its peers as well. The clock jumps when nothing is ready.
  ManualExecutor& executor() { return executor_; }

  // Runs `future` to its end: a value, kStopped, or its exception. Call it once in each run.
  template <Future F>
  Poll<OutputOf<F>> Run(F future) {
    future_internal::Result<OutputOf<F>> result;
    (void)executor_.BlockOn(Probed<F>(*this, std::move(future), result));
    return result.TakePoll();
  }

  // Whether the stop was requested in this run.
  bool stop_requested() const { return stop_requested_; }

 private:
  // Polls the future, counts its suspensions, and requests the stop.
  template <Future F>
  class Probed {
   public:
    using Output = void;

    Probed(CancelProbe& probe, F future, future_internal::Result<OutputOf<F>>& result)
        : probe_(&probe), future_(CheckContract(std::move(future))), result_(&result) {}

    Poll<void> poll(Context& cx) {
      while (true) {
        Context probed = probe_->Probe(cx);
        if (result_->PollFrom(future_, probed) != PollState::kPending) return Poll<void>::Ready();
        if (!probe_->CountSuspension()) return kPending;
      }
    }

   private:
    CancelProbe* probe_;
    decltype(CheckContract(std::declval<F>())) future_;
    future_internal::Result<OutputOf<F>>* result_;
  };

  // The context for the next poll. Begins with the request when it is due at once.
  Context Probe(Context& cx);
  // Returns whether the stop was requested just now: then the future is to be polled again.
  bool CountSuspension();
  void RequestStop();

  const CancelMode mode_;
  const int suspension_;
  int suspensions_ = 0;
  bool stop_requested_ = false;
  ManualExecutor executor_;
  CancelSource source_;
};

// Runs `body` with a stop at each suspension point. Returns the number of suspension points.
int CancelEverywhere(const std::function<void(CancelProbe&)>& body);

}  // namespace weft

#endif  // WEFT_FUTURE_CANCEL_HARNESS_H_
