// nursery/wait_all.h — many futures in parallel, each a task of its own, and all their results.
//
//   absl::StatusOr<std::vector<Page>> pages = co_await weft::WaitAll(std::move(fetches));
//
// Differs from WhenAll (future/when_all.h), whose children take turns inside one task.
//
//   Errors           WaitAll: the first error cancels the rest and is the result; an exception is
//                    rethrown. WaitAllSettled: nothing cancels; each result says how it ended, but
//                    an exception is rethrown when all have ended: the first in the order of the
//                    futures.
//   Cancellation     All are cancelled and awaited.
#ifndef WEFT_NURSERY_WAIT_ALL_H_
#define WEFT_NURSERY_WAIT_ALL_H_

#include <cstddef>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "future/future.h"
#include "future/internal/result.h"
#include "future/internal/status_traits.h"
#include "future/poll_fn.h"
#include "future/spawn.h"
#include "future/task.h"
#include "nursery/internal/settle.h"
#include "nursery/nursery.h"

namespace weft {
namespace nursery_internal {

// Spawns all and takes their results in order.
template <Future F>
Task<absl::StatusOr<std::vector<typename future_internal::StatusTraits<OutputOf<F>>::Value>>>
SpawnAndCollect(Nursery& nursery, std::vector<F> futures) {
  std::vector<ChildResult<OutputOf<F>>> results;
  results.reserve(futures.size());
  for (F& future : futures) results.push_back(nursery.SpawnWithResult(std::move(future)));
  std::vector<typename future_internal::StatusTraits<OutputOf<F>>::Value> values;
  values.reserve(results.size());
  for (ChildResult<OutputOf<F>>& result : results) {
    JoinResult<OutputOf<F>> joined = co_await std::move(result);
    if (!joined.ok()) co_return future_internal::StatusOf(joined);
    values.push_back(future_internal::ValueOf(std::move(joined)));
  }
  co_return values;
}

}  // namespace nursery_internal

// A future of absl::StatusOr<std::vector<T>>: all values, in the order of the futures. T is what
// they give without their errors; std::monostate for void or absl::Status.
template <Future F>
auto WaitAll(std::vector<F> futures) {
  return WithNursery(&nursery_internal::SpawnAndCollect<F>, std::move(futures));
}

// All results, in the order of the futures.
template <Future F>
Task<std::vector<JoinResult<OutputOf<F>>>> WaitAllSettled(std::vector<F> futures) {
  std::vector<future_internal::Result<OutputOf<F>>> results(futures.size());
  auto body = [&results](Nursery& nursery, std::vector<F> children) {
    for (std::size_t i = 0; i < children.size(); ++i) {
      auto sink = [slot = &results[i]](auto& result) { *slot = std::move(result); };
      nursery.Spawn(
          nursery_internal::SettleFuture<F, decltype(sink)>(std::move(children[i]), sink));
    }
    return Ready<absl::Status>(absl::OkStatus());
  };
  // The children are settled: the status cannot be an error.
  (void)co_await WithNursery(body, std::move(futures));
  std::vector<JoinResult<OutputOf<F>>> joined;
  joined.reserve(results.size());
  bool has_stopped = false;
  for (auto& result : results) has_stopped |= result.IsStopped();
  if (has_stopped) co_await CheckStop();  // perhaps because this task is cancelled
  for (auto& result : results) joined.push_back(nursery_internal::TakeJoinResult(result));
  co_return joined;
}

}  // namespace weft

#endif  // WEFT_NURSERY_WAIT_ALL_H_
