#include "future/block_on.h"

namespace weft::future_internal {
namespace {

// The waker's word is a raw Unparker.
constexpr Waker::VTable kUnparkingVTable = {
    .add_ref = &Unparker::CloneRaw,
    .drop = &Unparker::DropRaw,
    .wake = &Unparker::UnparkRaw,
};

}  // namespace

Waker MakeUnparkingWaker(const Parker& parker) {
  return Waker(&kUnparkingVTable, parker.unparker().IntoRaw());
}

}  // namespace weft::future_internal
