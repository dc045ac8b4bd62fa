#include "runtime/fork_join.h"

#include <algorithm>
#include <bit>
#include <cstddef>
#include <utility>

#include "base/check.h"
#include "future/executor.h"
#include "parker/parker.h"
#include "runtime/internal/fork_job.h"
#include "runtime/runtime.h"

namespace weft::runtime_internal {
namespace {

constexpr std::ptrdiff_t kPiecesPerWorker = 16;

// Lies on the stack of the thread that waits for it.
class Root final : public Runnable {
 public:
  Root(Runtime& runtime, void (*function)(void*), void* argument, Unparker unparker)
      : runtime_(runtime),
        function_(function),
        argument_(argument),
        unparker_(std::move(unparker)) {}

  void Run() noexcept override {
    function_(argument_);
    // This is gone as soon as the thread that waits is awake.
    Runtime& runtime = runtime_;
    const Unparker unparker = unparker_;
    unparker.Unpark();
    runtime.OnTaskFinished();
  }

 private:
  Runtime& runtime_;
  void (*const function_)(void*);
  void* const argument_;
  const Unparker unparker_;
};

}  // namespace

std::ptrdiff_t GrainOf(std::ptrdiff_t size, const ParallelOptions& options) {
  WEFT_CHECK(options.grain >= 0) << "ParallelFor(), ParallelReduce(): expected a grain of 0 "
                                    "(automatic) or more, found "
                                 << options.grain;
  if (options.grain > 0) return options.grain;
  const int workers = WorkersHere();
  if (workers <= 1) return size;
  const std::ptrdiff_t pieces = kPiecesPerWorker * workers;
  const std::ptrdiff_t grain = (size + pieces - 1) / pieces;
  // Up to a multiple of a power of two, by an eighth at most: see MiddleOf().
  const auto eighth = std::bit_floor(static_cast<std::size_t>(grain)) / 8;
  const auto unit = static_cast<std::ptrdiff_t>(std::clamp<std::size_t>(eighth, 1, kWholeLines));
  return (grain + unit - 1) & -unit;
}

void RunAndWait(Runtime& runtime, void (*function)(void*), void* argument) {
  Parker parker;
  Root root(runtime, function, argument, parker.unparker());
  runtime.StartTask(&root);
  parker.Park();
}

}  // namespace weft::runtime_internal
