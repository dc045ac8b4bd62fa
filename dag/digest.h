// dag/digest.h — content digests, and the frozen encoding from which the key of a result is made.
//
// A Digest is the SHA-256 of some bytes together with their number, printed as "hash/size": the
// digest of the Remote Execution API, so that a remote cache of that kind can hold our values.
//
// A key is the Digest of a canonical encoding (KeyEncoder). That encoding is frozen: a change of
// one bit would make every stored result unreachable, and two different steps with one encoding
// would give a wrong result. digest_test.cc holds golden vectors; kKeyFormat counts versions.
//
// Guarantees
//   Thread safety    Digest is a value. Hasher and KeyEncoder are thread-compatible.
//   Blocks           DigestOfFile reads a file: call it from the blocking pool.
#ifndef WEFT_DAG_DIGEST_H_
#define WEFT_DAG_DIGEST_H_

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "absl/status/statusor.h"

namespace weft {

// SHA-256 and length of a sequence of bytes.
struct Digest {
  std::array<uint8_t, 32> hash{};
  int64_t size = 0;

  // 64 lower-case hexadecimal digits.
  std::string Hex() const;
  // "hex/size".
  std::string ToString() const;
  // The inverse of ToString; nullopt for anything that ToString does not print.
  static std::optional<Digest> Parse(std::string_view text);

  friend auto operator<=>(const Digest&, const Digest&) = default;

  template <typename H>
  friend H AbslHashValue(H state, const Digest& digest) {
    return H::combine(std::move(state), digest.hash, digest.size);
  }
};

// Hashes bytes that come in pieces.
class Hasher {
 public:
  Hasher();
  Hasher(const Hasher&) = delete;
  Hasher& operator=(const Hasher&) = delete;
  ~Hasher();

  // Appends `bytes`.
  void Update(std::string_view bytes);

  // The digest of everything appended; the Hasher is then as new.
  Digest Finish();

 private:
  void* context_;  // EVP_MD_CTX, hidden so that users do not include OpenSSL.
  int64_t size_ = 0;
};

// The digest of `bytes`.
Digest DigestOf(std::string_view bytes);

// The digest of what the file holds. Errors: NotFound and others, as errno says, with the path;
// FailedPrecondition for what is no regular file.
absl::StatusOr<Digest> DigestOfFile(const std::string& path);

// Builds the canonical encoding of what a result depends on, and its digest.
//
// The encoding is the text "weft-key" and kKeyFormat, and then for each field one tag byte and each
// of its parts as a length (8 bytes, little-endian) and the bytes. A field is therefore never the
// prefix of another, and absent differs from empty. Order matters: call in the order of the
// declarations below, parameters sorted by name (equal names in their given order), inputs and
// outputs as declared.
class KeyEncoder {
 public:
  // Version of the encoding; part of it.
  static constexpr char kKeyFormat = '1';

  // Starts with the function's name and version.
  KeyEncoder(std::string_view function, std::string_view version);

  // A parameter that counts towards the result.
  void AddParam(std::string_view name, std::string_view value);

  // An input: its name and what it holds.
  void AddInput(std::string_view name, const Digest& digest);

  // The name of an output.
  void AddOutput(std::string_view name);

  // The key of what was added so far.
  Digest Key() const { return DigestOf(encoding_); }

  // The encoding itself, for tests and for tools that show it.
  const std::string& encoding() const { return encoding_; }

 private:
  void AddPart(std::string_view part);

  std::string encoding_;
};

}  // namespace weft

#endif  // WEFT_DAG_DIGEST_H_
