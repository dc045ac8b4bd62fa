// future/internal/chain.h — the frames of one task, from its root coroutine down to the leaf that
// waits.
//
// A coroutine that awaits another Task does not poll it: the child joins the chain of its parent.
// It is begun in place, like a call, before its parent suspends: a child that completes without
// waiting costs no suspension. One that waits returns through the parents that began it, each of
// which suspends then, to the driver (Chain::Resume); from there on only the driver resumes frames.
// So a wake-up goes straight to the deepest frame, and unwinding after a cancellation is a loop
// from the leaf to the root.
//
//   root.poll(cx) -> Chain::Resume -> [ leaf.Poll(cx) ] -> frame.resume() -> ... -> a Request
//
// A frame gives control back to the driver by leaving a Request and resuming nobody. No compiler
// has to make tail calls of anything. Beginning in place ends where a chain has used some kilobytes
// of stack: the child is then begun by the driver, when all frames have returned to it.
//
// A frame that has begun belongs to the chain: it destroys itself at its end, when its result lies
// in the slot of its awaiter, so that nobody calls it once more for that; a stopped one is
// destroyed by the driver.
#ifndef WEFT_FUTURE_INTERNAL_CHAIN_H_
#define WEFT_FUTURE_INTERNAL_CHAIN_H_

#include <bit>
#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <source_location>

#include "future/await_chain.h"
#include "future/context.h"
#include "future/poll.h"

// Of classes that Clang may return in registers, as GCC cannot: what a coroutine returns.
#if __has_cpp_attribute(clang::trivial_abi)
#define WEFT_IN_REGISTERS [[clang::trivial_abi]]
#else
#define WEFT_IN_REGISTERS
#endif

namespace weft {
class ForkQueue;
}

namespace weft::future_internal {

class PromiseBase;

// Where a frame leaves its result, who awaits it, and where. Lies with whoever awaits the frame.
//
// Stores are what a child that ends in place costs most. So the place of the await, whether the
// child is in place, and two bits for the result share a word; and the parent is noted only when it
// suspends.
class Slot {
 public:
  Slot() : parent_(nullptr), word_(0) {}  // of a root
  // Of a frame that is begun in place.
  explicit Slot(std::source_location location, unsigned char mark = kNoMark)
      : word_(WordOf(location) + kInPlace + mark * kOneMark) {}

  // Null for a root. Precondition: not in place.
  PromiseBase* parent() const { return parent_; }
  std::source_location location() const {
    return std::bit_cast<std::source_location>(word_ & ~std::uintptr_t{kMark + kInPlace});
  }
  // Whether the parent runs, below the frame on the stack.
  bool IsInPlace() const { return (bits() & kInPlace) != 0; }
  // The parent, which began the frame in place, suspends: the end of the frame resumes it.
  void LeavePlace(PromiseBase& parent) {
    parent_ = &parent;
    bits() &= static_cast<unsigned char>(~kInPlace);
  }

  // What became of the result, or may be presumed of it (kPresumes in task.h).
  static constexpr unsigned char kMaxMark = 3;
  static constexpr unsigned char kNoMark = 0;
  static constexpr unsigned char kValueMark = 1;
  unsigned char mark() const { return (bits() & kMark) / kOneMark; }
  void ClearMark() { bits() &= static_cast<unsigned char>(~kMark); }
  // Precondition: there is none.
  void SetMark(unsigned char mark) { bits() |= static_cast<unsigned char>(mark * kOneMark); }

 private:
  static constexpr unsigned char kInPlace = 1;
  static constexpr unsigned char kOneMark = 2;
  static constexpr unsigned char kMark = kMaxMark * kOneMark;

  // With all compilers a pointer to something aligned like a pointer.
  static std::uintptr_t WordOf(std::source_location location) {
    static_assert(sizeof(location) == sizeof(std::uintptr_t) && alignof(void*) > kMark + kInPlace);
    return std::bit_cast<std::uintptr_t>(location);
  }

  // Always accessed as a byte: a load of more than was stored last has to wait.
  unsigned char& bits() {
    static_assert(std::endian::native == std::endian::little);
    return reinterpret_cast<unsigned char&>(word_);
  }
  unsigned char bits() const { return const_cast<Slot*>(this)->bits(); }

  PromiseBase* parent_;  // unset in place
  // Not first: compilers would keep its address, which the child gets, in a register across calls.
  std::uintptr_t word_;
};

// A suspended await of something that is not a Task. Aligned for the bits of Chain.
class alignas(8) Leaf {
 public:
  Leaf(PromiseBase& frame, std::source_location location) : frame_(frame), location_(location) {}
  Leaf(const Leaf&) = delete;
  Leaf& operator=(const Leaf&) = delete;

  // Polls what is awaited and keeps its result. Never throws: an exception counts as kReady.
  // This is that of a leaf that only gives way: it is ready when it is polled again.
  virtual PollState Poll(Context& cx) noexcept {
    return cx.StopRequested() ? PollState::kStopped : PollState::kReady;
  }

