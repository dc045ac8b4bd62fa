// dag/internal/input_reader.h — from the sources of inputs that are no steps to values.
#ifndef WEFT_DAG_INTERNAL_INPUT_READER_H_
#define WEFT_DAG_INTERNAL_INPUT_READER_H_

#include <map>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "base/mutex.h"
#include "dag/blob.h"
#include "dag/execute.h"
#include "dag/spec.h"
#include "future/executor.h"
#include "future/task.h"

namespace weft::dag_internal {

// Reads the inputs of one run. A file is hashed once, so that all steps of the run see one version
// of it; it is read when a step needs its bytes, and must then still be that version. Thread-safe.
class InputReader {
 public:
  explicit InputReader(UrlFetcher fetch_url) : fetch_url_(std::move(fetch_url)) {}

  // The value of an input that is no output of a step. Errors name the input.
  Task<absl::StatusOr<Blob>> Read(Executor& executor, const InputSpec& input);

 private:
  absl::StatusOr<Blob> ReadFile(const std::string& path);
  Task<absl::StatusOr<Blob>> ReadUrl(std::string url);

  const UrlFetcher fetch_url_;
  Mutex mu_;
  std::map<std::string, absl::StatusOr<Digest>> file_digests_ ABSL_GUARDED_BY(mu_);
};

}  // namespace weft::dag_internal

#endif  // WEFT_DAG_INTERNAL_INPUT_READER_H_
