#include "future/fault_harness.h"

#include "gtest/gtest.h"
#include "tools/stress/allocations.h"

namespace weft {
namespace {

// More places than any sensible test has: the body does not end.
constexpr int kMaxPlaces = 100'000;

int StrikeEverywhere(FaultKind kind, const char* name,
                     const std::function<void(FaultProbe&)>& body) {
  for (int k = 0; k < kMaxPlaces; ++k) {
    SCOPED_TRACE(testing::Message() << name << " " << k << " fails");
    FaultProbe probe(kind, k);
    body(probe);
    if (!probe.has_struck()) return k;
  }
  ADD_FAILURE() << "there are more than " << kMaxPlaces << " places; make the body smaller";
  return kMaxPlaces;
}

}  // namespace

FaultProbe::AllocationScope::AllocationScope(FaultProbe& probe) : probe_(probe) {
  if (probe_.kind_ != FaultKind::kAllocation || probe_.has_struck_) return;
  count_before_ = stress::AllocationCount();
  failure_.emplace(probe_.left_ + 1);
}

FaultProbe::AllocationScope::~AllocationScope() {
  if (!failure_) return;
  probe_.has_struck_ = failure_->happened();
  probe_.left_ -= static_cast<int>(stress::AllocationCount() - count_before_);
}

int ThrowEverywhere(const std::function<void(FaultProbe&)>& body) {
  return StrikeEverywhere(FaultKind::kException, "await", body);
}

int FailAllocationsEverywhere(const std::function<void(FaultProbe&)>& body) {
  return StrikeEverywhere(FaultKind::kAllocation, "allocation", body);
}

}  // namespace weft
