// mpmc/bounded_queue_scenarios.h — what the model tests of the bounded queues share.
#ifndef WEFT_MPMC_BOUNDED_QUEUE_SCENARIOS_H_
#define WEFT_MPMC_BOUNDED_QUEUE_SCENARIOS_H_

#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "mpmc/bounded_queue.h"
#include "mpmc/pop_result.h"
#include "mpmc/push_result.h"
#include "mpmc/queue_shape.h"
#include "tools/model/model.h"
#include "tools/model/plain.h"

namespace weft::bounded_queue_scenarios {

// Plain memory for each address at which a value was ever constructed in this execution, so that
// the model sees also races between the end of one value and the beginning of the next in its
// place.
class Places {
 public:
  Places() { current_ = this; }

  static void Touch(const void* address) {
    std::unique_ptr<model::Plain<int>>& place = current_->places_[address];
    if (place == nullptr) place = std::make_unique<model::Plain<int>>();
    place->Write(0);
  }

 private:
  static inline Places* current_ = nullptr;
  std::map<const void*, std::unique_ptr<model::Plain<int>>> places_;
};

// A number in plain memory: a missing edge between a push and a pop, or between a pop and the next
// push into its slot, is a data race. Reading it after it was moved fails.
class Value {
 public:
  struct Refusal {};

  // Throws for negative numbers, after it has written to its place.
  explicit Value(int number) : number_(number) {
    Places::Touch(this);
    if (number < 0) throw Refusal();
  }
  Value(Value&& other) noexcept : number_(std::move(other.number_)) { Places::Touch(this); }
  Value& operator=(Value&& other) noexcept {
    number_ = std::move(other.number_);
    return *this;
  }
  ~Value() { Places::Touch(this); }

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
