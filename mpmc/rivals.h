// mpmc/rivals.h — our queues and those of other libraries behind one face, to be measured alike.
//
// A queue is made for a capacity (which the unbounded ones ignore) and moves items by TryPush() and
// TryPop(); libraries that would rather block are used through their try_ calls, so that the one
// back-off of rivals_harness.h waits for all of them. An item is a number other than 0: one rival
// uses 0 for an empty slot.
//
// The libraries are Debian's packages, which `./setup --rivals` installs.
#ifndef WEFT_MPMC_RIVALS_H_
#define WEFT_MPMC_RIVALS_H_

#include <atomic_queue/atomic_queue.h>
#include <concurrentqueue/concurrentqueue.h>
#include <readerwriterqueue/readerwriterqueue.h>
#include <tbb/concurrent_queue.h>

#include <boost/lockfree/queue.hpp>
#include <boost/lockfree/spsc_queue.hpp>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <xenium/ramalhete_queue.hpp>
#include <xenium/reclamation/generic_epoch_based.hpp>
#include <xenium/vyukov_bounded_queue.hpp>

#include "mpmc/bounded_queue.h"
#include "mpmc/pop_result.h"
#include "mpmc/queue_shape.h"
#include "mpmc/spsc_queue.h"
#include "mpmc/unbounded_queue.h"

namespace weft::mpmc_rivals {

template <typename Q>
concept Rival =
    std::constructible_from<Q, std::size_t> && requires(Q& queue, uint64_t item, uint64_t* out) {
      { queue.TryPush(item) } -> std::same_as<bool>;
      { queue.TryPop(out) } -> std::same_as<bool>;
    };

// Ours.

// Whether a push or pop that is refused must be right about it.
enum class Answers { kExact, kWeak };

inline bool Take(const PopResult<uint64_t>& item, uint64_t* out) {
  if (!item.ok()) return false;
  *out = *item;
  return true;
}

template <typename Queue, Answers kAnswers = Answers::kExact>
class Ours {
 public:
  explicit Ours(std::size_t capacity) : queue_(capacity) {}
  bool TryPush(uint64_t item) {
    if constexpr (kAnswers == Answers::kWeak) {
      return queue_.PollPush(item).ok();
    } else {
      return queue_.TryPush(item).ok();
    }
  }
  bool TryPop(uint64_t* out) {
    if constexpr (kAnswers == Answers::kWeak) {
      return Take(queue_.PollPop(), out);
    } else {
      return Take(queue_.TryPop(), out);
    }
  }

 private:
  Queue queue_;
};
using Bounded = Ours<BoundedQueue<uint64_t>>;
using BoundedPolled = Ours<BoundedQueue<uint64_t>, Answers::kWeak>;
using BoundedPadded = Ours<BoundedQueue<uint64_t, QueueSlots::kPadded>>;
using BoundedMpsc = Ours<BoundedMpscQueue<uint64_t>>;

using Spsc = Ours<SpscQueue<uint64_t>>;

template <Answers kAnswers>
class OursUnbounded {
 public:
  explicit OursUnbounded(std::size_t) {}
  bool TryPush(uint64_t item) { return queue_.Push(item).ok(); }
  bool TryPop(uint64_t* out) {
    if constexpr (kAnswers == Answers::kWeak) {
      return Take(queue_.PollPop(), out);
    } else {
      return Take(queue_.TryPop(), out);
    }
  }

 private:
  UnboundedQueue<uint64_t> queue_;
};
using Unbounded = OursUnbounded<Answers::kExact>;
using UnboundedPolled = OursUnbounded<Answers::kWeak>;

// The plain thing: a mutex around a std::deque.

template <bool kIsBounded>
class MutexDeque {
 public:
  explicit MutexDeque(std::size_t capacity) : capacity_(capacity) {}
  bool TryPush(uint64_t item) {
    std::lock_guard<std::mutex> lock(mutex_);
    if (kIsBounded && items_.size() == capacity_) return false;
    items_.push_back(item);
    return true;
  }
  bool TryPop(uint64_t* out) {
    std::lock_guard<std::mutex> lock(mutex_);
    if (items_.empty()) return false;
    *out = items_.front();
    items_.pop_front();
    return true;
  }

 private:
  const std::size_t capacity_;
  std::mutex mutex_;
  std::deque<uint64_t> items_;
};

// Bounded, many to many.

// Capacities that are powers of two only.
class XeniumVyukov {
 public:
  explicit XeniumVyukov(std::size_t capacity) : queue_(capacity) {}
  bool TryPush(uint64_t item) { return queue_.try_push(item); }
  bool TryPop(uint64_t* out) { return queue_.try_pop(*out); }

 private:
  xenium::vyukov_bounded_queue<uint64_t> queue_;
};

// Both of atomic_queue round the capacity up to a power of two.
template <typename Queue>
class AtomicQueue {
 public:
  explicit AtomicQueue(std::size_t capacity) : queue_(static_cast<unsigned>(capacity)) {}
  bool TryPush(uint64_t item) { return queue_.try_push(item); }
  bool TryPop(uint64_t* out) { return queue_.try_pop(*out); }

