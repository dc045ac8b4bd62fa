// tools/stress/counted_value.h — an element that keeps the books and notices how it is treated.
//
//   const int64_t before = stress::CountedValue::Counts().live();
//   ... move stress::CountedValue(id) through the structure, by many threads; join them ...
//   EXPECT_EQ(stress::CountedValue::Counts().live(), before);
//
// It aborts, with a message, when it is read or moved after a move; when it is destroyed twice; and
// when it is found where nobody constructed it (uninitialised memory, a copy of its bytes). A lost
// destruction shows in the counts.
#ifndef WEFT_TOOLS_STRESS_COUNTED_VALUE_H_
#define WEFT_TOOLS_STRESS_COUNTED_VALUE_H_

#include <cstdint>

namespace weft::stress {

// What has happened to the values of a process so far, moves included: a move constructs one.
struct ValueCounts {
  int64_t constructed = 0;
  int64_t destroyed = 0;

  int64_t live() const { return constructed - destroyed; }
};

// A move-only value with an identity.
//
// Thread safety: as an int's. Memory ordering: none; the counters are relaxed and a thread's own,
// without a read-modify-write, so that counting hides nothing that the structure under test lacks.
class CountedValue {
 public:
  explicit CountedValue(uint64_t id);
  CountedValue(CountedValue&& other) noexcept;
  // Aborts when moved to itself; a moved-from value may be assigned to.
  CountedValue& operator=(CountedValue&& other) noexcept;
  ~CountedValue();

  // The number that it was made with. Aborts for a moved-from value.
  uint64_t id() const;

  // Sums over all threads, exact once those that handled values have been joined.
  static ValueCounts Counts();

 private:
  // What state_ holds, mixed with the address, so that a copy of the bytes is no value.
  enum State : uint64_t {
    kFull = 0xf0117a1e0e5c0001,
    kMoved = 0xf0117a1e0e5c0002,
    kDead = 0xf0117a1e0e5c0003,
  };

  State Find() const;
  void Become(State state);
  void ExpectFull(const char* doing) const;

  uint64_t id_;
  uint64_t state_;
};

}  // namespace weft::stress

#endif  // WEFT_TOOLS_STRESS_COUNTED_VALUE_H_