  // Visits what is awaited by `step`. Only while it is pending.
  virtual void Visit(const AwaitStep& step, AwaitVisitor& visitor) const = 0;

  // The frame that awaits, and where in it.
  PromiseBase& frame() const { return frame_; }
  std::source_location location() const { return location_; }

 protected:
  ~Leaf() = default;

 private:
  PromiseBase& frame_;
  const std::source_location location_;
};

// Stop the program: misuse of a Task. Out of line, since every co_await looks for it.
[[noreturn]] void FailMovedLate() noexcept;
[[noreturn]] void FailDestroyedSuspended() noexcept;
[[noreturn]] void FailRunTwice() noexcept;

// Destroys a frame that has not begun. Unseen by Clang: where it sees both ends of a frame it may
// put it into that of its caller; but a frame that begins gives its memory back to where that is
// from.
inline void DestroyUnbegun(std::coroutine_handle<> frame) {
  void* address = frame.address();
  asm("" : "+r"(address));
  std::coroutine_handle<>::from_address(address).destroy();
}

// See the head of the file. One word. Thread-compatible; pinned from the first Resume() on.
class WEFT_IN_REGISTERS Chain {
  // What a frame has asked for: a Leaf* or PromiseBase* with one of these in its low bits. What it
  // waits for stays, in asked_, until the next poll.
  using Asked = std::uintptr_t;
  static constexpr Asked kWait = 0;      // and the leaf
  static constexpr Asked kYield = 1;     // and the leaf
  static constexpr Asked kStop = 2;      // and the frame
  static constexpr Asked kTransfer = 3;  // and the frame
  static constexpr Asked kFinished = 4;
  static constexpr Asked kNone = 5;
  static constexpr Asked kBits = 7;

 public:
  Chain() : asked_(kNothing) {}
  // Precondition (checked): the other one has not begun.
  Chain(Chain&& other) noexcept : asked_(kNothing) {
    if (other.HasBegun()) FailMovedLate();
  }
  Chain& operator=(Chain&&) = delete;

  // Whether Resume() was called.
  bool HasBegun() const { return asked_ != kNothing; }

  // Runs until the chain waits (kPending), its root has finished (kReady), or it was unwound
  // (kStopped); there are no frames then. `root` is linked.
  PollState Resume(Context& cx, PromiseBase& root);

  // What a poll, or several of one run, have for the chains that they resume. On the stack, above
  // which the chains may use some of it.
  class Driver {
   public:
    [[gnu::always_inline]] explicit Driver(Context& cx)
        : context(cx),
          stack_limit(static_cast<const char*>(__builtin_frame_address(0)) - kStackBytes) {}
    Driver(const Driver&) = delete;
    Driver& operator=(const Driver&) = delete;

    // After a Resume() that answered kPending: whether the chain gave way. It is for the caller
    // then to poll it again, behind all tasks that are ready.
    bool GaveWay() const { return (asked & kBits) == kYield; }

   private:
    friend class Chain;

    Context& context;
    const char* const stack_limit;
    std::uintptr_t asked = kNone;
    ForkQueue* forks = nullptr;  // once asked for
  };
  // The same; inlined for a chain that gave way, and does so again.
  [[gnu::always_inline]] PollState Resume(Driver& driver, PromiseBase& root);

  // Visits the frames from the leaf to the root. Between calls of Resume(); nothing is left before
  // the first and after the last.
  void Visit(AwaitVisitor& visitor) const;
  // The step of a suspended frame.
  static AwaitStep StepOf(PromiseBase& frame, std::source_location location);

  // The rest is for frames that run.

  // The context of the poll that is running.
  Context& context() { return driver_->context; }
  // Whether so much stack is used that a child should be begun by the driver.
  bool IsStackLow() const {
    return static_cast<const char*>(__builtin_frame_address(0)) < driver_->stack_limit;
  }

  // The same, for a frame whose children may as well be tasks: with some more of the stack.
  bool IsStackVeryLow() const {
    return static_cast<const char*>(__builtin_frame_address(0)) <
           driver_->stack_limit - kMoreStackBytes;
  }
  // What the executor has for forks of this thread; null if it has nothing.
  ForkQueue* forks() { return driver_->forks != nullptr ? driver_->forks : FindForks(); }
  // For `parent`, which has begun `child` in place, and others beside it: does the driver's part
  // until the child has finished, is unwound (kStopped), or waits (kPending). Then its frames leave
  // this chain and become `branch`, that of the child, which is resumed for itself.
  PollState RunBranch(PromiseBase& parent, PromiseBase& child, Chain& branch);

  // What a frame asks of the driver when it is suspended and about to return to whoever resumed it.
  void Wait(Leaf& leaf);  // until the leaf is ready
  // To be polled again, behind all tasks that are ready; the leaf has Leaf::Poll().
  void Yield(Leaf& leaf);
  void Stop(PromiseBase& frame);                                 // unwind everything
  void Transfer(PromiseBase& frame) { Ask(kTransfer, &frame); }  // resume that one
  void FinishRoot() { driver_->asked = kFinished; }