 private:
  Queue queue_;
};
using AtomicQueueB = AtomicQueue<atomic_queue::AtomicQueueB<uint64_t>>;
using AtomicQueueB2 = AtomicQueue<atomic_queue::AtomicQueueB2<uint64_t>>;

// A list of nodes from a pool that is filled ahead.
class BoostQueue {
 public:
  explicit BoostQueue(std::size_t capacity) : queue_(capacity) {}
  bool TryPush(uint64_t item) { return queue_.bounded_push(item); }
  bool TryPop(uint64_t* out) { return queue_.pop(*out); }

 private:
  boost::lockfree::queue<uint64_t> queue_;
};

class TbbBounded {
 public:
  explicit TbbBounded(std::size_t capacity) {
    queue_.set_capacity(static_cast<std::ptrdiff_t>(capacity));
  }
  bool TryPush(uint64_t item) { return queue_.try_push(item); }
  bool TryPop(uint64_t* out) { return queue_.try_pop(*out); }

 private:
  tbb::concurrent_bounded_queue<uint64_t> queue_;
};

// Sub-queues of blocks from a pool that is filled ahead: the capacity is a rough one, and items of
// two producers have no order.
class MoodycamelBounded {
 public:
  explicit MoodycamelBounded(std::size_t capacity) : queue_(capacity) {}
  bool TryPush(uint64_t item) { return queue_.try_enqueue(item); }
  bool TryPop(uint64_t* out) { return queue_.try_dequeue(*out); }

 private:
  moodycamel::ConcurrentQueue<uint64_t> queue_;
};

// One to one.

class BoostSpsc {
 public:
  explicit BoostSpsc(std::size_t capacity) : queue_(capacity) {}
  bool TryPush(uint64_t item) { return queue_.push(item); }
  bool TryPop(uint64_t* out) { return queue_.pop(*out); }

 private:
  boost::lockfree::spsc_queue<uint64_t> queue_;
};

class MoodycamelSpsc {
 public:
  explicit MoodycamelSpsc(std::size_t capacity) : queue_(capacity) {}
  bool TryPush(uint64_t item) { return queue_.try_enqueue(item); }
  bool TryPop(uint64_t* out) { return queue_.try_dequeue(*out); }

 private:
  moodycamel::ReaderWriterQueue<uint64_t> queue_;
};

using AtomicQueueSpsc = AtomicQueue<
    atomic_queue::AtomicQueueB<uint64_t, std::allocator<uint64_t>, 0, true, false, /*SPSC=*/true>>;

// Unbounded, many to many.

class Moodycamel {
 public:
  explicit Moodycamel(std::size_t) {}
  bool TryPush(uint64_t item) { return queue_.enqueue(item); }
  bool TryPop(uint64_t* out) { return queue_.try_dequeue(*out); }

 protected:
  moodycamel::ConcurrentQueue<uint64_t> queue_;
};

// The same as its author recommends it: each thread has a token.
class MoodycamelTokens : public Moodycamel {
 public:
  using Moodycamel::Moodycamel;

  class Producer {
   public:
    explicit Producer(MoodycamelTokens& queue) : queue_(queue.queue_), token_(queue_) {}
    bool TryPush(uint64_t item) { return queue_.enqueue(token_, item); }

   private:
    moodycamel::ConcurrentQueue<uint64_t>& queue_;
    moodycamel::ProducerToken token_;
  };

  class Consumer {
   public:
    explicit Consumer(MoodycamelTokens& queue) : queue_(queue.queue_), token_(queue_) {}
    bool TryPop(uint64_t* out) { return queue_.try_dequeue(token_, *out); }

   private:
    moodycamel::ConcurrentQueue<uint64_t>& queue_;
    moodycamel::ConsumerToken token_;
  };
};

// Takes pointers only: an item travels as the address of the item-th unit of 16 bytes.
class XeniumRamalhete {
 public:
  explicit XeniumRamalhete(std::size_t) {}
  bool TryPush(uint64_t item) {
    queue_.push(reinterpret_cast<Unit*>(item * sizeof(Unit)));
    return true;
  }
  bool TryPop(uint64_t* out) {
    Unit* unit = nullptr;
    if (!queue_.try_pop(unit)) return false;
    *out = reinterpret_cast<uint64_t>(unit) / sizeof(Unit);
    return true;
  }

 private:
  struct alignas(16) Unit {};
  xenium::ramalhete_queue<Unit*, xenium::policy::reclaimer<xenium::reclamation::epoch_based<>>>
      queue_;
};

class Tbb {
 public:
  explicit Tbb(std::size_t) {}
  bool TryPush(uint64_t item) {
    queue_.push(item);
    return true;
  }
  bool TryPop(uint64_t* out) { return queue_.try_pop(*out); }

 private:
  tbb::concurrent_queue<uint64_t> queue_;
};

static_assert(Rival<Bounded> && Rival<BoundedPolled> && Rival<BoundedPadded> &&
              Rival<BoundedMpsc> && Rival<Spsc> && Rival<UnboundedPolled> && Rival<Unbounded> &&
              Rival<MutexDeque<true>> && Rival<XeniumVyukov> && Rival<AtomicQueueB> &&
              Rival<AtomicQueueB2> && Rival<BoostQueue> && Rival<TbbBounded> &&
              Rival<MoodycamelBounded> && Rival<BoostSpsc> && Rival<MoodycamelSpsc> &&
              Rival<AtomicQueueSpsc> && Rival<Moodycamel> && Rival<XeniumRamalhete> && Rival<Tbb>);

}  // namespace weft::mpmc_rivals

#endif  // WEFT_MPMC_RIVALS_H_
