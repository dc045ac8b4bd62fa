#include "tools/model/internal/place.h"

#include <array>
#include <cstdint>
#include <cstring>
#include <deque>
#include <map>
#include <tuple>

namespace weft::model_internal {
namespace {

struct CacheEntry {
  const char* file = nullptr;
  uint32_t line = 0;
  uint32_t column = 0;
  Call call = Call::kOther;
  PlaceId id = kNone;
};

constexpr std::size_t kCacheSize = 1024;

struct Registry {
  std::deque<Place> places{1};  // Place 0 is nowhere.
  std::map<std::tuple<std::string, uint32_t, uint32_t, Call>, PlaceId> ids;
  std::array<CacheEntry, kCacheSize> cache;
};

Registry& registry() {
  static Registry instance;
  return instance;
}

// "TryPush" of "PushResult<T> weft::LapRing<T, Atomics>::TryPush(T &&) [T = int, ...]".
std::string ShortFunction(const char* signature) {
  std::string name = signature;
  name = name.substr(0, name.find(" [with "));
  name = name.substr(0, name.find(" ["));
  // The parenthesis of the parameters is the last one that opens outside of all brackets.
  int depth = 0;
  std::size_t end = name.size();
  for (std::size_t i = name.size(); i-- > 0;) {
    if (name[i] == ')') ++depth;
    if (name[i] == '(' && --depth == 0) {
      end = i;
      break;
    }
  }
  name = name.substr(0, end);
  depth = 0;
  for (std::size_t i = name.size(); i-- > 0;) {
    if (name[i] == '>') ++depth;
    if (name[i] == '<') --depth;
    if (depth == 0 && (name[i] == ':' || name[i] == ' ')) return name.substr(i + 1);
  }
  return name;
}

}  // namespace

Mutation current_mutation;

PlaceId PlaceOf(const std::source_location& where, Call call) {
  Registry& all = registry();
  const uint64_t hash = (reinterpret_cast<std::uintptr_t>(where.file_name()) >> 2) +
                        uint64_t{where.line()} * 31 + where.column() * 7 +
                        static_cast<uint64_t>(call);
  CacheEntry& entry = all.cache[hash % kCacheSize];
  if (entry.file == where.file_name() && entry.line == where.line() &&
      entry.column == where.column() && entry.call == call) {
    return entry.id;
  }
  const auto [found, is_new] =
      all.ids.try_emplace({where.file_name(), where.line(), where.column(), call},
                          static_cast<PlaceId>(all.places.size()));
  if (is_new) {
    Place place;
    place.file = where.file_name();
    place.line = static_cast<int>(where.line());
    place.column = static_cast<int>(where.column());
    place.function = ShortFunction(where.function_name());
    place.call = call;
    all.places.push_back(place);
  }
  entry = {where.file_name(), where.line(), where.column(), call, found->second};
  return found->second;
}

Place& PlaceAt(PlaceId id) { return registry().places[id]; }

int PlaceCount() { return static_cast<int>(registry().places.size()); }

void ForgetPasses() {
  for (Place& place : registry().places) place.passed = false;
}

std::string Name(const Place& place) {
  const char* slash = std::strrchr(place.file, '/');
  return std::string(slash != nullptr ? slash + 1 : place.file) + ":" + std::to_string(place.line) +
         " " + place.function;
}

std::string_view Name(std::memory_order order) {
  switch (order) {
    case std::memory_order::relaxed:
      return "relaxed";
    case std::memory_order::consume:
      return "consume";
    case std::memory_order::acquire:
      return "acquire";
    case std::memory_order::release:
      return "release";
    case std::memory_order::acq_rel:
      return "acq_rel";
    case std::memory_order::seq_cst:
      return "seq_cst";
  }
  return "?";
}

}  // namespace weft::model_internal
