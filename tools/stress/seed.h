// tools/stress/seed.h — where the randomness of a stress or fuzz test comes from.
//
//   const uint64_t seed = stress::SeedFromEnvironment();
//   SCOPED_TRACE(stress::SeedMessage(seed));
//   std::mt19937_64 random(stress::SeedOfWorker(seed, worker));
//
// A test that failed is run again with the seed that it printed:
//
//   bazel test --test_env=WEFT_SEED=42 //pkg:x_stress_test
#ifndef WEFT_TOOLS_STRESS_SEED_H_
#define WEFT_TOOLS_STRESS_SEED_H_

#include <cstdint>
#include <string>

namespace weft::stress {

// The number in the environment variable WEFT_SEED (decimal, or hexadecimal after 0x), or a random
// one. The same in every call of a process. The first call prints it to standard error, so that it
// is known after a crash or a sanitizer's report too. A WEFT_SEED that is no number of 64 bits ends
// the process with a message. Thread-safe.
uint64_t SeedFromEnvironment();

// "seed 42; run again with WEFT_SEED=42", for the message of a failure.
std::string SeedMessage(uint64_t seed);

// A seed for one of the threads of a test: well mixed, and different for each worker.
uint64_t SeedOfWorker(uint64_t seed, uint64_t worker);

}  // namespace weft::stress

#endif  // WEFT_TOOLS_STRESS_SEED_H_
