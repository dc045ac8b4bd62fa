#include "tools/stress/seed.h"

#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <string_view>
#include <system_error>

#include "base/check.h"

namespace weft::stress {
namespace {

uint64_t Parse(std::string_view text) {
  std::string_view digits = text;
  int base = 10;
  if (digits.starts_with("0x")) {
    digits.remove_prefix(2);
    base = 16;
  }
  uint64_t seed = 0;
  const auto [end, error] =
      std::from_chars(digits.data(), digits.data() + digits.size(), seed, base);
  WEFT_CHECK(error == std::errc() && end == digits.data() + digits.size())
      << "SeedFromEnvironment(): expected WEFT_SEED to be a number of 64 bits, decimal or "
         "hexadecimal after 0x, found '"
      << text << "'; unset it for a random seed";
  return seed;
}

uint64_t Choose() {
  const char* const text = std::getenv("WEFT_SEED");
  std::random_device device;
  const uint64_t seed = text != nullptr ? Parse(text) : uint64_t{device()} << 32 | device();
  std::fprintf(stderr, "[  SEED    ] WEFT_SEED=%llu\n", static_cast<unsigned long long>(seed));
  return seed;
}

}  // namespace

uint64_t SeedFromEnvironment() {
  static const uint64_t seed = Choose();
  return seed;
}

std::string SeedMessage(uint64_t seed) {
  const std::string number = std::to_string(seed);
  return "seed " + number + "; run again with WEFT_SEED=" + number;
}

uint64_t SeedOfWorker(uint64_t seed, uint64_t worker) {
  // SplitMix64: neighbours in, strangers out.
  uint64_t mixed = seed + (worker + 1) * 0x9e3779b97f4a7c15;
  mixed = (mixed ^ mixed >> 30) * 0xbf58476d1ce4e5b9;
  mixed = (mixed ^ mixed >> 27) * 0x94d049bb133111eb;
  return mixed ^ mixed >> 31;
}

}  // namespace weft::stress
