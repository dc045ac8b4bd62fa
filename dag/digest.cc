#include "dag/digest.h"

#include <fcntl.h>
#include <openssl/evp.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <memory>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "base/check.h"

namespace weft {
namespace {

constexpr char kHexDigits[] = "0123456789abcdef";
constexpr std::size_t kReadSize = 1 << 16;

// Tags of the fields of a key. Frozen.
constexpr char kTagFunction = 'f';
constexpr char kTagParam = 'p';
constexpr char kTagInput = 'i';
constexpr char kTagOutput = 'o';

int HexValue(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}

EVP_MD_CTX* Context(void* context) { return static_cast<EVP_MD_CTX*>(context); }

// Fetched once: the implicit fetch of EVP_sha256() takes a lock and a look-up at each use.
const EVP_MD* Sha256() {
  static const EVP_MD* const algorithm = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  return algorithm;
}

void AppendLength(std::string* out, uint64_t value) {
  for (int shift = 0; shift < 64; shift += 8) {
    out->push_back(static_cast<char>((value >> shift) & 0xff));
  }
}

}  // namespace

std::string Digest::Hex() const {
  std::string text;
  text.reserve(2 * hash.size());
  for (const uint8_t byte : hash) {
    text.push_back(kHexDigits[byte >> 4]);
    text.push_back(kHexDigits[byte & 15]);
  }
  return text;
}

std::string Digest::ToString() const { return absl::StrCat(Hex(), "/", size); }

std::optional<Digest> Digest::Parse(std::string_view text) {
  Digest digest;
  const std::size_t hex_size = 2 * digest.hash.size();
  if (text.size() < hex_size + 2 || text[hex_size] != '/') return std::nullopt;
  for (std::size_t i = 0; i < digest.hash.size(); ++i) {
    const int high = HexValue(text[2 * i]), low = HexValue(text[2 * i + 1]);
    if (high < 0 || low < 0) return std::nullopt;
    digest.hash[i] = static_cast<uint8_t>(high * 16 + low);
  }
  const std::string_view size = text.substr(hex_size + 1);
  if (size.size() > 18 || (size.size() > 1 && size[0] == '0')) return std::nullopt;
  for (const char c : size) {
    if (c < '0' || c > '9') return std::nullopt;
    digest.size = digest.size * 10 + (c - '0');
  }
  return digest;
}

Hasher::Hasher() : context_(EVP_MD_CTX_new()) {
  WEFT_CHECK(context_ != nullptr) << "Hasher: OpenSSL gave no digest context; out of memory?";
  WEFT_CHECK(EVP_DigestInit_ex(Context(context_), Sha256(), nullptr) == 1)
      << "Hasher: OpenSSL offers no SHA-256; is a provider configuration in the way?";
}

Hasher::~Hasher() { EVP_MD_CTX_free(Context(context_)); }

void Hasher::Update(std::string_view bytes) {
  WEFT_CHECK(EVP_DigestUpdate(Context(context_), bytes.data(), bytes.size()) == 1)
      << "Hasher::Update: OpenSSL failed";
  size_ += static_cast<int64_t>(bytes.size());
}

Digest Hasher::Finish() {
  Digest digest;
  digest.size = size_;
  WEFT_CHECK(EVP_DigestFinal_ex(Context(context_), digest.hash.data(), nullptr) == 1 &&
             EVP_DigestInit_ex(Context(context_), nullptr, nullptr) == 1)
      << "Hasher::Finish: OpenSSL failed";
  size_ = 0;
  return digest;
}

Digest DigestOf(std::string_view bytes) {
  Hasher hasher;
  hasher.Update(bytes);
  return hasher.Finish();
}

absl::StatusOr<Digest> DigestOfFile(const std::string& path) {
  // A pipe or a terminal must not hold up its reader for ever: it is opened without waiting, and
  // refused.
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) return absl::ErrnoToStatus(errno, absl::StrCat("cannot open ", path));
  struct stat info;
  if (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode)) {
    close(fd);
    return absl::FailedPreconditionError(absl::StrCat(path, " is no regular file"));
  }
  const auto buffer = std::make_unique<char[]>(kReadSize);
  Hasher hasher;
  ssize_t count = 0;
  int error = 0;
  do {
    count = read(fd, buffer.get(), kReadSize);
    if (count > 0) hasher.Update({buffer.get(), static_cast<std::size_t>(count)});
    if (count < 0) error = errno;
  } while (count > 0 || (count < 0 && error == EINTR));
  close(fd);
  if (count < 0) return absl::ErrnoToStatus(error, absl::StrCat("cannot read ", path));
  return hasher.Finish();
}

KeyEncoder::KeyEncoder(std::string_view function, std::string_view version)
    : encoding_("weft-key") {
  encoding_.push_back(kKeyFormat);
  encoding_.push_back(kTagFunction);
  AddPart(function);
  AddPart(version);
}

void KeyEncoder::AddParam(std::string_view name, std::string_view value) {
  encoding_.push_back(kTagParam);
  AddPart(name);
  AddPart(value);
}

void KeyEncoder::AddInput(std::string_view name, const Digest& digest) {
  encoding_.push_back(kTagInput);
  AddPart(name);
  AddPart({reinterpret_cast<const char*>(digest.hash.data()), digest.hash.size()});
  AppendLength(&encoding_, static_cast<uint64_t>(digest.size));
}

void KeyEncoder::AddOutput(std::string_view name) {
  encoding_.push_back(kTagOutput);
  AddPart(name);
}

void KeyEncoder::AddPart(std::string_view part) {
  AppendLength(&encoding_, part.size());
  encoding_.append(part);
}

}  // namespace weft
