// dag/internal/record.h — how records lie in the index: frozen within one format version.
//
// A record is a kind byte, its fields (numbers of 8 bytes, little-endian; texts with their length
// before) and the SHA-256 of all that. A record that does not decode exactly is a miss.
#ifndef WEFT_DAG_INTERNAL_RECORD_H_
#define WEFT_DAG_INTERNAL_RECORD_H_

#include <optional>
#include <string>
#include <string_view>

#include "dag/digest.h"
#include "dag/result.h"

namespace weft::dag_internal {

// 40 bytes: the hash and the size.
std::string EncodeDigest(const Digest& digest);
// The inverse; nullopt unless `bytes` has 40 bytes.
std::optional<Digest> DecodeDigest(std::string_view bytes);

// A StoredResult as bytes.
std::string EncodeResult(const StoredResult& result);
// The inverse; nullopt for anything that EncodeResult does not make.
std::optional<StoredResult> DecodeResult(std::string_view bytes);

// A LastRun as bytes.
std::string EncodeRun(const LastRun& run);
// The inverse; nullopt for anything that EncodeRun does not make.
std::optional<LastRun> DecodeRun(std::string_view bytes);

}  // namespace weft::dag_internal

#endif  // WEFT_DAG_INTERNAL_RECORD_H_
