#include "future/block_on.h"

namespace weft::future_internal {
namespace {

// The waker's word is an Unparker, taken apart.
constexpr Waker::VTable kUnparkingVTable = {
    .add_ref =
        [](void* raw) {
          Unparker unparker = Unparker::FromRaw(raw);
          (void)Unparker(unparker).IntoRaw();   // the new waker's
          (void)std::move(unparker).IntoRaw();  // still the old waker's
        },
    .drop = [](void* raw) { Unparker::FromRaw(raw); },
    .wake =
        [](void* raw) {
          Unparker unparker = Unparker::FromRaw(raw);
          unparker.Unpark();
          (void)std::move(unparker).IntoRaw();
        },
};

}  // namespace

Waker MakeUnparkingWaker(const Parker& parker) {
  return Waker(&kUnparkingVTable, parker.unparker().IntoRaw());
}

}  // namespace weft::future_internal
