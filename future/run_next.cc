#include "future/run_next.h"

#include "base/barrier_pair.h"

namespace weft {
namespace future_internal {
namespace {

// Never written.
constinit RunNext closed(BarrierKind::kFences);

}  // namespace

constinit thread_local RunNext* run_next = &closed;

#if !defined(__x86_64__)
[[gnu::noinline]] RunNext& ThisRunNext() {
  asm volatile("");
  return *run_next;
}
#endif

bool MayGoOn(Executor& executor) noexcept { return executor.MayGoOn(); }

}  // namespace future_internal

RunNextOfThread::RunNextOfThread(RunNext& next) { future_internal::run_next = &next; }

RunNextOfThread::~RunNextOfThread() { future_internal::run_next = &future_internal::closed; }

}  // namespace weft
