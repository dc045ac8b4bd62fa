// mpmc/bounded_queue_scenarios.h — what the model tests of the bounded queues share.
#ifndef WEFT_MPMC_BOUNDED_QUEUE_SCENARIOS_H_
#define WEFT_MPMC_BOUNDED_QUEUE_SCENARIOS_H_

#include <vector>

#include "mpmc/bounded_queue.h"
#include "mpmc/pop_result.h"
#include "mpmc/push_result.h"
#include "mpmc/queue_shape.h"
#include "tools/model/model.h"
#include "tools/model/plain.h"

namespace weft::bounded_queue_scenarios {

// A number in plain memory: a missing edge between a push and a pop, or between a pop and the next
// push into its slot, is a data race. Reading it after it was moved fails.
class Value {
 public:
  struct Refusal {};

  // Throws for negative numbers, after it has written to its place.
  explicit Value(int number) : number_(number) {
    if (number < 0) throw Refusal();
  }
  Value(Value&&) noexcept = default;
  Value& operator=(Value&&) noexcept = default;

  int Read() const { return number_.Read(); }
  void Write(int number) { number_.Write(number); }

 private:
  model::Plain<int> number_;
};

using Queue = mpmc_internal::BasicBoundedQueue<Value, model::Atomics, QueueConsumers::kMany,
                                               QueueSlots::kPacked>;
using MpscQueue = mpmc_internal::BasicBoundedQueue<Value, model::Atomics, QueueConsumers::kOne,
                                                   QueueSlots::kPacked>;

// Pushes 1 to `count`, for which there is room.
template <typename Q>
void Fill(Q& queue, int count) {
  for (int i = 1; i <= count; ++i) model::Assert(queue.TryPush(Value(i)).ok(), "no room");
}

// Pops from a queue that is not empty.
template <typename Q>
int PopOne(Q& queue) {
  PopResult<Value> result = queue.TryPop();
  model::Assert(result.ok(), "a value was lost, or 'empty' was said of a queue that was not");
  return result.ok() ? result->Read() : 0;
}

template <typename Q>
void ExpectDrained(Q& queue) {
  model::Assert(queue.TryPop().outcome() == PopOutcome::kEmpty, "a value came from nowhere");
}

// Scenarios of overwriting, bulk operations, reservations and consuming in place.
std::vector<model::Scenario> OperationScenarios();

}  // namespace weft::bounded_queue_scenarios

#endif  // WEFT_MPMC_BOUNDED_QUEUE_SCENARIOS_H_
