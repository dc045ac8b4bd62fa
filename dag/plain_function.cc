#include "dag/plain_function.h"

#include <charconv>
#include <system_error>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "dag/internal/blocking.h"
#include "future/or_return.h"
#include "future/task.h"

namespace weft {
namespace {

// Inputs up to this size in all are worked on where they are; more would hold up a worker.
constexpr int64_t kInlineWork = 32 << 10;

class PlainFunction final : public StepFunction {
 public:
  PlainFunction(PlainFunctionInfo info, PlainBody body)
      : info_(std::move(info)), body_(std::move(body)) {}

  std::string_view name() const override { return info_.name; }
  std::string_view version() const override { return info_.version; }
  std::string_view help() const override { return info_.help; }

  absl::Status Check(const StepSpec& spec) const override {
    if (absl::Status status = CheckShape(spec, info_.shape); !status.ok()) return status;
    return CheckNumbers(spec, info_.number_params);
  }

  Task<absl::StatusOr<StepOutputs>> Run(StepContext& context) override {
    std::vector<Blob::Bytes> bytes;
    int64_t size = 0;
    for (const StepInput& input : context.inputs()) {
      bytes.push_back(co_await OrReturn(co_await LoadBlob(context.executor(), input.blob)));
      size += input.blob.size();
    }
    const PlainCall call(context, std::move(bytes));
    if (size <= kInlineWork) co_return body_(call);
    co_return co_await dag_internal::RunBlocking(context.executor(),
                                                 [this, &call] { return body_(call); });
  }

 private:
  const PlainFunctionInfo info_;
  const PlainBody body_;
};

}  // namespace

std::unique_ptr<StepFunction> MakePlainFunction(PlainFunctionInfo info, PlainBody body) {
  return std::make_unique<PlainFunction>(std::move(info), std::move(body));
}

std::optional<int64_t> ParseNumber(std::string_view text, int64_t limit) {
  int64_t number = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc() || stop != end || number < 0 || number > limit) return std::nullopt;
  return number;
}

absl::Status CheckNumbers(const StepSpec& spec,
                          const std::vector<std::pair<std::string, int64_t>>& numbers) {
  for (const ParamSpec& param : spec.params) {
    for (const auto& [name, limit] : numbers) {
      if (param.name != name || ParseNumber(param.value, limit).has_value()) continue;
      return absl::InvalidArgumentError(absl::StrCat("parameter \"", name,
                                                     "\": expected a number from 0 to ", limit,
                                                     ", found \"", param.value, "\""));
    }
  }
  return absl::OkStatus();
}

}  // namespace weft
