#include "future/stop_token.h"

#include <atomic>
#include <cstdint>

#include "future/waker.h"

namespace weft {

// A stop source that is stopped by waking it. A wake may arrive when the StopOnCancel has gone, so
// its references are counted.
class StopOnCancel::State {
 public:
  std::stop_token token() const { return source_.get_token(); }

  Waker MakeWaker() {
    static constexpr Waker::VTable kVTable = {
        [](void* state) { static_cast<State*>(state)->AddRef(); },
        [](void* state) { static_cast<State*>(state)->DropRef(); },
        [](void* state) { static_cast<State*>(state)->source_.request_stop(); }};
    AddRef();
    return Waker(&kVTable, this);
  }

  void DropRef() {
    // Edge (1): the last dropper sees what the others did with the source.
    if (references_.fetch_sub(1, std::memory_order_acq_rel) == 1) delete this;
  }

 private:
  void AddRef() { references_.fetch_add(1, std::memory_order_relaxed); }

  std::stop_source source_;
  std::atomic<uint32_t> references_{1};
};

StopOnCancel::StopOnCancel(const CancelToken& token) : state_(new State()) {
  registration_.Register(token, state_->MakeWaker());
}

StopOnCancel::~StopOnCancel() {
  registration_.Unregister();
  state_->DropRef();
}

std::stop_token StopOnCancel::token() const { return state_->token(); }

}  // namespace weft
