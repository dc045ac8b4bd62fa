// future/internal/any_polled.h — what AnyFuture and AnyStream share: something that is polled, of
// any type, held in place if it fits.
#ifndef WEFT_FUTURE_INTERNAL_ANY_POLLED_H_
#define WEFT_FUTURE_INTERNAL_ANY_POLLED_H_

#include <cstddef>
#include <memory>
#include <new>
#include <type_traits>
#include <utility>

#include "base/check.h"
#include "future/await_chain.h"
#include "future/context.h"

namespace weft::future_internal {

// Ask()(polled, cx) asks what it holds and gives an Answer. Move-only.
template <typename Answer, typename Ask, std::size_t kInlineBytes>
class AnyPolled {
 public:
  AnyPolled(AnyPolled&& other) noexcept : operations_(std::exchange(other.operations_, nullptr)) {
    if (operations_ != nullptr) operations_->relocate(other.storage_, storage_);
  }
  AnyPolled& operator=(AnyPolled&& other) noexcept {
    if (this != &other) {
      std::destroy_at(this);
      std::construct_at(this, std::move(other));
    }
    return *this;
  }
  ~AnyPolled() {
    if (operations_ != nullptr) operations_->destroy(storage_);
  }

  void VisitAwaited(AwaitVisitor& visitor) const {
    if (operations_ != nullptr) operations_->visit(storage_, visitor);
  }

 protected:
  template <typename P>
  AnyPolled(std::in_place_t, P polled) : operations_(&kOperationsOf<P>) {
    if constexpr (kFits<P>) {
      ::new (static_cast<void*>(storage_)) P(std::move(polled));
    } else {
      ::new (static_cast<void*>(storage_)) P*(new P(std::move(polled)));
    }
  }

  // Precondition (checked): not moved from.
  Answer AskIt(Context& cx) {
    WEFT_CHECK(operations_ != nullptr)
        << "an AnyFuture or AnyStream was polled: expected what it holds, found that it was moved "
           "away";
    return operations_->ask(storage_, cx);
  }

 private:
  // What can be done with what is in the storage.
  struct Operations {
    Answer (*ask)(std::byte* storage, Context& cx);
    void (*visit)(const std::byte* storage, AwaitVisitor& visitor);
    void (*relocate)(std::byte* from, std::byte* to) noexcept;  // moves, and destroys the source
    void (*destroy)(std::byte* storage) noexcept;
  };

  template <typename P>
  static constexpr bool kFits = sizeof(P) <= kInlineBytes && alignof(P) <= alignof(void*) &&
                                std::is_nothrow_move_constructible_v<P>;

  // The P in the storage, or the one it points to.
  template <typename P>
  static P& Get(std::byte* storage) {
    if constexpr (kFits<P>) {
      return *std::launder(reinterpret_cast<P*>(storage));
    } else {
      return **std::launder(reinterpret_cast<P**>(storage));
    }
  }

  template <typename P>
  static Answer AskOf(std::byte* storage, Context& cx) {
    return Ask()(Get<P>(storage), cx);
  }
  template <typename P>
  static void VisitOf(const std::byte* storage, AwaitVisitor& visitor) {
    if constexpr (kFits<P>) {
      visitor.Visit(*std::launder(reinterpret_cast<const P*>(storage)));
    } else {
      visitor.Visit(**std::launder(reinterpret_cast<P* const*>(storage)));
    }
  }
  template <typename P>
  static void Relocate(std::byte* from, std::byte* to) noexcept {
    if constexpr (kFits<P>) {
      ::new (static_cast<void*>(to)) P(std::move(Get<P>(from)));
      std::destroy_at(&Get<P>(from));
    } else {
      ::new (static_cast<void*>(to)) P*(&Get<P>(from));
    }
  }
  template <typename P>
  static void Destroy(std::byte* storage) noexcept {
    if constexpr (kFits<P>) {
      std::destroy_at(&Get<P>(storage));
    } else {
      delete &Get<P>(storage);
    }
  }

  template <typename P>
  static constexpr Operations kOperationsOf = {&AskOf<P>, &VisitOf<P>, &Relocate<P>, &Destroy<P>};

  const Operations* operations_;  // null when moved from
  alignas(void*) std::byte storage_[kInlineBytes];
};

}  // namespace weft::future_internal

#endif  // WEFT_FUTURE_INTERNAL_ANY_POLLED_H_
