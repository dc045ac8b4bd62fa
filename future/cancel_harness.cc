#include "future/cancel_harness.h"

namespace weft {
namespace {

// More suspension points than any sensible test has: the body does not end.
constexpr int kMaxSuspensions = 100'000;

const char* Name(CancelMode mode) { return mode == CancelMode::kToken ? "token" : "context"; }

// Returns the number of suspension points.
int CancelEverywhereBy(CancelMode mode, const std::function<void(CancelProbe&)>& body) {
  for (int k = 0; k < kMaxSuspensions; ++k) {
    SCOPED_TRACE(testing::Message()
                 << "stop requested by the " << Name(mode) << " at suspension " << k);
    CancelProbe probe(mode, k);
    body(probe);
    if (!probe.stop_requested()) return k - 1;
  }
  ADD_FAILURE() << "CancelEverywhere(): the body still suspends after " << kMaxSuspensions
                << " suspensions; make it smaller";
  return kMaxSuspensions;
}

}  // namespace

CancelProbe::CancelProbe(CancelMode mode, int suspension)
    : mode_(mode), suspension_(suspension), source_(executor_.token()) {}

Context CancelProbe::Probe(Context& cx) {
  if (suspension_ == 0 && !stop_requested_) RequestStop();
  Context probed = cx.WithToken(source_.token());
  return stop_requested_ && mode_ == CancelMode::kContext ? probed.WithStop() : probed;
}

bool CancelProbe::CountSuspension() {
  if (++suspensions_ != suspension_) return false;
  RequestStop();
  return true;
}

void CancelProbe::RequestStop() {
  stop_requested_ = true;
  if (mode_ == CancelMode::kToken) source_.Cancel();
}

int CancelEverywhere(const std::function<void(CancelProbe&)>& body) {
  const int suspensions = CancelEverywhereBy(CancelMode::kToken, body);
  CancelEverywhereBy(CancelMode::kContext, body);
  return suspensions;
}

}  // namespace weft
