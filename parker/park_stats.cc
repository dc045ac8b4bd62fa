#include "parker/park_stats.h"

namespace weft {

ParkStats::Counts ParkStats::Read() const {
  return {.waits = waits_.Get(),
          .spin_hits = spin_hits_.Get(),
          .spin_pauses = spin_pauses_.Get(),
          .sleeps = sleeps_.Get(),
          .early_wakes = early_wakes_.Get()};
}

}  // namespace weft
