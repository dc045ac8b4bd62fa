// tools/model/internal/place.h — places in source files, and the mutant that is being explored.
#ifndef WEFT_TOOLS_MODEL_INTERNAL_PLACE_H_
#define WEFT_TOOLS_MODEL_INTERNAL_PLACE_H_

#include <atomic>
#include <source_location>
#include <string>
#include <string_view>

#include "tools/model/internal/event.h"

namespace weft::model_internal {

// The kind of call that stands at a place: it says what a mutant may do there.
enum class Call : uint8_t {
  kLoad,
  kStore,
  kUpdate,
  kCompare,
  kFence,
  kLight,
  kHeavy,
  kRecheck,
  kOther
};

struct Place {
  const char* file = "";
  int line = 0;
  int column = 0;
  std::string function;
  Call call = Call::kOther;
  // What the code says there (kCompare: success, failure); the last seen, if it varies.
  std::memory_order order = std::memory_order::relaxed;
  std::memory_order failure_order = std::memory_order::relaxed;
  bool passed = false;  // Since the last ForgetPasses().
};

// A call site of the code under test, the same number for the whole process.
PlaceId PlaceOf(const std::source_location& where, Call call);
Place& PlaceAt(PlaceId id);
int PlaceCount();
void ForgetPasses();

// "lap_ring.h:87 TryPush".
std::string Name(const Place& place);

// What is changed in the code under test: one order, or a call that is left out.
struct Mutation {
  enum class What : uint8_t { kNothing, kOrder, kFailureOrder, kLeftOut };
  What what = What::kNothing;
  PlaceId place = kNone;
  std::memory_order order = std::memory_order::relaxed;
};
extern Mutation current_mutation;

std::string_view Name(std::memory_order order);

}  // namespace weft::model_internal

#endif  // WEFT_TOOLS_MODEL_INTERNAL_PLACE_H_
