// future/await_chain.h — where a future stands that waits: its chain of awaits.
//
//   weft::VisitAwaitChain(task, [](const weft::AwaitStep& step) {
//     std::cout << weft::ToString(step) << "\n";
//   });
//
//   Task<int> Price(Shop &) at shop.cc:14 awaits weft::SleepUntil
//   Task<int> Total() at shop.cc:31
//
// The steps go from the deepest coroutine, which says the type of the future that it awaits, up to
// the root: each awaits the one before. Behind a step that awaits a combinator come the chains of
// its children that have not finished, with a nesting of one more. A SharedFuture shows its type
// only: what it waits for may be polled by another awaiter at this moment.
//
//   Always on: an await keeps one pointer, in a place that its result takes later. There is nothing
//   to switch on, and no cost that we could measure.
//
//   Thread safety    The future is not polled, moved or destroyed meanwhile, and its last poll
//                    happens before the visit. For a task: while it waits and cannot be woken.
//   Errors           None. A future that is not begun gives one step without a location, one that
//                    has finished none.
//   Complexity       O(steps), no allocation; native recursion only into children of combinators.
//   Compilers        File and line are exact. GCC 12 names some coroutines by their inner function:
//                    "void Total(_Z5Totalv.Frame*)".
#ifndef WEFT_FUTURE_AWAIT_CHAIN_H_
#define WEFT_FUTURE_AWAIT_CHAIN_H_

#include <cstddef>
#include <source_location>
#include <string>
#include <string_view>

#include "absl/functional/function_ref.h"
#include "future/task_id.h"

namespace weft {

struct AwaitStep {
  // The co_await or co_yield at which the coroutine stands. Line 0: it is not a coroutine, or has
  // not begun.
  std::source_location location = {};
  // The type of the future that is awaited. Empty: the coroutine of the step before.
  std::string_view awaits = {};
  // The code with which the coroutine would go on, for symbolizers. Null: it is not a coroutine.
  const void* resume_address = nullptr;
  // The task that is awaited; 0: none is.
  TaskId task = TaskId();
  // The token of the nursery scope that is awaited, for comparison with that of tasks; null: none
  // is.
  const void* scope = nullptr;
  // How many combinators this is inside of.
  int nesting = 0;
};

namespace future_internal {

// "int" for int.
template <typename T>
constexpr std::string_view TypeName() {
  // "... TypeName() [T = int]" by Clang, "... TypeName() [with T = int; std::string_view = ...]".
  constexpr std::string_view kFunction = __PRETTY_FUNCTION__;
  constexpr std::size_t kBegin = kFunction.find("T = ") + 4;
  constexpr std::size_t kAlias = kFunction.rfind("; std::string_view = ");
  constexpr std::size_t kEnd = kAlias != kFunction.npos ? kAlias : kFunction.size() - 1;
  return kFunction.substr(kBegin, kEnd - kBegin);
}

}  // namespace future_internal

// One line, as in the head of the file, indented by the nesting.
std::string ToString(const AwaitStep& step);

// Carries the steps through the futures that hold others. A combinator takes part by a member
//
//   void VisitAwaited(AwaitVisitor& visitor) const { visitor.Visit(child_); }
//
// which visits those of its children that have not finished. Without it, only its type is shown.
class AwaitVisitor {
 public:
  explicit AwaitVisitor(absl::FunctionRef<void(const AwaitStep&)> on_step) : on_step_(on_step) {}
  AwaitVisitor(const AwaitVisitor&) = delete;
  AwaitVisitor& operator=(const AwaitVisitor&) = delete;

  // Visits the chain of a Future or Stream.
  template <typename F>
  void Visit(const F& future) {
    if constexpr (requires { future.VisitAwaitChain(*this); }) {
      future.VisitAwaitChain(*this);
    } else {
      VisitFuture({}, future);
    }
  }

  // Reports `step`, which awaits `future`, then the chains inside of that.
  template <typename F>
  void VisitFuture(AwaitStep step, const F& future) {
    step.awaits = future_internal::TypeName<F>();
    Report(step);
    if constexpr (requires { future.VisitAwaited(*this); }) {
      ++nesting_;
      future.VisitAwaited(*this);
      --nesting_;
    }
  }

  void Report(AwaitStep step) {
    step.nesting = nesting_;
    on_step_(step);
  }

 private:
  absl::FunctionRef<void(const AwaitStep&)> on_step_;
  int nesting_ = 0;
};

// Calls on_step for each step. See the head of the file.
template <typename F>
void VisitAwaitChain(const F& future, absl::FunctionRef<void(const AwaitStep&)> on_step) {
  AwaitVisitor visitor(on_step);
  visitor.Visit(future);
}

}  // namespace weft

#endif  // WEFT_FUTURE_AWAIT_CHAIN_H_
