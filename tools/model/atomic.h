// tools/model/atomic.h — std::atomic<T> over the memory of the model checker (model.h).
#ifndef WEFT_TOOLS_MODEL_ATOMIC_H_
#define WEFT_TOOLS_MODEL_ATOMIC_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <source_location>
#include <type_traits>

#include "tools/model/internal/operations.h"

namespace weft::model {

// For trivially copyable T of at most 8 bytes: load, store, exchange, compare_exchange_weak and
// _strong, fetch_add and so on, operators. Each call takes its place in the source, for traces and
// mutants; the operators cannot, so a mutant never touches them: write load() and store() in code
// under test. Values are compared byte by byte, so T should have no padding.
template <typename T>
class Atomic {
  static_assert(std::is_trivially_copyable_v<T> && sizeof(T) <= 8,
                "model::Atomic<T>: expected a trivially copyable T of at most 8 bytes");

  using Word = model_internal::Word;
  using Change = model_internal::Change;
  using Where = std::source_location;
  static constexpr uint8_t kSize = sizeof(T);
  static constexpr bool kIsNumber = std::is_integral_v<T> && !std::is_same_v<T, bool>;
  static constexpr bool kCounts = kIsNumber || std::is_pointer_v<T>;

 public:
  using value_type = T;
  static constexpr bool is_always_lock_free = true;

  Atomic(Where where = Where::current()) : word_(ToWord(T()), where) {}
  Atomic(T value, Where where = Where::current()) : word_(ToWord(value), where) {}
  Atomic(const Atomic&) = delete;
  Atomic& operator=(const Atomic&) = delete;

  bool is_lock_free() const noexcept { return true; }

  T load(std::memory_order order = std::memory_order::seq_cst,
         Where where = Where::current()) const noexcept {
    return FromWord(word_.Load(kSize, order, where));
  }
  void store(T value, std::memory_order order = std::memory_order::seq_cst,
             Where where = Where::current()) noexcept {
    word_.Store(kSize, ToWord(value), order, where);
  }
  T exchange(T value, std::memory_order order = std::memory_order::seq_cst,
             Where where = Where::current()) noexcept {
    return Update(Change::kSet, ToWord(value), order, where);
  }

  bool compare_exchange_weak(T& expected, T desired, std::memory_order success,
                             std::memory_order failure, Where where = Where::current()) noexcept {
    return Compare(expected, desired, Word::Strength::kWeak, {success, failure}, where);
  }
  bool compare_exchange_weak(T& expected, T desired,
                             std::memory_order order = std::memory_order::seq_cst,
                             Where where = Where::current()) noexcept {
    return Compare(expected, desired, Word::Strength::kWeak, {order, FailureOf(order)}, where);
  }
  bool compare_exchange_strong(T& expected, T desired, std::memory_order success,
                               std::memory_order failure, Where where = Where::current()) noexcept {
    return Compare(expected, desired, Word::Strength::kStrong, {success, failure}, where);
  }
  bool compare_exchange_strong(T& expected, T desired,
                               std::memory_order order = std::memory_order::seq_cst,
                               Where where = Where::current()) noexcept {
    return Compare(expected, desired, Word::Strength::kStrong, {order, FailureOf(order)}, where);
  }

  template <typename N>
    requires kCounts
  T fetch_add(N n, std::memory_order order = std::memory_order::seq_cst,
              Where where = Where::current()) noexcept {
    return Update(Change::kAdd, Scaled(n), order, where);
  }
  template <typename N>
    requires kCounts
  T fetch_sub(N n, std::memory_order order = std::memory_order::seq_cst,
              Where where = Where::current()) noexcept {
    return Update(Change::kSubtract, Scaled(n), order, where);
  }
  T fetch_and(T bits, std::memory_order order = std::memory_order::seq_cst,
              Where where = Where::current()) noexcept
    requires kIsNumber
  {
    return Update(Change::kAnd, ToWord(bits), order, where);
  }
  T fetch_or(T bits, std::memory_order order = std::memory_order::seq_cst,
             Where where = Where::current()) noexcept
    requires kIsNumber
  {
    return Update(Change::kOr, ToWord(bits), order, where);
  }
  T fetch_xor(T bits, std::memory_order order = std::memory_order::seq_cst,
              Where where = Where::current()) noexcept
    requires kIsNumber
  {
    return Update(Change::kXor, ToWord(bits), order, where);
  }

  operator T() const noexcept { return load(); }
  T operator=(T value) noexcept {
    store(value);
    return value;
  }
  T operator++() noexcept
    requires kCounts
  {
    return fetch_add(1) + 1;
  }
  T operator++(int) noexcept
    requires kCounts
  {
    return fetch_add(1);
  }
  T operator--() noexcept
    requires kCounts
  {
    return fetch_sub(1) - 1;
  }
  T operator--(int) noexcept
    requires kCounts
  {
    return fetch_sub(1);
  }
  template <typename N>
    requires kCounts
  T operator+=(N n) noexcept {
    return fetch_add(n) + n;
  }
  template <typename N>
    requires kCounts
  T operator-=(N n) noexcept {
    return fetch_sub(n) - n;
  }
  T operator&=(T bits) noexcept
    requires kIsNumber
  {
    return fetch_and(bits) & bits;
  }
  T operator|=(T bits) noexcept
    requires kIsNumber
  {
    return fetch_or(bits) | bits;
  }
  T operator^=(T bits) noexcept
    requires kIsNumber
  {
    return fetch_xor(bits) ^ bits;
  }

  // For the model's own functions.
  const model_internal::Word& word() const { return word_; }

 private:
  static uint64_t ToWord(T value) {
    uint64_t word = 0;
    std::memcpy(&word, &value, sizeof(T));
    return word;
  }
  static T FromWord(uint64_t word) {
    union {
      unsigned char bytes[sizeof(T)];
      T value;
    } result;
    std::memcpy(result.bytes, &word, sizeof(T));
    return result.value;
  }
  static uint64_t Scaled(int64_t n) {
    uint64_t word = 0;
    if constexpr (std::is_pointer_v<T>) {
      word = static_cast<uint64_t>(n) * sizeof(std::remove_pointer_t<T>);
    } else {
      word = ToWord(static_cast<T>(n));
    }
    return word;
  }
  // [atomics.types.operations]: the order of a failure, if the call gives one order.
  static constexpr std::memory_order FailureOf(std::memory_order order) {
    if (order == std::memory_order::acq_rel) return std::memory_order::acquire;
    if (order == std::memory_order::release) return std::memory_order::relaxed;
    return order;
  }

  T Update(Change change, uint64_t operand, std::memory_order order, Where where) {
    return FromWord(word_.Update(kSize, change, operand, order, where));
  }
  bool Compare(T& expected, T desired, Word::Strength strength, Word::Orders orders, Where where) {
    uint64_t found = ToWord(expected);
    const bool done = word_.CompareExchange(kSize, found, ToWord(desired), strength, orders, where);
    if (!done) expected = FromWord(found);
    return done;
  }

  Word word_;
};

}  // namespace weft::model

#endif  // WEFT_TOOLS_MODEL_ATOMIC_H_
