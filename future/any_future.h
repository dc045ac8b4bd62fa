// future/any_future.h — a future whose type is only what it gives.
//
//   weft::AnyFuture<int> price = weft::Map(Ask(), ParsePrice);
//   std::vector<weft::AnyFuture<int>> many;      // Tasks, combinators and leaves, mixed
//
// For interfaces and containers; where the type is known, an indirect call is saved without it.
//
//   Errors           The future's.
//   Cancellation     The future's. Safe to drop if it is.
//   Complexity       No allocation for a future that fits into kInlineBytes and whose move does not
//                    throw (a Task of a few words does); one for another. A poll is one indirect
//                    call more; so is a move.
#ifndef WEFT_FUTURE_ANY_FUTURE_H_
#define WEFT_FUTURE_ANY_FUTURE_H_

#include <concepts>
#include <cstddef>
#include <memory>
#include <new>
#include <type_traits>
#include <utility>

#include "base/check.h"
#include "future/await_chain.h"
#include "future/context.h"
#include "future/future.h"
#include "future/poll.h"

namespace weft {

// See the head of the file. Move-only.
template <typename T, std::size_t kInlineBytes = 120>
class [[nodiscard]] AnyFuture {
 public:
  using Output = T;

  // NOTE: implicit on purpose: any future of T is an AnyFuture<T>.
  template <Future F>
    requires(std::same_as<OutputOf<F>, T> && !std::same_as<F, AnyFuture>)
  AnyFuture(F future) : operations_(&kOperationsOf<F>) {
    if constexpr (kFits<F>) {
      ::new (static_cast<void*>(storage_)) F(std::move(future));
    } else {
      ::new (static_cast<void*>(storage_)) F*(new F(std::move(future)));
    }
  }
  AnyFuture(AnyFuture&& other) noexcept : operations_(std::exchange(other.operations_, nullptr)) {
    if (operations_ != nullptr) operations_->relocate(other.storage_, storage_);
  }
  AnyFuture& operator=(AnyFuture&& other) noexcept {
    if (this != &other) {
      std::destroy_at(this);
      std::construct_at(this, std::move(other));
    }
    return *this;
  }
  ~AnyFuture() {
    if (operations_ != nullptr) operations_->destroy(storage_);
  }

  // Precondition (checked): not moved from.
  Poll<T> poll(Context& cx) {
    WEFT_CHECK(operations_ != nullptr)
        << "AnyFuture::poll(): expected a future, found that it was moved away";
    return operations_->poll(storage_, cx);
  }

  void VisitAwaited(AwaitVisitor& visitor) const {
    if (operations_ != nullptr) operations_->visit(storage_, visitor);
  }

 private:
  // What can be done with the future in the storage.
  struct Operations {
    Poll<T> (*poll)(std::byte* storage, Context& cx);
    void (*visit)(const std::byte* storage, AwaitVisitor& visitor);
    void (*relocate)(std::byte* from, std::byte* to) noexcept;  // moves, and destroys the source
    void (*destroy)(std::byte* storage) noexcept;
  };

  template <typename F>
  static constexpr bool kFits = sizeof(F) <= kInlineBytes && alignof(F) <= alignof(void*) &&
                                std::is_nothrow_move_constructible_v<F>;

  // The F in the storage, or the one it points to.
  template <typename F>
  static F& Get(std::byte* storage) {
    if constexpr (kFits<F>) {
      return *std::launder(reinterpret_cast<F*>(storage));
    } else {
      return **std::launder(reinterpret_cast<F**>(storage));
    }
  }

  template <typename F>
  static Poll<T> PollOf(std::byte* storage, Context& cx) {
    return Get<F>(storage).poll(cx);
  }
  template <typename F>
  static void VisitOf(const std::byte* storage, AwaitVisitor& visitor) {
    if constexpr (kFits<F>) {
      visitor.Visit(*std::launder(reinterpret_cast<const F*>(storage)));
    } else {
      visitor.Visit(**std::launder(reinterpret_cast<F* const*>(storage)));
    }
  }
  template <typename F>
  static void Relocate(std::byte* from, std::byte* to) noexcept {
    if constexpr (kFits<F>) {
      ::new (static_cast<void*>(to)) F(std::move(Get<F>(from)));
      std::destroy_at(&Get<F>(from));
    } else {
      ::new (static_cast<void*>(to)) F*(&Get<F>(from));
    }
  }
  template <typename F>
  static void Destroy(std::byte* storage) noexcept {
    if constexpr (kFits<F>) {
      std::destroy_at(&Get<F>(storage));
    } else {
      delete &Get<F>(storage);
    }
  }

  template <typename F>
  static constexpr Operations kOperationsOf = {&PollOf<F>, &VisitOf<F>, &Relocate<F>, &Destroy<F>};

  const Operations* operations_;  // null when moved from
  alignas(void*) std::byte storage_[kInlineBytes];
};

}  // namespace weft

#endif  // WEFT_FUTURE_ANY_FUTURE_H_
