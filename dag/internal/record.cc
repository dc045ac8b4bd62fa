#include "dag/internal/record.h"

#include <cstdint>
#include <cstring>
#include <vector>

#include "absl/time/time.h"

namespace weft::dag_internal {
namespace {

constexpr char kKindResult = 'R';
constexpr char kKindRun = 'L';
constexpr std::size_t kHashSize = sizeof(Digest::hash);
constexpr std::size_t kNumberSize = 8;

class Writer {
 public:
  explicit Writer(char kind) { bytes_.push_back(kind); }

  void Number(int64_t number) {
    for (std::size_t i = 0; i < kNumberSize; ++i) {
      bytes_.push_back(static_cast<char>((static_cast<uint64_t>(number) >> (8 * i)) & 0xff));
    }
  }
  void Text(std::string_view text) {
    Number(static_cast<int64_t>(text.size()));
    bytes_.append(text);
  }
  void Put(const Digest& digest) { bytes_.append(EncodeDigest(digest)); }
  void Put(const std::vector<NamedDigest>& list) {
    Number(static_cast<int64_t>(list.size()));
    for (const NamedDigest& item : list) {
      Text(item.name);
      Put(item.digest);
    }
  }
  void Put(const std::vector<Observation>& list) {
    Number(static_cast<int64_t>(list.size()));
    for (const Observation& item : list) {
      Number(static_cast<int64_t>(item.kind));
      Text(item.path);
      Put(item.digest);
    }
  }
  std::string Finish() {
    const Digest digest = DigestOf(bytes_);
    bytes_.append(reinterpret_cast<const char*>(digest.hash.data()), kHashSize);
    return std::move(bytes_);
  }

 private:
  std::string bytes_;
};

// Each method consumes from the front; after a failure `ok()` stays false and values are empty.
class Reader {
 public:
  Reader(std::string_view bytes, char kind) {
    if (bytes.size() < 1 + kHashSize || bytes[0] != kind) return;
    const std::string_view body = bytes.substr(0, bytes.size() - kHashSize);
    const Digest digest = DigestOf(body);
    if (std::memcmp(digest.hash.data(), bytes.data() + body.size(), kHashSize) != 0) return;
    rest_ = body.substr(1);
    ok_ = true;
  }

  bool ok() const { return ok_; }
  bool at_end() const { return ok_ && rest_.empty(); }

  std::string_view Take(std::size_t count) {
    if (!ok_ || count > rest_.size()) {
      ok_ = false;
      return {};
    }
    const std::string_view taken = rest_.substr(0, count);
    rest_.remove_prefix(count);
    return taken;
  }
  int64_t Number() {
    uint64_t number = 0;
    const std::string_view bytes = Take(kNumberSize);
    for (std::size_t i = 0; i < bytes.size(); ++i) {
      number |= uint64_t{static_cast<uint8_t>(bytes[i])} << (8 * i);
    }
    return static_cast<int64_t>(number);
  }
  std::string Text() { return std::string(Take(static_cast<std::size_t>(Number()))); }
  Digest GetDigest() { return DecodeDigest(Take(kHashSize + kNumberSize)).value_or(Digest()); }
  std::vector<NamedDigest> NamedDigests() {
    std::vector<NamedDigest> list;
    for (int64_t count = Number(); ok_ && count > 0; --count) {
      std::string name = Text();
      list.push_back({std::move(name), GetDigest()});
    }
    return list;
  }
  std::vector<Observation> Observations() {
    std::vector<Observation> list;
    for (int64_t count = Number(); ok_ && count > 0; --count) {
      Observation item;
      const int64_t kind = Number();
      if (kind != static_cast<int64_t>(Observation::Kind::kFile) &&
          kind != static_cast<int64_t>(Observation::Kind::kAbsent)) {
        ok_ = false;
      }
      item.kind = static_cast<Observation::Kind>(kind);
      item.path = Text();
      item.digest = GetDigest();
      list.push_back(std::move(item));
    }
    return list;
  }

 private:
  std::string_view rest_;
  bool ok_ = false;
};

}  // namespace

std::string EncodeDigest(const Digest& digest) {
  std::string bytes(reinterpret_cast<const char*>(digest.hash.data()), kHashSize);
  for (std::size_t i = 0; i < kNumberSize; ++i) {
    bytes.push_back(static_cast<char>((static_cast<uint64_t>(digest.size) >> (8 * i)) & 0xff));
  }
  return bytes;
}

std::optional<Digest> DecodeDigest(std::string_view bytes) {
  if (bytes.size() != kHashSize + kNumberSize) return std::nullopt;
  Digest digest;
  std::memcpy(digest.hash.data(), bytes.data(), kHashSize);
  uint64_t size = 0;
  for (std::size_t i = 0; i < kNumberSize; ++i) {
    size |= uint64_t{static_cast<uint8_t>(bytes[kHashSize + i])} << (8 * i);
  }
  digest.size = static_cast<int64_t>(size);
  return digest;
}

std::string EncodeResult(const StoredResult& result) {
  Writer writer(kKindResult);
  writer.Put(result.outputs);
  writer.Put(result.observations);
  writer.Number(absl::ToInt64Nanoseconds(result.cost));
  return writer.Finish();
}

std::optional<StoredResult> DecodeResult(std::string_view bytes) {
  Reader reader(bytes, kKindResult);
  StoredResult result;
  result.outputs = reader.NamedDigests();
  result.observations = reader.Observations();
  result.cost = absl::Nanoseconds(reader.Number());
  if (!reader.at_end()) return std::nullopt;
  return result;
}

std::string EncodeRun(const LastRun& run) {
  Writer writer(kKindRun);
  writer.Put(run.key);
  writer.Text(run.function);
  writer.Text(run.version);
  writer.Put(run.params);
  writer.Put(run.inputs);
  writer.Put(run.outputs);
  writer.Put(run.observations);
  writer.Number(absl::ToUnixNanos(run.when));
  return writer.Finish();
}

std::optional<LastRun> DecodeRun(std::string_view bytes) {
  Reader reader(bytes, kKindRun);
  LastRun run;
  run.key = reader.GetDigest();
  run.function = reader.Text();
  run.version = reader.Text();
  run.params = reader.GetDigest();
  run.inputs = reader.NamedDigests();
  run.outputs = reader.NamedDigests();
  run.observations = reader.Observations();
  run.when = absl::FromUnixNanos(reader.Number());
  if (!reader.at_end()) return std::nullopt;
  return run;
}

}  // namespace weft::dag_internal
