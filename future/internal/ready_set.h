// future/internal/ready_set.h — the children of a FuturesUnordered or FlattenUnordered(), and which
// of them were woken.
//
// Each child has a waker of its own, which puts it on the ready list and wakes whoever polls the
// set. Wakers may outlive the child and the set: they share the child's memory and the core.
#ifndef WEFT_FUTURE_INTERNAL_READY_SET_H_
#define WEFT_FUTURE_INTERNAL_READY_SET_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "absl/base/thread_annotations.h"
#include "base/intrusive_list.h"
#include "base/mutex.h"
#include "future/context.h"
#include "future/waker.h"

namespace weft::future_internal {

// Thread-compatible, but for the wakers, which any thread may use.
class ReadySet {
 public:
  class Member;

 private:
  // A member's place on the ready list.
  struct ReadyHook : IntrusiveListNode<ReadyHook> {
    Member* member = nullptr;
  };
  // What wakers share.
  struct Core {
    Mutex mutex;
    IntrusiveList<ReadyHook> ready ABSL_GUARDED_BY(mutex);
    std::size_t ready_count ABSL_GUARDED_BY(mutex) = 0;
    Waker poller ABSL_GUARDED_BY(mutex);  // woken by the first wake after a poll began
  };

 public:
  // Derive from it to hold a child. References: the set's, and one for each waker.
  class Member : private IntrusiveListNode<Member> {
   public:
    Member() = default;
    Member(const Member&) = delete;
    Member& operator=(const Member&) = delete;

   protected:
    virtual ~Member() = default;

   private:
    friend class ReadySet;
    friend class IntrusiveList<Member>;

    void AddRef() { references_.fetch_add(1, std::memory_order_relaxed); }
    void Release() {
      // Edge (1): all uses -> destruction.
      if (references_.fetch_sub(1, std::memory_order_acq_rel) == 1) delete this;  // (1)
    }
    void Wake();

    std::atomic<uint32_t> references_{1};
    std::shared_ptr<Core> core_;
    ReadyHook hook_;           // guarded by core_->mutex
    bool is_removed_ = false;  // guarded by core_->mutex: wakes do nothing any more
    bool was_taken_ = false;   // the set's poller only
  };

  ReadySet() = default;
  ReadySet(const ReadySet&) = delete;
  ReadySet& operator=(const ReadySet&) = delete;
  // Drops members that were never taken. Precondition (checked): no other is left.
  ~ReadySet();

  // Takes over a member; it is ready.
  void Add(Member* member);
  // Members that were added and not removed.
  std::size_t size() const { return size_; }

  // A poll begins: a wake from now on wakes its waker. If it has a stop request and the one
  // before had none, all members are ready.
  void BeginPoll(const Context& cx);
  // The next ready member; null when those that were ready at BeginPoll() have all been taken, so
  // that a child that wakes itself does not keep the poll from ending.
  Member* TakeReady();
  // A member that was taken has more to give: it is ready, behind the others. Wakes nobody, so the
  // poll that took it answers an item.
  void PutBack(Member* member);
  // Calls visit(member) for each member that has not been removed.
  template <typename Visit>
  void ForEach(Visit&& visit) const {
    for (const Member* member = members_.Front(); member != nullptr;
         member = members_.Next(member)) {
      visit(*member);
    }
  }
  // A waker of the member.
  static Waker WakerOf(Member* member);
  // Takes a member out and drops the set's reference; wakers may keep it alive, without effect.
  void Remove(Member* member);

 private:
  static const Waker::VTable kWakerVTable;

  static void Push(Core& core, Member* member) ABSL_EXCLUSIVE_LOCKS_REQUIRED(core.mutex);

  const std::shared_ptr<Core> core_ = std::make_shared<Core>();
  IntrusiveList<Member> members_;
  std::size_t size_ = 0;
  std::size_t turns_ = 0;      // how many more members this poll takes
  std::size_t in_flight_ = 0;  // members that were taken and not removed
  bool is_stopping_ = false;   // the latest poll had a stop request
};

}  // namespace weft::future_internal

#endif  // WEFT_FUTURE_INTERNAL_READY_SET_H_
