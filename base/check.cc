#include "base/check.h"

#include <cstdio>
#include <cstdlib>
#include <string>

namespace weft::base_internal {

CheckFailure::CheckFailure(const char* file, int line, const char* condition) {
  message_ << file << ":" << line << ": ";
  if (*condition != '\0') message_ << "check failed: " << condition << ": ";
}

CheckFailure::~CheckFailure() {
  message_ << '\n';
  const std::string text = message_.str();
  std::fwrite(text.data(), 1, text.size(), stderr);
  std::fflush(stderr);
  std::abort();
}

}  // namespace weft::base_internal
