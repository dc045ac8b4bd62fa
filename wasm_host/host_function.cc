#include "wasm_host/host_function.h"

#include "base/check.h"

namespace weft {

absl::Status HostFunction::Run(HostCall&, const RawValue*, RawValue*) const noexcept {
  WEFT_FATAL() << "HostFunction::Run(): " << FullName() << " suspends its guest; call Start()";
  return absl::OkStatus();
}

std::unique_ptr<HostOperation> HostFunction::Start(HostCall&, const RawValue*, RawValue*) const {
  WEFT_FATAL() << "HostFunction::Start(): " << FullName() << " runs inline; call Run()";
  return nullptr;
}

}  // namespace weft