 private:
  static constexpr Asked kNothing = 0;  // the chain has not begun, or has ended

  // What one poll uses for beginning children in place: a hundred frames or so.
  static constexpr std::ptrdiff_t kStackBytes = 16 * 1024;
  static constexpr std::ptrdiff_t kMoreStackBytes = 48 * 1024;

  static bool IsWait(Asked asked) { return (asked & kBits) <= kYield; }
  static Leaf* LeafOf(Asked asked) { return reinterpret_cast<Leaf*>(asked & ~kBits); }
  static PromiseBase* FrameOf(Asked asked) {
    return reinterpret_cast<PromiseBase*>(asked & ~kBits);
  }
  void Ask(Asked request, void* subject) {
    driver_->asked = reinterpret_cast<Asked>(subject) + request;
  }

  // Resume() of a chain that has not begun, or waits for its leaf.
  [[gnu::noinline]] PollState BeginOrPollLeaf(Driver& driver, PromiseBase& root);
  PollState PollLeaf(Leaf& leaf, Driver& driver);
  // Resumes frames, from this one on.
  [[gnu::always_inline]] PollState Drive(PromiseBase& frame, Driver& driver);
  // A frame has returned with a request other than to wait. The frame to be resumed; null where
  // there is none, and then `end` is what came of the chain.
  [[gnu::noinline]] PromiseBase* FrameAskedFor(Asked asked, PollState& end);
  // Unwinds everything, from `frame` on.
  [[gnu::noinline]] PollState EndStopped(PromiseBase& frame);
  ForkQueue* FindForks();
  // Destroys the frames from this one up to `end`, which stays.
  static void Unwind(PromiseBase* frame, PromiseBase* end);

  union {
    Asked asked_;     // between polls: what the deepest frame waits for, or kNothing
    Driver* driver_;  // during Resume()
  };
};

// What every promise has: its place in the chain. The promises of all Tasks are aligned like it, so
// that it finds its frame; and for the bits of Chain.
class alignas(8) PromiseBase {
 public:
  PromiseBase(const PromiseBase&) = delete;
  PromiseBase& operator=(const PromiseBase&) = delete;

  // The rest is for frames that are linked.
  Chain& chain() const { return *chain_; }
  std::coroutine_handle<PromiseBase> frame() {
    return std::coroutine_handle<PromiseBase>::from_promise(*this);
  }

  // Puts the frame into the chain before it runs for the first time; a root, whose slot may lie in
  // each poll, before each.
  void Link(Chain& chain, Slot& slot) {
    chain_ = &chain;
    slot_ = &slot;
  }
  // A root without a slot, until the next poll.
  void LeaveSlot() { slot_ = nullptr; }
  // Null: of a root, between polls.
  Slot* slot() const { return slot_; }

  // The frame is about to suspend, whatever for: there is no result yet, as may be presumed. Each
  // way to suspend must call this.
  void Suspend() { slot_->ClearMark(); }
  // The frame goes on in another chain.
  void Join(Chain& chain) { chain_ = &chain; }
  // The frame has finished, goes away, and returns to whoever resumed it.
  void Finish() {
    if (slot_->IsInPlace()) return;
    if (slot_->mark() == Slot::kNoMark) slot_->SetMark(Slot::kValueMark);
    PromiseBase* const parent = slot_->parent();
    parent == nullptr ? chain_->FinishRoot() : chain_->Transfer(*parent);
  }

 protected:
  PromiseBase() {}  // sets nothing: nobody looks before Link()

 private:
  Chain* chain_;
  Slot* slot_;
};

inline void Chain::Wait(Leaf& leaf) {
  leaf.frame().Suspend();
  Ask(kWait, &leaf);
}

inline void Chain::Yield(Leaf& leaf) {
  leaf.frame().Suspend();
  Ask(kYield, &leaf);
}

inline PollState Chain::Drive(PromiseBase& frame, Driver& driver) {
  driver_ = &driver;
  PromiseBase* next = &frame;
  while (true) {
    driver.asked = kNone;
    next->frame().resume();
    // In each case, no pointer into this call stays behind.
    const Asked asked = driver.asked;
    if (IsWait(asked)) [[likely]] {
      asked_ = asked;
      return PollState::kPending;
    }
    PollState end;
    next = FrameAskedFor(asked, end);
    if (next == nullptr) return end;
  }
}

inline PollState Chain::Resume(Driver& driver, PromiseBase& root) {
  const Asked waits = asked_;
  if ((waits & kYield) == 0) return BeginOrPollLeaf(driver, root);
  Leaf& leaf = *LeafOf(waits);
  if (driver.context.StopRequested()) [[unlikely]]
    return EndStopped(leaf.frame());
  return Drive(leaf.frame(), driver);
}

inline void Chain::Stop(PromiseBase& frame) {
  frame.Suspend();
  Ask(kStop, &frame);
}

}  // namespace weft::future_internal

#endif  // WEFT_FUTURE_INTERNAL_CHAIN_H_
