// parker/park_site.h — where a parker's thread sleeps, when it is not in a futex.
//
// A thread that owns a reactor must sleep in the reactor, or nobody sees its descriptors; yet
// others shall wake it like any parked thread. It gives its Parker a ParkSite, and everything else
// stays: tokens, deadlines, stop requests, the same Unparkers.
//
//   class ReactorSite final : public ParkSite {
//     void Sleep(Instant deadline) override { reactor_.Poll(deadline); }
//     void Wake() override { reactor_.Wake(); }
//   };
//
// What runs inside Sleep() (callbacks of a reactor, say) may unpark the very parker that sleeps.
// But the site does not own an Unparker of its own parker, also not through a callback: the two
// would keep each other alive.
#ifndef WEFT_PARKER_PARK_SITE_H_
#define WEFT_PARKER_PARK_SITE_H_

#include "base/instant.h"

namespace weft {

// See the head of the file. A site serves one parker. It lives until the parker and the last of its
// Unparkers have gone, so Wake() may come after the parker: whatever Wake() touches, the site owns
// or shares.
class ParkSite {
 public:
  ParkSite() = default;
  ParkSite(const ParkSite&) = delete;
  ParkSite& operator=(const ParkSite&) = delete;
  virtual ~ParkSite() = default;

  // Owner only. Blocks until Wake() is called or `deadline` comes. May return early for no reason,
  // which the parker sorts out. A Wake() that came before is not lost: it ends the next Sleep().
  virtual void Sleep(Instant deadline) = 0;

  // Any thread, at any time. Ends the Sleep() that is running, or else the next one. Wakes may
  // merge. What X did before Wake() is visible to the owner after the Sleep() that it ended (the
  // kernel's descriptors see to that). Does not block. Async-signal-safe if Unpark() shall be.
  virtual void Wake() = 0;
};

}  // namespace weft

#endif  // WEFT_PARKER_PARK_SITE_H_
