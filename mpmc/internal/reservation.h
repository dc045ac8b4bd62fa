// mpmc/internal/reservation.h — a slot that a push has claimed and the caller fills in place.
#ifndef WEFT_MPMC_INTERNAL_RESERVATION_H_
#define WEFT_MPMC_INTERNAL_RESERVATION_H_

#include <utility>

#include "base/check.h"
#include "mpmc/push_result.h"

namespace weft::mpmc_internal {

// Either a claimed slot, or the reason why there is none. Move-only; belongs to one thread; does
// not outlive its queue. A slot that is claimed and not filled holds up whoever needs it, so fill
// it or give it up soon.
template <typename Ring>
class [[nodiscard]] SlotReservation {
 public:
  using Claim = typename Ring::Claim;

  explicit SlotReservation(const Claim& claim) : claim_(claim), is_open_(claim.ok()) {}
  SlotReservation(SlotReservation&& other) noexcept
      : claim_(other.claim_), is_open_(std::exchange(other.is_open_, false)) {}
  SlotReservation& operator=(SlotReservation&&) = delete;
  // Gives the slot up unless it was filled.
  ~SlotReservation() {
    if (is_open_) Ring::Abandon(claim_);
  }

  // Whether a slot was claimed: kOk, or why not.
  PushOutcome outcome() const { return claim_.push_outcome(); }
  bool ok() const { return claim_.ok(); }

  // Constructs the value in its slot and hands it to the queue. If the constructor throws, the slot
  // is given up when this object goes, or another Commit() tries again. Precondition (checked): a
  // slot was claimed, not moved from and not filled yet.
  template <typename... Args>
  void Commit(Args&&... args) {
    WEFT_CHECK(is_open_)
        << "Reservation::Commit(): expected a claimed slot, found none (refused, filled, or moved "
           "from); test ok() first and commit once";
    Ring::Fill(claim_, std::forward<Args>(args)...);
    is_open_ = false;
  }

 private:
  Claim claim_;
  bool is_open_;  // There is a slot to fill or to give up.
};

}  // namespace weft::mpmc_internal

#endif  // WEFT_MPMC_INTERNAL_RESERVATION_H_
