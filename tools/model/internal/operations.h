// tools/model/internal/operations.h — what Atomic<T>, Plain<T> and the seam call; not templates.
#ifndef WEFT_TOOLS_MODEL_INTERNAL_OPERATIONS_H_
#define WEFT_TOOLS_MODEL_INTERNAL_OPERATIONS_H_

#include <array>
#include <atomic>
#include <cstdint>
#include <source_location>

#include "tools/model/internal/event.h"

namespace weft::model_internal {

using Where = std::source_location;

// One atomic object: up to 8 bytes as a number.
class Word {
 public:
  Word(uint64_t value, const Where& where);
  ~Word();
  Word(const Word&) = delete;
  Word& operator=(const Word&) = delete;

  uint64_t Load(uint8_t size, std::memory_order order, const Where& where) const;
  void Store(uint8_t size, uint64_t value, std::memory_order order, const Where& where);
  // Returns the value before.
  uint64_t Update(uint8_t size, Change change, uint64_t operand, std::memory_order order,
                  const Where& where);
  enum class Strength : uint8_t { kWeak, kStrong };
  struct Orders {
    std::memory_order success;
    std::memory_order failure;
  };
  // On failure `expected` becomes the value found.
  bool CompareExchange(uint8_t size, uint64_t& expected, uint64_t desired, Strength strength,
                       Orders orders, const Where& where);

  LocationId location() const { return location_; }

 private:
  LocationId location_;
};

// One mutex: an atomic of which a mutant does not touch the orders.
class MutexState {
 public:
  explicit MutexState(const Where& where) : word_(0, where) {}

  void Lock(const Where& where);
  void Unlock(const Where& where);
  bool TryLock(const Where& where);

 private:
  bool TryLockAt(PlaceId place);

  Word word_;
  int holder_ = -1;  // Guarded by the mutex, as far as the holder itself goes.
};

// What is known of one plain variable: it lives in the variable.
class PlainState {
 public:
  PlainState(bool has_value, const Where& where);
  ~PlainState();
  PlainState(const PlainState&) = delete;
  PlainState& operator=(const PlainState&) = delete;

  void Read(const Where& where) const;
  // `has_value`: false leaves the variable moved from.
  void Write(bool has_value, const Where& where);

 private:
  void CheckLive(const Where& where) const;
  void CheckOrder(bool is_write, PlaceId place, const char* what) const;

  // Epochs are numbers of a thread's next event, from 1; 0 is never. The last write, and the last
  // read of each thread since then.
  uint32_t live_;
  uint16_t write_epoch_ = 0;
  PlaceId write_place_ = 0;
  uint8_t write_thread_ = 0;
  bool has_value_ = false;
  mutable std::array<uint16_t, kMaxThreads> read_epochs_{};
  mutable std::array<PlaceId, kMaxThreads> read_places_{};
};

void Fence(std::memory_order order, const Where& where);
void LightBarrier(const Where& where);
void HeavyBarrier(const Where& where);
bool Recheck(bool condition, const Where& where);
void Pause(const Where& where);

}  // namespace weft::model_internal

#endif  // WEFT_TOOLS_MODEL_INTERNAL_OPERATIONS_H_
