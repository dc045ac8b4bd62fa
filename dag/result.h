// dag/result.h — what is known of a step that has run: plain data, shared by the interface of a
// step, the executor and the store.
#ifndef WEFT_DAG_RESULT_H_
#define WEFT_DAG_RESULT_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "dag/digest.h"

namespace weft {

// A name with what it stands for.
struct NamedDigest {
  std::string name;
  Digest digest;

  friend bool operator==(const NamedDigest&, const NamedDigest&) = default;
};

// Something that a step looked at while it ran, beside its inputs: checked before its result is
// used again.
struct Observation {
  enum class Kind : uint8_t {
    kFile = 1,    // The file at `path` held `digest`.
    kAbsent = 2,  // There was no file at `path`.
  };
  Kind kind = Kind::kFile;
  // Counted from the step's directory unless it is absolute.
  std::string path;
  Digest digest;

  friend bool operator==(const Observation&, const Observation&) = default;
};

// What a step computed.
struct StoredResult {
  // In the order of the step's declaration.
  std::vector<NamedDigest> outputs;
  std::vector<Observation> observations;
  // Time that the computation took.
  absl::Duration cost;

  friend bool operator==(const StoredResult&, const StoredResult&) = default;
};

// Of what a step was made when it last ran.
struct LastRun {
  Digest key;
  std::string function;
  std::string version;
  // Digest over all parameters that count.
  Digest params;
  std::vector<NamedDigest> inputs;
  std::vector<NamedDigest> outputs;
  std::vector<Observation> observations;
  absl::Time when;

  friend bool operator==(const LastRun&, const LastRun&) = default;
};

// A LastRun with its place: `graph` is any text that tells graphs apart (the path of its file).
struct RunRecord {
  std::string graph;
  std::string step;
  LastRun run;
};

}  // namespace weft

#endif  // WEFT_DAG_RESULT_H_
