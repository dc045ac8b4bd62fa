// dag/plain_function.h — a StepFunction from an ordinary C++ function of bytes.
//
//   registry.Register(weft::MakePlainFunction(
//       {.name = "reverse", .version = "1", .shape = {.min_inputs = 1, .max_inputs = 1}},
//       [](const weft::PlainCall& call) -> absl::StatusOr<weft::StepOutputs> {
//         std::string text(call.input(0));
//         std::reverse(text.begin(), text.end());
//         return weft::StepOutputs{std::move(text)};
//       }));
//
// The inputs are loaded before the call. The call is made on a worker if they are small, else in
// the blocking pool; it is not interrupted by cancellation. For a function that waits, implement
// StepFunction.
#ifndef WEFT_DAG_PLAIN_FUNCTION_H_
#define WEFT_DAG_PLAIN_FUNCTION_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "dag/blob.h"
#include "dag/function.h"

namespace weft {

// What a plain function is given; valid during the call.
class PlainCall {
 public:
  PlainCall(const StepContext& context, std::vector<Blob::Bytes> bytes)
      : context_(context), bytes_(std::move(bytes)) {}

  // Number of inputs, and their bytes in the order of the declaration.
  std::size_t input_count() const { return bytes_.size(); }
  std::string_view input(std::size_t i) const { return *bytes_[i]; }
  const std::string& input_name(std::size_t i) const { return context_.inputs()[i].name; }

  // Number of outputs to give.
  std::size_t output_count() const { return context_.outputs().size(); }

  // The first parameter of this name, or `otherwise`.
  std::string_view ParamOr(std::string_view name, std::string_view otherwise) const {
    return context_.FindParam(name).value_or(otherwise);
  }

 private:
  const StepContext& context_;
  const std::vector<Blob::Bytes> bytes_;
};

// The name, the version and the shape of a plain function.
struct PlainFunctionInfo {
  std::string name = {};
  std::string version = {};
  std::string help = {};
  StepShape shape = {};
  // Parameters that must be numbers from 0 to the given limit.
  std::vector<std::pair<std::string, int64_t>> number_params = {};
};

// The function itself. Called from several threads at once.
using PlainBody = std::function<absl::StatusOr<StepOutputs>(const PlainCall& call)>;

// Wraps `body`.
std::unique_ptr<StepFunction> MakePlainFunction(PlainFunctionInfo info, PlainBody body);

// The number that `text` writes in decimal digits, if it lies between 0 and `limit`.
std::optional<int64_t> ParseNumber(std::string_view text, int64_t limit);

// Status InvalidArgument unless all parameters in `numbers` that `spec` has are such numbers.
absl::Status CheckNumbers(const StepSpec& spec,
                          const std::vector<std::pair<std::string, int64_t>>& numbers);

}  // namespace weft

#endif  // WEFT_DAG_PLAIN_FUNCTION_H_
