// mpmc/internal/reservation.h — a slot that a push has claimed and the caller fills in place.
#ifndef WEFT_MPMC_INTERNAL_RESERVATION_H_
#define WEFT_MPMC_INTERNAL_RESERVATION_H_

#include <cstdint>
#include <utility>

#include "base/check.h"
#include "mpmc/push_result.h"

namespace weft::mpmc_internal {

// Either a claimed slot, or the reason why there is none. Move-only; belongs to one thread; does
// not outlive its queue. A slot that is claimed and not filled holds up whoever needs it, so fill it
// or give it up soon.
template <typename Ring>
class [[nodiscard]] SlotReservation {
 public:
  SlotReservation(Ring* ring, PushOutcome outcome, uint64_t ticket)
      : ring_(outcome == PushOutcome::kOk ? ring : nullptr), outcome_(outcome), ticket_(ticket) {}
  SlotReservation(SlotReservation&& other) noexcept
      : ring_(std::exchange(other.ring_, nullptr)),
        outcome_(other.outcome_),
        ticket_(other.ticket_) {}
  SlotReservation& operator=(SlotReservation&&) = delete;
  // Gives the slot up unless it was filled.
  ~SlotReservation() {
    if (ring_ != nullptr) ring_->Abandon(ticket_);
  }

  // Whether a slot was claimed: kOk, or why not.
  PushOutcome outcome() const { return outcome_; }
  bool ok() const { return outcome_ == PushOutcome::kOk; }

  // Constructs the value in its slot and hands it to the queue. If the constructor throws, the slot
  // is given up when this object goes, or another Commit() tries again. Precondition (checked): a
  // slot was claimed, not moved from and not filled yet.
  template <typename... Args>
  void Commit(Args&&... args) {
    WEFT_CHECK(ring_ != nullptr)
        << "Reservation::Commit(): expected a claimed slot, found none (refused, filled, or moved "
           "from); test ok() first and commit once";
    ring_->Fill(ticket_, std::forward<Args>(args)...);
    ring_ = nullptr;
  }

 private:
  Ring* ring_;  // Null: there is nothing to fill or to give up.
  PushOutcome outcome_;
  uint64_t ticket_;
};

}  // namespace weft::mpmc_internal

#endif  // WEFT_MPMC_INTERNAL_RESERVATION_H_
