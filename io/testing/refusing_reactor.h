// io/testing/refusing_reactor.h — a reactor that has no memory for some operations, for tests.
#ifndef WEFT_IO_TESTING_REFUSING_REACTOR_H_
#define WEFT_IO_TESTING_REFUSING_REACTOR_H_

#include <atomic>
#include <cerrno>
#include <cstddef>

#include "base/check.h"
#include "base/instant.h"
#include "reactor/operation.h"
#include "reactor/reactor.h"

namespace weft {

// Hands operations on to another reactor. Those of one kind end with an error, as EpollReactor ends
// them when it has no memory. Uses Operation::context.
class RefusingReactor final : public Reactor {
 public:
  // `inner` must outlive this, and is polled by somebody.
  RefusingReactor(Reactor& inner, OperationKind refused, int error = ENOMEM)
      : inner_(&inner), refused_(refused), error_(error) {}

  // From now on it refuses nothing.
  void AcceptAll() { accepts_all_ = true; }

  void Submit(Operation* operation) override {
    if (accepts_all_ || operation->kind != refused_) return inner_->Submit(operation);
    Operation::Callback known = nullptr;
    WEFT_CHECK(on_complete_.compare_exchange_strong(known, operation->on_complete) ||
               known == operation->on_complete)
        << "RefusingReactor: expected operations of one user";
    operation->context = this;
    operation->on_complete = &Refuse;
    // Whoever polls may be faster than Cancel(): nothing shall be read or written.
    operation->kind = refused_ == OperationKind::kWrite || refused_ == OperationKind::kPollWritable
                          ? OperationKind::kPollWritable
                          : OperationKind::kPollReadable;
    inner_->Submit(operation);
    inner_->Cancel(operation);
  }
  void Cancel(Operation* operation) override { inner_->Cancel(operation); }
  size_t Poll(Instant deadline) override { return inner_->Poll(deadline); }
  void Wake() override { inner_->Wake(); }

 private:
  static void Refuse(Operation* operation) {
    const auto* const self = static_cast<const RefusingReactor*>(operation->context);
    operation->result = -self->error_;
    operation->kind = self->refused_;
    operation->on_complete = self->on_complete_.load();
    operation->on_complete(operation);
  }

  Reactor* const inner_;
  const OperationKind refused_;
  const int error_;
  std::atomic<bool> accepts_all_{false};
  std::atomic<Operation::Callback> on_complete_{nullptr};  // read where operations complete
};

}  // namespace weft

#endif  // WEFT_IO_TESTING_REFUSING_REACTOR_H_
