// Golden vectors of digests and keys, computed with other programs (sha256sum, Python's struct and
// hashlib). A failure here means that stored results would be lost or, worse, confused: change the
// code, not the vectors.
#include "dag/digest.h"

#include <sys/stat.h>

#include <cstdio>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace weft {
namespace {

using ::testing::HasSubstr;

TEST(Digest, GoldenVectors) {
  EXPECT_EQ(DigestOf("").ToString(),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855/0");
  EXPECT_EQ(DigestOf("abc").ToString(),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad/3");
  EXPECT_EQ(DigestOf(std::string(1'000'000, 'a')).ToString(),
            "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0/1000000");
}

TEST(Digest, PiecesGiveTheDigestOfTheWhole) {
  Hasher hasher;
  hasher.Update("a");
  hasher.Update("");
  hasher.Update("bc");
  EXPECT_EQ(hasher.Finish(), DigestOf("abc"));
  EXPECT_EQ(hasher.Finish(), DigestOf("")) << "a finished Hasher starts again";
}

TEST(Digest, ParseIsTheInverseOfToString) {
  const Digest digest = DigestOf("abc");
  EXPECT_EQ(Digest::Parse(digest.ToString()), digest);
}

TEST(Digest, ParseRefusesWhatToStringDoesNotPrint) {
  const std::string hex = DigestOf("abc").Hex();
  for (const std::string& text :
       {std::string(), hex, hex + "/", hex + "/03", hex + "/x", hex + "/-1", hex + "/3 ",
        "A" + hex.substr(1) + "/3", "g" + hex.substr(1) + "/3", hex.substr(1) + "/3",
        hex + "/1234567890123456789"}) {
    EXPECT_EQ(Digest::Parse(text), std::nullopt) << text;
  }
}

TEST(Digest, FileAndItsBytesHaveOneDigest) {
  const std::string path = testing::TempDir() + "/weft_digest_test_file";
  const std::string bytes(200'000, 'x');
  FILE* file = std::fopen(path.c_str(), "wb");
  ASSERT_NE(file, nullptr);
  ASSERT_EQ(std::fwrite(bytes.data(), 1, bytes.size(), file), bytes.size());
  std::fclose(file);
  EXPECT_EQ(*DigestOfFile(path), DigestOf(bytes));
  std::remove(path.c_str());
  const auto missing = DigestOfFile(path);
  EXPECT_TRUE(absl::IsNotFound(missing.status()));
  EXPECT_THAT(std::string(missing.status().message()), HasSubstr("cannot open " + path));
}

TEST(Digest, WhatIsNoRegularFileIsRefusedWithoutWaiting) {
  EXPECT_EQ(DigestOfFile("/dev/zero").status().message(), "/dev/zero is no regular file");
  EXPECT_EQ(DigestOfFile("/").status().message(), "/ is no regular file");
  const std::string pipe = testing::TempDir() + "/weft_digest_test_pipe";
  ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  EXPECT_EQ(DigestOfFile(pipe).status().message(), pipe + " is no regular file");
  std::remove(pipe.c_str());
}

TEST(KeyEncoder, GoldenEncodingOfTheSmallestKey) {
  const KeyEncoder key("f", "1");
  EXPECT_EQ(key.encoding(), std::string("weft-key1"
                                        "f"
                                        "\x01\0\0\0\0\0\0\0"
                                        "f"
                                        "\x01\0\0\0\0\0\0\0"
                                        "1",
                                        28));
}

TEST(KeyEncoder, GoldenKeys) {
  KeyEncoder key("builtin/concat", "3");
  EXPECT_EQ(key.Key().ToString(),
            "6ed8fbdbf823d71aa7bc0861b1a81334cc3729e7dd17455e70bb8e1cd49ddfed/41");
  key.AddParam("separator", "\n");
  key.AddParam("separator", "");
  key.AddInput("left", DigestOf("abc"));
  key.AddInput("right", DigestOf(""));
  key.AddOutput("out");
  EXPECT_EQ(key.Key().ToString(),
            "c9b100ca3809047348d22d7ea3cf3279d8165ba7b60a143a49e36c91a858d90f/229");
}

TEST(KeyEncoder, PartsDoNotRunIntoEachOther) {
  KeyEncoder a("f", "1"), b("f", "1"), c("f", "1");
  a.AddParam("ab", "c");
  b.AddParam("a", "bc");
  c.AddParam("ab", "");
  EXPECT_NE(a.Key(), b.Key());
  EXPECT_NE(a.Key(), c.Key());
  EXPECT_NE(KeyEncoder("f1", "").Key(), KeyEncoder("f", "1").Key());
}

TEST(KeyEncoder, OrderOfInputsCounts) {
  KeyEncoder a("f", "1"), b("f", "1");
  a.AddInput("x", DigestOf("1"));
  a.AddInput("y", DigestOf("2"));
  b.AddInput("y", DigestOf("2"));
  b.AddInput("x", DigestOf("1"));
  EXPECT_NE(a.Key(), b.Key());
}

}  // namespace
}  // namespace weft
