// future/waker.h — a handle by which a future says "poll my task again".
//
// A future that answers kPending keeps a Waker (Context::waker().Clone()) and wakes it when its
// state has changed. Waking schedules; it never runs the task on the caller's stack, so it may be
// done anywhere, but by convention never under a lock. A wake may come at any time and too often:
// futures tolerate spurious polls.
//
// Thread safety    Different Wakers of one task may be used from different threads at once.
// Memory ordering  What X did before waking is visible to Y in the poll which that wake causes.
// Complexity       Two words; each operation is one indirect call.
#ifndef WEFT_FUTURE_WAKER_H_
#define WEFT_FUTURE_WAKER_H_

#include <utility>

namespace weft {

// Move-only owner of one reference to whatever is woken. Write Clone() where a copy is meant.
class Waker {
 public:
  // The operations of one kind of waker. `data` is the word that the waker was made with.
  struct VTable {
    void (*add_ref)(void* data);  // one more Waker shares `data`
    void (*drop)(void* data);     // one Waker less
    void (*wake)(void* data);     // schedule; keeps the reference
    // `wake`, then `drop`, for kinds that can do both at once; may be null.
    void (*wake_and_drop)(void* data) = nullptr;
  };

  // A waker that does nothing.
  Waker() = default;
  // Takes over one reference to `data`.
  Waker(const VTable* vtable, void* data) : vtable_(vtable), data_(data) {}
  Waker(Waker&& other) noexcept
      : vtable_(std::exchange(other.vtable_, nullptr)),
        data_(std::exchange(other.data_, nullptr)) {}
  Waker& operator=(Waker&& other) noexcept {
    if (this != &other) {
      Reset();
      vtable_ = std::exchange(other.vtable_, nullptr);
      data_ = std::exchange(other.data_, nullptr);
    }
    return *this;
  }
  ~Waker() { Reset(); }

  // Another handle to the same task.
  Waker Clone() const {
    if (vtable_ != nullptr) vtable_->add_ref(data_);
    return Waker(vtable_, data_);
  }

  // Wakes and gives the reference up.
  void Wake() && {
    if (vtable_ != nullptr && vtable_->wake_and_drop != nullptr) {
      std::exchange(vtable_, nullptr)->wake_and_drop(std::exchange(data_, nullptr));
      return;
    }
    WakeByRef();
    Reset();
  }

  // Wakes and keeps the reference.
  void WakeByRef() const {
    if (vtable_ != nullptr) vtable_->wake(data_);
  }

  // Whether waking `other` has the same effect: lets a future skip a Clone().
  bool WillWake(const Waker& other) const {
    return vtable_ == other.vtable_ && data_ == other.data_;
  }

  // Whether there is nothing to wake.
  bool IsNoop() const { return vtable_ == nullptr; }

  // Gives the two words away with the reference: Waker(raw.vtable, raw.data) takes it back.
  struct Raw {
    const VTable* vtable = nullptr;
    void* data = nullptr;
  };
  Raw IntoRaw() && { return {std::exchange(vtable_, nullptr), std::exchange(data_, nullptr)}; }

  // Drops the reference; the waker then does nothing.
  void Reset() {
    if (vtable_ != nullptr) std::exchange(vtable_, nullptr)->drop(std::exchange(data_, nullptr));
  }

 private:
  friend class BorrowedWaker;
  const VTable* vtable_ = nullptr;
  void* data_ = nullptr;
};

// A Waker for the length of a poll, without a reference of its own: whoever polls keeps `data`
// alive meanwhile. Futures that want to keep it clone it, as they do anyway.
class BorrowedWaker {
 public:
  BorrowedWaker(const Waker::VTable* vtable, void* data) : waker_(vtable, data) {}
  BorrowedWaker(const BorrowedWaker&) = delete;
  BorrowedWaker& operator=(const BorrowedWaker&) = delete;
  ~BorrowedWaker() {}

  const Waker& get() const { return waker_; }

  // The next poll is of `data`.
  void TurnTo(void* data) { waker_.data_ = data; }

 private:
  union {
    Waker waker_;  // never destroyed: that would drop a reference
  };
};

}  // namespace weft

#endif  // WEFT_FUTURE_WAKER_H_
