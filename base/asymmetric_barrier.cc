#include "base/asymmetric_barrier.h"

#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/check.h"

namespace weft {
namespace {

long Membarrier(int command) { return syscall(SYS_membarrier, command, 0, 0); }

bool Register() {
  const long commands = Membarrier(MEMBARRIER_CMD_QUERY);
  return commands > 0 && (commands & MEMBARRIER_CMD_PRIVATE_EXPEDITED) != 0 &&
         Membarrier(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED) == 0;
}

}  // namespace

bool AsymmetricBarriersAreAvailable() {
  static const bool available = Register();
  return available;
}

void HeavyBarrier() {
  WEFT_CHECK(AsymmetricBarriersAreAvailable())
      << "HeavyBarrier(): the kernel offers no private expedited membarrier; ask "
         "AsymmetricBarriersAreAvailable() first and use fences where it says no";
  const long result = Membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED);
  WEFT_CHECK(result == 0) << "HeavyBarrier(): expected membarrier to succeed, found "
                          << std::strerror(errno);
}

}  // namespace weft
