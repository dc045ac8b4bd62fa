#include "parker/event_count.h"

#include "parker/parker.h"

namespace weft::parker_internal {

Parker& ThisThreadsParker() {
  thread_local Parker parker;
  return parker;
}

}  // namespace weft::parker_internal
