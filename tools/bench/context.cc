// Adds to the context of every benchmark what Google Benchmark does not know: how it was compiled.
#include "benchmark/benchmark.h"

namespace weft {
namespace {

#if defined(__clang__)
constexpr char kCompiler[] = "clang " __clang_version__;
#else
constexpr char kCompiler[] = "gcc " __VERSION__;
#endif

#if defined(__OPTIMIZE__) && defined(NDEBUG)
constexpr char kBuild[] = "optimised";
#else
constexpr char kBuild[] = "NOT optimised: use --config=bench";
#endif

[[maybe_unused]] const bool added = [] {
  benchmark::AddCustomContext("compiler", kCompiler);
  benchmark::AddCustomContext("build", kBuild);
  return true;
}();

}  // namespace
}  // namespace weft
