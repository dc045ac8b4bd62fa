#include "future/fault_harness.h"

#include <cstddef>
#include <cstdlib>
#include <new>

#include "gtest/gtest.h"

namespace weft {
namespace {

// More places than any sensible test has: the body does not end.
constexpr int kMaxPlaces = 100'000;

thread_local FaultProbe* probe_of_this_thread = nullptr;

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

// What operator new asks.
struct FaultyAllocator {
  static void* Allocate(std::size_t size, std::size_t alignment) {
    FaultProbe* const probe = probe_of_this_thread;
    if (probe != nullptr && probe->Strikes(FaultKind::kAllocation)) throw std::bad_alloc();
    void* const block =
        alignment <= alignof(std::max_align_t)
            ? std::malloc(size)
            : std::aligned_alloc(alignment, (size + alignment - 1) / alignment * alignment);
    if (block == nullptr) throw std::bad_alloc();
    return block;
  }
};

FaultProbe::AllocationScope::AllocationScope(FaultProbe& probe) { probe_of_this_thread = &probe; }
FaultProbe::AllocationScope::~AllocationScope() { probe_of_this_thread = nullptr; }

int ThrowEverywhere(const std::function<void(FaultProbe&)>& body) {
  return StrikeEverywhere(FaultKind::kException, "await", body);
}

int FailAllocationsEverywhere(const std::function<void(FaultProbe&)>& body) {
  return StrikeEverywhere(FaultKind::kAllocation, "allocation", body);
}

}  // namespace weft

void* operator new(std::size_t size) { return weft::FaultyAllocator::Allocate(size, 1); }
void* operator new(std::size_t size, std::align_val_t alignment) {
  return weft::FaultyAllocator::Allocate(size, static_cast<std::size_t>(alignment));
}
// AddressSanitizer's arrays do not come by the above.
void* operator new[](std::size_t size) { return ::operator new(size); }
void* operator new[](std::size_t size, std::align_val_t alignment) {
  return ::operator new(size, alignment);
}
void operator delete(void* block) noexcept { std::free(block); }
void operator delete(void* block, std::size_t) noexcept { std::free(block); }
void operator delete(void* block, std::align_val_t) noexcept { std::free(block); }
void operator delete(void* block, std::size_t, std::align_val_t) noexcept { std::free(block); }
void operator delete[](void* block) noexcept { std::free(block); }
void operator delete[](void* block, std::size_t) noexcept { std::free(block); }
void operator delete[](void* block, std::align_val_t) noexcept { std::free(block); }
void operator delete[](void* block, std::size_t, std::align_val_t) noexcept { std::free(block); }
