#include "reactor/simulated_reactor.h"

#include <memory>

#include "base/check.h"
#include "reactor/internal/simulated_kernel.h"

namespace weft {

using reactor_internal::SimulatedKernel;

SimulatedReactor::SimulatedReactor(SimulatedKernel* kernel)
    : kernel_(kernel), reactor_(std::unique_ptr<reactor_internal::Kernel>(kernel)) {}

SimulatedReactor::SimulatedReactor(const SimulatedReactorOptions& options)
    : SimulatedReactor([&] {
        WEFT_CHECK(options.capacity > 0)
            << "SimulatedReactor(options): capacity must be positive, found 0";
        WEFT_CHECK(options.max_latency >= absl::ZeroDuration() &&
                   options.max_latency < absl::InfiniteDuration())
            << "SimulatedReactor(options): max_latency must be finite and not negative, found "
            << absl::FormatDuration(options.max_latency);
        return new SimulatedKernel(options.seed, options.max_latency, options.capacity,
                                   kFirstDescriptor, kMaxHeldBack);
      }()) {}

SimulatedReactor::~SimulatedReactor() = default;

SimulatedPair SimulatedReactor::OpenPipe() {
  const SimulatedKernel::Ends ends = kernel_->OpenPipe();
  return {.first = ends.first, .second = ends.second};
}

SimulatedPair SimulatedReactor::OpenSocketPair() {
  const SimulatedKernel::Ends ends = kernel_->OpenSocketPair();
  return {.first = ends.first, .second = ends.second};
}

void SimulatedReactor::Close(int fd) { kernel_->Close(fd); }

void SimulatedReactor::AdvanceTo(Instant now) { kernel_->AdvanceTo(now); }

Instant SimulatedReactor::NextEvent() const { return kernel_->NextEvent(); }

}  // namespace weft
