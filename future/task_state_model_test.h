// future/task_state_model_test.h — what the scenarios share: a cell around the state word, which
// counts its polls and its destruction, and a joiner, which counts its wakes.
//
// Happens-before edge (1): a wake of the joiner (release) -> whoever awaits it (acquire).
#ifndef WEFT_FUTURE_TASK_STATE_MODEL_TEST_H_
#define WEFT_FUTURE_TASK_STATE_MODEL_TEST_H_

#include <atomic>
#include <utility>

#include "future/internal/task_state.h"
#include "future/waker.h"
#include "tools/model/atomic.h"
#include "tools/model/model.h"
#include "tools/model/plain.h"

namespace weft::future_internal::task_state_model {

using State = TaskState<model::Atomics>;
using Then = State::Then;

// A task that waits for a joiner or awaits others: whom to wake.
struct Parent {
  model::Atomic<int> references{0};
  model::Atomic<int> wakes{0};

  BorrowedWaker waker();
  void AwaitWake() {
    while (wakes.load(std::memory_order_acquire) == 0) {  // (1)
      model::Atomics::SpinPause();
    }
  }
};

inline Parent* ParentOf(void* data) {
  model::Assert(data != nullptr, "half a waker was read");
  return static_cast<Parent*>(data);
}

inline void CountReferences(void* parent, int count) {
  ParentOf(parent)->references.fetch_add(count, std::memory_order_relaxed);
}

inline constexpr Waker::VTable kParentVTable = {
    .add_ref = [](void* parent) { CountReferences(parent, 1); },
    .drop = [](void* parent) { CountReferences(parent, -1); },
    .wake =
        [](void* parent) {
          ParentOf(parent)->wakes.fetch_add(1, std::memory_order_release);  // (1)
        },
};

inline BorrowedWaker Parent::waker() { return BorrowedWaker(&kParentVTable, this); }

// What a poll of the scenario's future answers.
enum class Answer { kPending, kPendingAgain, kReady };

// A cell, destroyed by whoever is told to.
struct Cell {
  State state;
  model::Plain<int> polls{0};  // for races between polls
  model::Plain<int> result{0};
  model::Plain<int>* destroyed;

  explicit Cell(model::Plain<int>* count) : destroyed(count) {}

  void Destroy() {
    destroyed->Write(destroyed->Read() + 1);
    delete this;
  }

  // Polls until the task ends or waits. `poll(is_stopped, polls)` gives the answer.
  template <typename Poll>
  void Run(const Poll& poll) {
    while (true) {
      const bool is_stopped = state.BeginPoll();
      polls.Write(polls.Read() + 1);
      const Answer answer = poll(is_stopped, polls.Read());
      if (answer == Answer::kReady) return Finish();
      if (answer == Answer::kPendingAgain) continue;
      const Then then = state.EndPoll();
      if (then == Then::kDestroy) Destroy();
      if (then != Then::kSchedule) return;
    }
  }

  // The first poll, by the handle, which has found the task in its own queue.
  void RunForHandle() {
    (void)state.BeginPoll();
    if (state.IsOnlyTheHandles()) return Destroy();
    Finish();
    TakeAtTheEnd();
  }

  void Finish() {
    if (state.IsOnlyTheRuns()) return Destroy();
    result.Write(42);
    auto [joiner, then] = state.Complete();
    if (then == Then::kDestroy) Destroy();
    std::move(joiner).Wake();
  }

  template <typename Poll>
  void Do(Then then, const Poll& poll) {
    if (then == Then::kSchedule) Run(poll);
    if (then == Then::kDestroy) Destroy();
  }

  // The handle takes the result: it knows that the task is complete.
  void Take() {
    model::Assert(result.Read() == 42, "the result is not there");
    Drop();
  }
  void TakeAtTheEnd() {
    model::Assert(state.IsComplete(), "a wake was lost: the task has not ended");
    Take();
  }
  void Drop() {
    const auto [joiner, then] = state.DropHandle();
    if (then == Then::kDestroy) Destroy();
  }
};

}  // namespace weft::future_internal::task_state_model

#endif  // WEFT_FUTURE_TASK_STATE_MODEL_TEST_H_
