// The bytes of records in the store: every damage is seen, and the format is frozen.
#include "dag/internal/record.h"

#include <cstddef>
#include <optional>
#include <string>

#include "dag/digest.h"
#include "dag/result.h"
#include "dag/testing/results.h"
#include "gtest/gtest.h"

namespace weft {
namespace {

TEST(RecordTest, EveryDamageIsAMiss) {
  const std::string bytes = dag_internal::EncodeResult(ResultOf({"a", "b"}));
  EXPECT_EQ(dag_internal::DecodeResult(bytes), ResultOf({"a", "b"}));
  EXPECT_EQ(dag_internal::DecodeRun(bytes), std::nullopt) << "kinds do not mix";
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    std::string damaged = bytes;
    damaged[i] = static_cast<char>(damaged[i] ^ 1);
    EXPECT_EQ(dag_internal::DecodeResult(damaged), std::nullopt) << i;
    EXPECT_EQ(dag_internal::DecodeResult(bytes.substr(0, i)), std::nullopt) << i;
  }
}

TEST(RecordTest, GoldenBytesOfAResult) {
  // Frozen within format 1: computed with Python's struct and hashlib, never to be changed without
  // a new format version.
  const std::string bytes = dag_internal::EncodeResult(ResultOf({"a"}));
  EXPECT_EQ(DigestOf(bytes).ToString(),
            "b71b57a0206ae4d053b8b89cd879f9b8c9c94dee0a76c3c60330e34a95504529/225");
  EXPECT_EQ(DigestOf(dag_internal::EncodeRun(RunOf(DigestOf("k")))).ToString(),
            "9ec1722f981ae5d77d92805ac6c571a195a5ff3228359da1211dc502605c883d/277");
}

}  // namespace
}  // namespace weft
